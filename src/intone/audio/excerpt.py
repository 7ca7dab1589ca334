"""A part of a recording, by its times in seconds -> its sound alone, as if it were a recording of its own."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from intone.audio.account import LeftOut
from intone.audio.readers.sound import NOTICED, Sound
from intone.errors import BadClip


@dataclass(frozen=True)
class Excerpt:
    """Where a part begins and ends."""

    start: float = 0.0
    """Seconds from the recording's beginning."""
    end: float | None = None
    """None is the recording's end."""

    @classmethod
    def of(cls, start: Any, end: Any) -> "Excerpt | None":
        """A part by cells of a table; None, the whole recording, where both are empty. Raises BadClip for others than
        seconds from 0 on, and for an end that isn't behind the start."""
        first, last = _seconds("start", start), _seconds("end", end)
        if first is None and last is None:
            return None
        if last is not None and last <= (first or 0.0):
            raise BadClip(f"it ends at {last:g} s and begins at {first or 0:g} s: give an end behind the start.")
        return cls(first or 0.0, last)

    def __str__(self) -> str:
        """`from 12 s to 15.5 s`."""
        return f"from {_short(self.start)} s {'on' if self.end is None else f'to {_short(self.end)} s'}"

    @property
    def name(self) -> str:
        """`12-15.5`, or `12-end`, for names of files."""
        return f"{_short(self.start)}-{'end' if self.end is None else _short(self.end)}"

    def cut(self, whole: Sound, name: str) -> Sound:
        """This part of a recording that is called `name`; times in `left_out` are seconds from the part's beginning.

        The recording is read no farther than the part. Raises BadClip, at the first block, for a part behind its end.
        """
        made = Sound(whole.rate, iter(()), notes=whole.notes)
        made.blocks = self._blocks(whole, made, name)
        return made

    def _blocks(self, whole: Sound, made: Sound, name: str) -> Iterator[np.ndarray]:
        rate, at = whole.rate, whole.skipped
        first, last = round(self.start * rate), None if self.end is None else round(self.end * rate)
        for block in whole.blocks:
            inside = block[max(0, first - at) : None if last is None else max(0, last - at)]
            at += len(block)
            if len(inside):
                yield inside
            if last is not None and at >= last:
                break
        made.left_out += self._within(whole.left_out)
        if at <= first:
            reached = f"{name} lasts {at / rate:.1f} s, and the part begins at {self.start:g} s"
            raise BadClip(f"{reached}: give a start inside of the recording.")
        if last is not None and last - at > NOTICED * rate:
            made.notes.append(f"It ends at {at / rate:.1f} s, before the part's end at {self.end:.1f} s.")

    def _within(self, parts: list[LeftOut]) -> list[LeftOut]:
        end = math.inf if self.end is None else self.end
        cut = [(max(part.start, self.start), min(part.end, end), part.reason) for part in parts]
        return [LeftOut(a - self.start, b - self.start, reason) for a, b, reason in cut if b > a]


def _seconds(column: str, value: Any) -> float | None:
    """A cell as seconds; None for an empty one. Raises BadClip for anything else than a number from 0 on."""
    if value is None or str(value).strip() == "":
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not math.isfinite(seconds):
        raise BadClip(f"its {column} is {str(value).strip()!r}: give seconds, such as 12.5.")
    if seconds < 0:
        raise BadClip(f"its {column} is {seconds:g} s: give seconds from the recording's beginning, 0 or more.")
    return seconds


def _short(seconds: float) -> str:
    """Seconds to the millisecond, without zeros at the end."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".")
