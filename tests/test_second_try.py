"""What Whisper leaves out is heard again, in parts; what cannot have been said is not believed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intone.asr.alignment import Word, natural
from intone.asr.languages import Language
from intone.asr.retry import sentences_of, written
from intone.asr.sentences import text_of
from intone.audio.frames import SAMPLE_RATE
from intone.audio.segments import MAX_SEGMENT_S, MIN_WORDLESS_S, Span, Stretch, covering, uncovered


def words(said: str, start: float, end: float, probability: float = 0.9) -> list[Word]:
    """Words of one length from `start` to `end`."""
    parts = said.split()
    each = (end - start) / max(1, len(parts))
    return [
        Word(word=f" {w}", start=start + i * each, end=start + (i + 1) * each, probability=probability)
        for i, w in enumerate(parts)
    ]


@dataclass
class Scripted:
    """Gives these answers in turn, the last again and again, by a stretch's seconds; keeps the seconds it was given."""

    answers: list[Callable[[float], list[Word]]]
    drawn: Callable[[float], list[Word]] = lambda seconds: []
    heard: list[float] = field(default_factory=list)
    sampled: list[float] = field(default_factory=list)

    def hints(self, signal: np.ndarray) -> bool:
        return True

    def languages(self, signal: np.ndarray) -> dict[str, float]:
        return {"en": 1.0}

    def speaking(self, language: str) -> "Scripted":
        return self

    def timed_words(self, signal: np.ndarray) -> list[Word]:
        self.heard.append(len(signal) / SAMPLE_RATE)
        return self.answers[min(len(self.heard), len(self.answers)) - 1](self.heard[-1])

    def sampled_words(self, signal: np.ndarray) -> list[Word]:
        self.sampled.append(len(signal) / SAMPLE_RATE)
        return self.drawn(self.sampled[-1])


def stretch(seconds: float, start: float = 0.0, speech: Sequence[Span] = ()) -> Stretch:
    return Stretch(start, np.zeros(round(seconds * SAMPLE_RATE), np.float32), tuple(speech))


def nothing(seconds: float) -> list[Word]:
    return []


def test_what_has_words_is_heard_once():
    whisper = Scripted([lambda s: words("Kids are talking by the door.", 0.2, s - 0.2)])
    (sentence,) = sentences_of(whisper, stretch(4, 10, [(10.1, 13.9)]))
    assert text_of(sentence) == "Kids are talking by the door." and whisper.heard == [4] and not whisper.sampled
    assert sentence[0]["start"] == 10.2 and sentence[-1]["end"] == 13.8


def test_a_long_stretch_without_words_is_heard_again_in_parts():
    whisper = Scripted([nothing, lambda s: words("Kids are talking.", 0.3, s - 0.3)])
    speech = [(100.0, 109.0), (109.5, 118.0), (118.5, 127.0)]
    found = sentences_of(whisper, stretch(27, 100, speech))
    assert len(found) == 3 and whisper.heard[0] == 27 and len(whisper.heard) == 4
    assert max(whisper.heard[1:]) <= MAX_SEGMENT_S
    starts = [sentence[0]["start"] for sentence in found]
    assert starts == sorted(starts) and starts[1] == pytest.approx(109.6, abs=0.01)


def test_neighbouring_parts_do_not_hear_each_other():
    whisper = Scripted([nothing, lambda s: words("Kids are talking.", 0, s)])
    found = sentences_of(whisper, stretch(24, 0, [(0.0, 12.0), (12.0, 24.0)]))
    assert [(s[0]["start"], s[-1]["end"]) for s in found] == [(0.0, 12.0), (12.0, 24.0)]


def test_what_ends_early_goes_on_where_it_stopped():
    whisper = Scripted([lambda s: words("Kids are talking.", 0, 3), lambda s: words("Dogs are sitting.", 0.1, s)])
    found = sentences_of(whisper, stretch(9, 0, [(0.0, 8.8)]))
    assert [text_of(s) for s in found] == ["Kids are talking.", "Dogs are sitting."]
    assert found[1][0]["start"] >= 3.0 and whisper.heard[1] == pytest.approx(6.0)


def test_a_hum_between_two_words_is_not_tried_again():
    whisper = Scripted([lambda s: words("Kids are talking.", 0, 3)])
    sentences_of(whisper, stretch(4, 0, [(0.0, 3.0 + 0.9 * MIN_WORDLESS_S)]))
    assert whisper.heard == [4] and not whisper.sampled


