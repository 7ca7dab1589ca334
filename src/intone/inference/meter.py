"""Blocks of a recording on their way to the analysis -> its length, its peaks for drawing, and what each step costs."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import numpy as np

from intone.audio.frames import SAMPLE_RATE

Value = TypeVar("Value")

PEAK_SAMPLES: Final = SAMPLE_RATE // 100
"""Samples per peak, 10 ms: the largest amplitude of each is kept for drawing."""


@dataclass
class Meter:
    """Measurements that are taken in one pass over a recording."""

    samples: int = 0
    peaks: list[np.ndarray] = field(default_factory=list)
    rest: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    costs: dict[str, float] = field(default_factory=dict)
    """Seconds spent on `words` and on `emotion`; they overlap."""
    heed: Callable[[], None] = lambda: None
    """Called at each step; an exception from it ends the analysis."""

    def timed(self, what: str, call: Callable[..., Value], *given: Any) -> Value:
        """The result of the call, whose time is added to `costs`."""
        self.heed()
        start = time.perf_counter()
        made = call(*given)
        self.costs[what] = self.costs.get(what, 0.0) + time.perf_counter() - start
        return made

    def along(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Pass the blocks on unchanged, and measure them."""
        for block in blocks:
            self.heed()
            self.samples += len(block)
            whole = np.abs(np.concatenate([self.rest, block]))
            cut = len(whole) - len(whole) % PEAK_SAMPLES
            self.peaks.append(whole[:cut].reshape(-1, PEAK_SAMPLES).max(1))
            self.rest = whole[cut:]
            yield block

    @property
    def heights(self) -> np.ndarray:
        """Largest amplitude of each 10 ms."""
        return np.concatenate([*self.peaks, [self.rest.max()] if len(self.rest) else []]).astype(np.float32)

    @classmethod
    def of_all(cls, meters: Sequence["Meter"]) -> "Meter":
        """What was measured of channels of one recording, together."""
        longest = max(meters, key=lambda meter: meter.samples)
        peaks = np.zeros(len(longest.heights), np.float32)
        costs: dict[str, float] = {}
        for meter in meters:
            peaks[: len(meter.heights)] = np.maximum(peaks[: len(meter.heights)], meter.heights)
            costs |= {what: costs.get(what, 0.0) + seconds for what, seconds in meter.costs.items()}
        return cls(longest.samples, [peaks], costs=costs)
