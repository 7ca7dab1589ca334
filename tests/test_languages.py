"""A language has one code, however it is written; a conversation changes it where Whisper is sure, a cry doesn't."""

import pytest

from intone.asr.languages import CODES, NAMES, Language, code
from intone.errors import IntoneError


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("en", "en"),
        ("EN", "en"),
        ("English", "en"),
        (" english ", "en"),
        ("en-US", "en"),
        ("en_GB", "en"),
        ("Haitian Creole", "ht"),
        ("Mandarin", "zh"),
        ("HAW", "haw"),
    ],
)
def test_a_language_has_one_code(written, expected):
    assert code(written) == expected


@pytest.mark.parametrize(("wrong", "offered"), [("Englisch", "english"), ("germn", "de (german)"), ("xx", "en")])
def test_what_is_no_language_is_refused_with_near_ones(wrong, offered):
    with pytest.raises(IntoneError) as refused:
        code(wrong)
    said = str(refused.value)
    assert repr(wrong) in said and offered in said and said.endswith(".") and "\n" not in said
    # The remedy works: what is offered is taken.
    assert code(said.rpartition("(")[2].rstrip(").")) in CODES


def test_whispers_own_languages_are_those():
    tokenizer = pytest.importorskip("faster_whisper.tokenizer")
    assert set(tokenizer._LANGUAGE_CODES) == CODES
    assert all(code(name) == known for name, known in NAMES.items())


def opinion(**chances: float) -> dict[str, float]:
    """The rest is shared among two others."""
    left = (1 - sum(chances.values())) / 2
    return {"nn": left, "la": left} | chances


def follow(*stretches: tuple[dict[str, float], float]) -> list[str]:
    language, out = Language(None), []
    for chances, seconds in stretches:
        out.append(language.of(lambda chances=chances: chances, seconds))
        language.said(out[-1], seconds)
    return out


SURE_ENGLISH, SURE_POLISH = opinion(en=0.98, pl=0.001), opinion(en=0.001, pl=0.98)


def test_a_sure_change_is_followed_there_and_back():
    found = follow((SURE_ENGLISH, 3), (SURE_POLISH, 3), (SURE_ENGLISH, 3), (SURE_POLISH, 1.7))
    assert found == ["en", "pl", "en", "pl"]


def test_a_cry_does_not_change_the_language():
    cry = {"zh": 0.3, "ja": 0.2, "en": 0.03, "nn": 0.2}
    assert follow((SURE_ENGLISH, 3), (cry, 1.0), (cry, 0.5), (SURE_ENGLISH, 3)) == ["en"] * 4
    assert follow((cry, 1.0), (SURE_ENGLISH, 3)) == ["zh", "en"]  # nothing was heard before it


def test_a_language_that_was_heard_before_comes_back_sooner_than_a_new_one():
    doubtful = {"pl": 0.9, "en": 0.06, "nn": 0.04}
    assert follow((SURE_ENGLISH, 3), (doubtful, 2)) == ["en", "en"]
    assert follow((SURE_POLISH, 3), (SURE_ENGLISH, 3), (doubtful, 2)) == ["pl", "en", "pl"]


def test_the_recording_has_the_language_that_is_spoken_most():
    language = Language(None)
    assert language.known is None
    for chances, seconds in ((SURE_ENGLISH, 3), (SURE_POLISH, 5), (SURE_ENGLISH, 4)):
        language.said(language.of(lambda chances=chances: chances, seconds), seconds)
    assert language.known == "en" and language.spoken == {"en": 7, "pl": 5}


def test_a_given_language_is_not_asked_for():
    language = Language("de")
    assert language.of(lambda: pytest.fail("it was asked"), 3) == "de" and language.known == "de"
