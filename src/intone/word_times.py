"""Whisper's tokens for a stretch of speech -> its words with their times in it, in seconds.

Times come from the decoder's attention over the sound (cross-attention and dynamic time warping, as in Whisper's own
word timestamps), which CTranslate2 has in `align`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypedDict

from intone.audio import SAMPLE_RATE

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer

FRAME: Final = SAMPLE_RATE // 50
"""Samples in one state of Whisper's encoder, 20 ms: words are no shorter."""

LONGEST: Final = 1.2
"""Seconds: attention lets the first word begin with the silence before it."""

LEADING, TRAILING = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"
"""Marks that belong to the word behind them and to the word before them."""


class Word(TypedDict):
    """One word, with the keys that Whisper's own output has."""

    word: str
    start: float
    end: float
    probability: float


def aligned(
    model: "WhisperModel", tokenizer: "Tokenizer", tokens: Sequence[int], encoded: Any, samples: int
) -> list[Word]:
    """Words of a stretch that is `samples` long at 16 kHz, in order; each lasts 20 ms or more, and none overlap."""
    from faster_whisper.transcribe import merge_punctuations

    spoken = [token for token in tokens if token < tokenizer.eot]
    found = model.find_alignment(tokenizer, [spoken], encoded, 2 * -(-samples // FRAME))
    if not found or not found[0]:
        return []
    merge_punctuations(found[0], LEADING, TRAILING)
    rows = [
        Word(word=w["word"], start=float(w["start"]), end=float(w["end"]), probability=float(w["probability"]))
        for w in found[0]
        if w["word"].strip()
    ]
    return in_order(rows, samples / SAMPLE_RATE)


def in_order(words: Sequence[Word], length: float) -> list[Word]:
    """The words moved as little as needed: each lasts 20 ms to 1.2 s, ends before the next begins and within `length`.

    Where a stretch is too short for its words, the last ones are dropped with the sound that they would need.
    """
    least = FRAME / SAMPLE_RATE
    out: list[Word] = []
    reached = 0.0
    for word in words:
        start = max(word["start"], word["end"] - LONGEST, reached)
        end = min(max(word["end"], start + least), length)
        if end - start < least - 1e-9:
            start = max(reached, end - least)
        if end - start >= least - 1e-9:
            rounded = (round(start, 3), round(end, 3), round(word["probability"], 3))
            out.append(Word(word=word["word"], start=rounded[0], end=rounded[1], probability=rounded[2]))
            reached = end
    return out