def test_a_short_stretch_is_drawn_and_needs_sure_words():
    drawn = Scripted([nothing], lambda s: words("No no no.", 0, s))
    (sentence,) = sentences_of(drawn, stretch(3, 5, [(5.2, 7.9)]))
    assert text_of(sentence) == "No no no." and drawn.heard == [3] and drawn.sampled == [pytest.approx(3, abs=0.2)]
    doubtful = Scripted([nothing], lambda s: words("Thank you.", 0, s, 0.5))
    assert sentences_of(doubtful, stretch(3, 0, [(0.2, 2.9)])) == []


def test_where_the_detector_doubts_words_have_to_be_sure_and_several():
    def sentences(said: str, probability: float) -> int:
        whisper = Scripted([lambda s: words(said, 0, s, probability)])
        found = sentences_of(whisper, replace(stretch(3, 0, [(0.0, 3.0)]), doubtful=True))
        assert whisper.heard == [3] and not whisper.sampled
        return len(found)

    assert sentences("Kids are talking.", 0.9) == 1
    assert sentences("Kids are talking.", 0.5) == sentences("Thank you.", 0.9) == sentences("", 0.9) == 0


def test_without_strict_speech_nothing_is_tried_again():
    whisper = Scripted([nothing])
    assert sentences_of(whisper, stretch(3, 0, [])) == [] and whisper.heard == [3] and not whisper.sampled


@pytest.mark.parametrize(
    ("said", "believed"),
    [
        (words("Kids are talking by the door.", 0, 2), True),
        (words("No.", 0, 0.2), True),
        (words("No, no, no, no, no!", 0, 2), True),
        (words("la " * 50, 0, 1.0), False),  # fifty words a second
        (words("Kids are", 0, 1) + words("talking by the door now", 1, 1.1), False),  # words of 20 ms
        (words("Bye.", 0, 0.02), False),
        (words("Ow!", 0, 0.5, 0.05), False),
        (words("... !", 0, 2), False),
        (words("好 。", 0, 1), True),
        (words("BADDADDADDADDADDAD", 0, 1), False),
        ([{**w, "word": w["word"].strip()} for w in words("H- H- H- H- H- H-", 0, 2)], False),
        ([], False),
    ],
)
def test_words_that_cannot_have_been_said_are_not_believed(said, believed):
    assert natural(said) == believed


def test_a_loop_of_squeezed_words_costs_its_sentence_alone():
    loop = words("Kids are talking.", 0, 3) + words("and the and the and the and the.", 3.9, 4.0)
    whisper = Scripted([lambda s: loop])
    assert [text_of(s) for s in sentences_of(whisper, stretch(4, 0, [(0.0, 3.2)]))] == ["Kids are talking."]


tenths = st.integers(0, 270)


@given(st.lists(st.tuples(tenths, st.integers(1, 12)), max_size=40), st.lists(tenths, max_size=12))
def test_whatever_words_come_all_speech_lies_in_segments(spoken, edges):
    """The law of the analysing road: random words and spans of strict speech; no second of speech is in no segment."""
    at, told = 0.0, []
    for start, length in sorted(spoken):
        begin = max(at, start / 10)
        at = begin + length / 10
        told.append(Word(word=" a." if start % 3 else " a", start=begin, end=at, probability=0.9))
    marks = sorted(set(edges))
    speech = [(a / 10, b / 10) for a, b in zip(marks[::2], marks[1::2], strict=False)]
    found = sentences_of(Scripted([lambda s: told, nothing]), stretch(28, 0, speech))
    spans = [(s[0]["start"], s[-1]["end"]) for s in found]
    wide, alone = covering(spans, speech)
    assert not uncovered(speech, sorted(wide + alone))
    assert all(sentence[0]["start"] >= span[0] for sentence, span in zip(found, wide, strict=True))


def test_a_stretch_of_words_counts_for_the_language_and_noise_does_not():
    language = Language(None)
    written(Scripted([nothing]), stretch(3), language)
    assert not language.spoken and language.known == "en"
    language.spoken["fr"] = 3.0
    assert written(Scripted([nothing]), stretch(3), language)[0] == "fr"  # a cry among sentences is in their language
    language.spoken.clear()
    written(Scripted([lambda s: words("Kids are talking.", 0, 2)]), stretch(2.5), language)
    assert language.spoken == {"en": pytest.approx(2.0)}
