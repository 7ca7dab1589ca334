"""A recording -> what all readers return: samples block by block, the parts left out, and notes on faults."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import soxr

from intone.audio.account import LeftOut

BLOCK_S: Final = 10
"""Seconds that are decoded at a time, so that a recording of any length takes the same memory."""

LOWEST_RATE, HIGHEST_RATE, MOST_CHANNELS = 1_000, 768_000, 64
"""Limits of Hz and channels that are accepted from a header."""

NOTICED: Final = 0.1
"""Seconds by which a length may differ from the announced one without a note: codecs pad their last frame."""

MIN_DAMAGE_S: Final = 0.01
"""Damage of fewer seconds than this in all isn't reported."""

CUT_OFF: Final = "It is truncated: the {:.1f} s that are there were heard."


def truncated(there: float, announced: float) -> str:
    """The sentence for a recording whose end is missing; both in seconds."""
    return (
        f"It is truncated: of the {announced:.1f} s that its header announces {there:.1f} s are there and were heard."
    )


@dataclass
class Sound:
    """A recording that is being read; `left_out` and `notes` are complete after the last block."""

    rate: int
    """Hz."""
    blocks: Iterator[np.ndarray]
    """[samples, channels], int16 where 16-bit samples are stored, else float32."""
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Sentences about faults, each without the file's name."""
    skipped: int = 0
    """Samples of the file before the first block: they were asked not to be read."""


class Matched:
    """Converts samples to one rate (Hz), number of channels and type, in which joined files may differ."""

    def __init__(self, rate: int, channels: int, dtype: Any) -> None:
        self.rate, self.channels, self.dtype = rate, channels, dtype
        self.other = 0
        """The rate that `resampler` converts from; 0 where there is none."""
        self.resampler: Any = None

    def of(self, samples: np.ndarray, rate: int) -> np.ndarray:
        """[samples, channels] at `rate` -> the same sound in the common format; unchanged where it has that."""
        if samples.shape[1] != self.channels:
            samples = np.repeat(floats(samples).mean(1, keepdims=True), self.channels, axis=1)
        if rate != self.rate and LOWEST_RATE <= rate <= HIGHEST_RATE:
            if rate != self.other:
                self.other = rate
                self.resampler = soxr.ResampleStream(rate, self.rate, self.channels, "float32", "HQ")
            samples = self.resampler.resample_chunk(np.ascontiguousarray(floats(samples)))
            samples = samples.reshape(-1, self.channels)
        if samples.dtype != self.dtype:
            samples = floats(samples)
            if self.dtype == np.int16:
                samples = np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)
        return samples


MAX_AMPLITUDE: Final = 100.0
"""Floats above this amplitude don't have full scale 1, or come from a damaged packet."""


def silence(samples: int, channels: int, dtype: Any, rate: int) -> Iterator[np.ndarray]:
    """Zeros [samples, channels], block by block, in place of missing sound."""
    for start in range(0, samples, BLOCK_S * rate):
        yield np.zeros((min(samples - start, BLOCK_S * rate), channels), dtype)


def floats(samples: np.ndarray) -> np.ndarray:
    """Samples of any type -> float32, full scale being 1; unsigned ones are centred."""
    if samples.dtype.kind not in "iu":
        with np.errstate(over="ignore"):  # 64-bit values too large for 32 bits become infinite, which is reported
            return samples.astype(np.float32, copy=False)
    scale = 1 << 8 * samples.itemsize - 1
    middle = scale if samples.dtype.kind == "u" else 0
    return ((samples - np.float64(middle)) / scale).astype(np.float32)
