"""Words of several stretches at once are those of one stretch after the other."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from intone.asr.ahead import written_ahead
from intone.asr.alignment import Word
from intone.asr.languages import Language
from intone.asr.retry import written
from intone.asr.sentences import text_of
from intone.audio.frames import SAMPLE_RATE
from intone.audio.segments import Stretch


@dataclass(frozen=True)
class Interpreter:
    """Says in which language it transcribes; a stretch's first sample is the probability of Polish, its second whether
    there are words, its third for how long it is busy, in seconds."""

    language: str = "en"
    tried: list[str] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)

    def hints(self, signal: np.ndarray) -> bool:
        self.tried.append("hint")
        return bool(signal[1])

    def languages(self, signal: np.ndarray) -> dict[str, float]:
        return {"pl": float(signal[0]), "en": 1 - float(signal[0])}

    def speaking(self, language: str) -> "Interpreter":
        return replace(self, language=language)

    def timed_words(self, signal: np.ndarray) -> list[Word]:
        self.tried.append(self.language)
        self.threads.add(threading.get_ident())
        time.sleep(float(signal[2]))
        said = f" In {self.language} it is." if signal[1] else ""
        return [
            Word(word=w, start=0.1 + 0.3 * k, end=0.4 + 0.3 * k, probability=0.9) for k, w in enumerate(said.split())
        ]

    def sampled_words(self, signal: np.ndarray) -> list[Word]:
        return []


def stretch(at: float, polish: float, words: bool = True, busy: float = 0.0, doubtful: bool = False) -> Stretch:
    signal = np.zeros(2 * SAMPLE_RATE, np.float32)
    signal[:3] = polish, words, busy
    return Stretch(at, signal, ((at, at + 2.0),), doubtful)


TALK = [
    stretch(0, 0.01, busy=0.05),
    stretch(3, 0.4),  # English alone, and Polish after Polish
    stretch(6, 0.99),
    stretch(9, 0.7, busy=0.02),  # Polish, which was spoken before it
    stretch(12, 0.4),
    stretch(15, 0.5, words=False, doubtful=True),
    stretch(18, 0.02),
    stretch(21, 0.9, words=False),
]


def told(found: Sequence[tuple[str | None, list[list[Word]]]]) -> list[tuple[str | None, list[str], list[float]]]:
    return [(lang, list(map(text_of, said)), [one[0]["start"] for one in said]) for lang, said in found]


@pytest.mark.parametrize("at_once", [1, 2, 4])
@pytest.mark.parametrize("given", [None, "pl"])
def test_words_are_those_of_one_stretch_after_the_other(at_once: int, given: str | None) -> None:
    one, language = Interpreter(), Language(given)
    expected = told([written(one, part, language) for part in TALK])
    several, followed = Interpreter(), Language(given)
    found = list(written_ahead(several, iter(TALK), followed, at_once))
    assert [part for part, *_ in found] == TALK
    assert told([(lang, said) for _, lang, said in found]) == expected
    assert (followed.spoken, followed.belief) == (language.spoken, language.belief)
    if at_once > 1:
        assert len(several.threads) > 1
        # A wrong language is found out, which takes another try.
        assert len(several.tried) > len(one.tried) or given


def test_hardly_any_speech_is_tried_quickly_and_no_more_without_words() -> None:
    ear = Interpreter()
    assert written(ear, stretch(0, 0.5, words=False, doubtful=True), Language(None)) == (None, [])
    assert ear.tried == ["hint"]
    ear.tried.clear()
    spoken, (sentence,) = written(ear, stretch(0, 0.01, doubtful=True), Language(None))
    assert spoken == "en" and len(sentence) == 4 and ear.tried == ["hint", "en"]


def test_a_failure_comes_in_its_turn_and_leaves_nothing_running() -> None:
    class Broken(Interpreter):
        def timed_words(self, signal: np.ndarray) -> list[Word]:
            if signal[0] > 0.9:
                raise MemoryError
            return super().timed_words(signal)

        def speaking(self, language: str) -> "Broken":
            return self

    before, seen = threading.active_count(), []
    with pytest.raises(MemoryError):
        for part, *_ in written_ahead(Broken(), iter(TALK), Language(None), 2):
            seen.append(part.start)
    assert seen == [0, 3] and threading.active_count() == before


def test_a_reader_who_stops_stops_the_rest() -> None:
    ear = Interpreter()
    found = written_ahead(ear, iter(TALK), Language("en"), 1)
    next(found)
    found.close()
    assert len(ear.tried) <= 3
