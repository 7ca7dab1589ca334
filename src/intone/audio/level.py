"""Blocks of a recording (mono, floats) -> the same, amplified where all of it is too quiet to detect voices in it."""

import itertools
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from intone.audio.frames import SILENT_PEAK

QUIET: Final = -55.0
"""dB of full scale: a recording of which less than `LASTING` seconds are louder is amplified. The quietest clip of
RAVDESS reaches -54.8 dB. With all clips made quieter, Silero misses one in ten at -60 dB and nearly all at -70 dB."""

LASTING: Final = 0.05
"""Seconds; a click is shorter, and any vowel longer."""

USUAL: Final = -30.0
"""dB of full scale to which the loudest `LASTING` seconds of a quiet recording are raised: the median of RAVDESS."""

MAX_GAIN_DB: Final = 60.0
"""Highest amplification of a recording, in dB."""

AHEAD: Final = 60.0
"""Seconds that are kept in memory until it is known whether a recording is quiet; a longer quiet one is read twice."""


class Loudness:
    """How loud the loudest `LASTING` seconds of a recording are, in frames of 10 ms."""

    def __init__(self, rate: int) -> None:
        self.size, self.most = max(1, rate // 100), round(LASTING * 100)
        self.loudest = np.zeros(0)
        self.peak = 0.0

    def add(self, block: np.ndarray) -> None:
        """Add mono samples, shape (samples,)."""
        frames = block[: len(block) - len(block) % self.size].reshape(-1, self.size)
        energy = np.square(frames, dtype=np.float64).mean(1)
        self.loudest = np.sort(np.concatenate([self.loudest, energy]))[-self.most :]
        self.peak = max(self.peak, float(np.abs(block).max(initial=0)))

    @property
    def level(self) -> float:
        """dB of full scale that `LASTING` seconds reach; the quietest frame where there are fewer."""
        return 10 * float(np.log10(max(self.loudest[0] if len(self.loudest) else 0.0, 1e-12)))

    @property
    def quiet(self) -> bool:
        """Whether less than `LASTING` seconds so far are louder than `QUIET`."""
        return len(self.loudest) < self.most or self.level < QUIET


def raised(
    blocks: Iterator[np.ndarray], rate: int, again: Callable[[], Iterator[np.ndarray]], notes: list[str]
) -> Iterator[np.ndarray]:
    """The recording's blocks, all multiplied by one factor; 1 unless the recording is quiet; `notes` says so then.

    `again` gives the same blocks again. A recording that is silent or shorter than `LASTING` seconds stays as it is.
    """
    loudness, kept, seconds = Loudness(rate), list[np.ndarray](), 0.0
    for block in blocks:
        kept.append(block)
        loudness.add(block)
        seconds += len(block) / rate
        if not loudness.quiet or seconds > AHEAD:
            break
    if loudness.quiet and seconds > AHEAD:
        loudness = Loudness(rate)
        for block in again():
            loudness.add(block)
            if not loudness.quiet:
                break
    factor = 1.0
    if loudness.quiet and loudness.peak > SILENT_PEAK and len(loudness.loudest) == loudness.most:
        decibels = min(MAX_GAIN_DB, USUAL - loudness.level)
        factor = 10 ** (decibels / 20)
        notes.append(f"It is very quiet ({loudness.level:.0f} dB of full scale) and was raised by {decibels:.0f} dB.")
    for block in itertools.chain(kept, blocks):
        yield block if factor == 1 else np.clip(block * np.float32(factor), -1, 1)
