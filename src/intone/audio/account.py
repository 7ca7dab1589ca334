"""Parts of a recording -> how many seconds were analysed, are speech, have no words, or were left out and why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

NO_SOUND: Final = "no sound in the file"
"""Reason for a part in which the file itself holds nothing: its track begins later, or its times have a gap."""

DAMAGED: Final = "damaged"
"""Reason for a part that can't be decoded."""

BEYOND: Final = "behind the end that the header gives"
"""Reason for a part after the end that the header gives, which no decoder reads."""


@dataclass(frozen=True)
class LeftOut:
    """A part of a recording that wasn't analysed."""

    start: float
    """Seconds from the recording's beginning."""
    end: float
    reason: str
    """One phrase, such as `damaged`."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


@dataclass(frozen=True)
class Account:
    """How the seconds of a recording were used: `heard` and the seconds left out add up to `length`."""

    length: float = 0.0
    """Seconds of the recording."""
    heard: float = 0.0
    """Seconds that were searched for speech."""
    speech: float = 0.0
    """Seconds of speech: the length of all segments."""
    speech_without_words: float = 0.0
    """Seconds of the segments that have no words; 0 where words are off."""
    left_out: tuple[LeftOut, ...] = ()

    def lost(self) -> dict[str, float]:
        """Reason -> seconds left out for it."""
        out: dict[str, float] = {}
        for part in self.left_out:
            out[part.reason] = out.get(part.reason, 0.0) + part.seconds
        return out


def joined(parts: Sequence[LeftOut], apart: float = 0.02) -> list[LeftOut]:
    """Parts in order; neighbours with the same reason, at most `apart` seconds from each other, are merged."""
    out: list[LeftOut] = []
    for part in parts:
        if out and out[-1].reason == part.reason and part.start - out[-1].end <= apart:
            part = LeftOut(out.pop().start, part.end, part.reason)
        out.append(part)
    return out


def union(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds that lie in at least one of the spans (start, end)."""
    total, reached = 0.0, 0.0
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def line(account: Account) -> str:
    """`31.2 s: 30.1 s heard, 12.0 s of speech (1.5 s without words); 1.1 s left out (0.9 s damaged, …)`."""
    without = f" ({account.speech_without_words:.1f} s without words)" if account.speech_without_words else ""
    said = f"{account.length:.1f} s: {account.heard:.1f} s heard, {account.speech:.1f} s of speech{without}"
    lost = [f"{seconds:.1f} s {reason}" for reason, seconds in account.lost().items()]
    total = sum(account.lost().values())
    return f"{said}; {total:.1f} s left out ({', '.join(lost)})" if lost else said
