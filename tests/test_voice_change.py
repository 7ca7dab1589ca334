"""Where another voice may begin inside of a sentence, and the parts of a sentence that is cut there."""

import numpy as np
import pytest

from intone.inference.found import Found
from intone.inference.voice_change import SHORTEST_S, changes

RATE = 16_000


class Encoder:
    """Tells voices apart by the share of samples above 0."""

    def embedding(self, signal: np.ndarray) -> np.ndarray:
        share = float((signal[signal != 0] > 0).mean())
        angle = share * np.pi / 2
        return np.array([np.cos(angle), np.sin(angle)], np.float32)


def voice(sign: int, seconds: float, seed: int = 0) -> np.ndarray:
    return sign * np.abs(0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def test_another_voice_is_found_where_it_is_quiet():
    pause = np.full(RATE // 5, 1e-6, np.float32)
    sound = np.concatenate([voice(1, 2.2), pause, voice(-1, 1.9)])
    (moment,) = changes(Encoder(), sound)
    assert 2.2 <= moment <= 2.4
    back = np.concatenate([sound, pause, voice(1, 2.0)])
    assert changes(Encoder(), back) == [pytest.approx(2.3, abs=0.15), pytest.approx(4.4, abs=0.15)]


@pytest.mark.parametrize("seconds", [0.3, 1.5, 5.0])
def test_one_voice_has_no_change(seconds):
    assert changes(Encoder(), voice(1, seconds)) == []


def test_no_part_is_shorter_than_allowed():
    sound = np.concatenate([voice(1, 0.4), voice(-1, 2.0)])
    for moment in changes(Encoder(), sound):
        assert SHORTEST_S <= moment <= len(sound) / RATE - SHORTEST_S


def word(text: str, start: float, end: float) -> dict:
    return {"word": text, "start": start, "end": end, "probability": 0.9}


def test_parts_hold_all_of_a_sentence_and_no_word_is_cut():
    words = [word(" I", 10.2, 10.6), word(" know.", 10.7, 11.4), word(" Why", 11.5, 11.9), word(" so?", 11.9, 12.6)]
    sound = np.arange(3 * RATE, dtype=np.float32)
    whole = Found(10.2, 12.7, 10.0, sound, words, "en")
    parts = whole.cut([1.3])  # 11.3 s, inside of "know."
    assert [(p.start, p.end, p.begin) for p in parts] == [(10.2, 11.4, 10.0), (11.4, 12.7, 11.4)]
    assert [[w["word"] for w in p.words] for p in parts] == [[" I", " know."], [" Why", " so?"]]
    assert np.array_equal(np.concatenate([p.sound for p in parts]), sound)
    (alone,) = whole.cut([])
    assert (alone.start, alone.end, alone.begin, alone.words) == (10.2, 12.7, 10.0, words)
