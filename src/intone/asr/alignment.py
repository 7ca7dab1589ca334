"""Whisper's tokens for a stretch of speech -> its words, with their times in seconds from the start of the stretch.

Times come from the decoder's attention over the audio (cross-attention and dynamic time warping, as in Whisper's own
word timestamps), which CTranslate2 computes in `align`.
"""

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypedDict

from intone.audio.frames import SAMPLE_RATE

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer

STATE_SAMPLES: Final = SAMPLE_RATE // 50
"""Samples per state of Whisper's encoder, 20 ms: no word is shorter."""

MAX_WORD_S: Final = 1.2
"""Longest word, in seconds: the attention lets a first word begin in the silence before it."""

SQUEEZED: Final = 0.045
"""Seconds. Words that Whisper invents, without any sound for them, are this short; in a real sentence few words are."""

MAX_SQUEEZED: Final = 0.4
"""A sentence with a larger share of words as short as `SQUEEZED` is rejected. English sentences have 0.2 at most, loops
0.5 to 1."""

FASTEST: Final = 10.0
"""Most words per second of a sentence; fast English has six."""

MIN_PROBABILITY: Final = 0.4
"""Lowest geometric mean of the probabilities of a sentence's words. Of 295 sentences of RAVDESS one lies below; most
words that Whisper writes for a bark, a sneeze or a baby's cry do."""

SYLLABLES: Final = re.compile(r"(\w{2,4}|\w{1,4}-)\1{3}", re.IGNORECASE)
"""The same letters four times in a row, as in H-H-H-H for a sneeze or BADDADDADDADDAD for a bark."""

LEADING, TRAILING = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"
"""Punctuation that belongs to the word after it, and punctuation that belongs to the word before it."""


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
    found = model.find_alignment(tokenizer, [spoken], encoded, 2 * -(-samples // STATE_SAMPLES))
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

    Where a stretch is too short for all its words, the last ones are dropped.
    """
    least = STATE_SAMPLES / SAMPLE_RATE
    out: list[Word] = []
    reached = 0.0
    for word in words:
        start = max(word["start"], word["end"] - MAX_WORD_S, reached)
        end = min(max(word["end"], start + least), length)
        if end - start < least - 1e-9:
            start = max(reached, end - least)
        if end - start >= least - 1e-9:
            rounded = (round(start, 3), round(end, 3), round(word["probability"], 3))
            out.append(Word(word=word["word"], start=rounded[0], end=rounded[1], probability=rounded[2]))
            reached = end
    return out


def natural(words: Sequence[Word], least: float = MIN_PROBABILITY) -> bool:
    """Whether a sentence's words are plausible: not only punctuation, no repeated syllables, not too many words that
    are too short, not too many per second, and a geometric mean of their probabilities of at least `least`."""
    text = "".join(word["word"] for word in words)
    if not any(map(str.isalnum, text)) or SYLLABLES.search(text):
        return False
    squeezed = sum(word["end"] - word["start"] <= SQUEEZED for word in words) / len(words)
    rate = (len(words) - 1) / max(words[-1]["end"] - words[0]["start"], SQUEEZED)
    sure = sum(math.log(max(word["probability"], 1e-3)) for word in words) / len(words)
    return squeezed <= MAX_SQUEEZED and rate <= FASTEST and sure >= math.log(least)
