"""Timed words (s) -> sentences (lists of words), which end at a punctuation mark, a long pause or a limit of length."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from intone.asr.alignment import Word
from intone.audio.segments import MAX_SEGMENT_S

MIN_PAUSE_S: Final = 0.8
"""Seconds between two words from which a new sentence begins, whatever the punctuation."""

ENDS: Final = tuple(".?!…。？！")
TITLES: Final = ("Mr.", "Mrs.", "Ms.", "Dr.", "St.", "Prof.")


def sentences(words: Sequence[Word], longest: float = MAX_SEGMENT_S) -> list[list[Word]]:
    """Words -> sentences, which end at a punctuation mark or a long pause and last at most `longest` seconds where they
    have two words or more."""
    out: list[list[Word]] = []
    ended = True
    for word in words:
        if ended or word["start"] - out[-1][-1]["end"] >= MIN_PAUSE_S:
            out.append([])
        out[-1].append(word)
        spoken = word["word"].strip().rstrip("\"'”’)")
        ended = spoken.endswith(ENDS) and spoken not in TITLES
    return [part for sentence in out for part in _shortened(sentence, longest)]


def _shortened(sentence: list[Word], longest: float) -> list[list[Word]]:
    if len(sentence) < 2 or sentence[-1]["end"] - sentence[0]["start"] <= longest:
        return [sentence]
    length = len(sentence)
    # A pause near the middle is worth more than one at the edge, and with no pause at all the middle is taken.
    worth = [
        (sentence[i]["start"] - sentence[i - 1]["end"] + 0.05) * min(i, length - i) / length for i in range(1, length)
    ]
    cut = 1 + int(np.argmax(worth))
    return [*_shortened(sentence[:cut], longest), *_shortened(sentence[cut:], longest)]


def text_of(words: Sequence[Word]) -> str:
    """Words as Whisper wrote them, one space between two."""
    return " ".join("".join(word["word"] for word in words).split())


def moved(words: Sequence[Word], by: float) -> list[Word]:
    """Words, moved `by` seconds later and rounded to milliseconds."""
    return [
        Word(
            word=w["word"],
            start=round(w["start"] + by, 3),
            end=round(w["end"] + by, 3),
            probability=w["probability"],
        )
        for w in words
    ]
