"""One output of Whisper: its text, and what tells whether the text repeats itself."""

import re
import zlib
from dataclasses import dataclass
from typing import Any

from intone.text import normalise


@dataclass(frozen=True)
class Said:
    """One output of Whisper."""

    text: str
    log_probability: float
    """Mean over its tokens, natural logarithm."""
    ended: bool
    """Whether Whisper ended the text itself, before the limit on its tokens."""
    tokens: tuple[int, ...] = ()
    encoded: Any = None
    """The output of Whisper's encoder for the stretch."""


def says_again(text: str) -> bool:
    """Whether a phrase of three or more words occurs twice in a row."""
    return re.search(r"\b(\w+(?: [\w']+){2,}) \1\b", normalise(text)) is not None


def compression(text: str) -> float:
    """Bytes of the text over bytes of its zlib form: above 2.4 for loops, near 1 for a sentence."""
    data = text.encode()
    return len(data) / len(zlib.compress(data))
