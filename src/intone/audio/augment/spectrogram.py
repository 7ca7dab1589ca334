"""Training clip -> a changed copy, for training only: waveforms [samples] at 16 kHz, spectrograms [rows, frames].

Every change is drawn from a generator that the caller seeds, so that a resumed training sees the same copies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soxr

from intone.audio.clip import read_clip
from intone.audio.features import FeatureSettings, extract, extract_file
from intone.audio.frames import SAMPLE_RATE
from intone.cache import cached_array, digest, file_digest

SPEEDS = (1.0, 0.88, 0.94, 1.06, 1.12)
"""Speed of each view of a clip; 1.0 is the clip itself. Pitch, formants and tempo move together (Ko et al. 2015)."""


def at_speed(signal: np.ndarray, speed: float) -> np.ndarray:
    """The waveform played `speed` times as fast: another, virtual speaker."""
    return signal if speed == 1.0 else soxr.resample(signal, SAMPLE_RATE, SAMPLE_RATE / speed)


def views_of_file(path: Path, settings: FeatureSettings, speeds: Sequence[float] = SPEEDS) -> list[np.ndarray]:
    """Features of the clip at each speed, in the order of `speeds`; kept in the cache as float16."""
    name = file_digest(path)
    views = []
    for speed in speeds:
        if speed == 1.0:
            views.append(extract_file(path, settings))
        else:
            key = digest(name, settings.key(), speed)
            views.append(cached_array("features", key, partial(_view, path, settings, speed)))
    return views


def _view(path: Path, settings: FeatureSettings, speed: float) -> np.ndarray:
    return extract(at_speed(read_clip(path), speed), settings).astype(np.float16)


@dataclass(frozen=True)
class SpectrogramAugmentation:
    """How much a spectrogram is changed; 0 switches a change off."""

    splice: float = 0.5
    """Share of clips whose beginning or end comes from another clip of the same sentence, emotion and intensity."""
    stretch: float = 0.15
    """The tempo changes by up to this share, faster or slower; the pitch stays."""
    shift: float = 2.0
    """Rows move up or down by up to this number (a higher or lower voice); for spectrograms, not for MFCCs."""
    level: float = 0.12
    """Standard deviation of a number added to all rows (a louder or softer clip), in the rows' own deviations."""
    row_mask: int = 8
    """Two bands of up to this many rows each are masked (SpecAugment, Park et al. 2019)."""
    frame_mask: int = 20
    """A stretch of up to this many frames is masked."""
    crop: int = 192
    """Longer clips are cut to this many frames at a random position: 1.92 s."""

    def __call__(self, rows: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        """[rows, frames] float32 with mean 0 -> a changed copy, [rows, at most `crop`]."""
        rows = stretched(rows, draw.uniform(1 - self.stretch, 1 + self.stretch))
        if self.shift:
            rows = shifted(rows, draw.uniform(-self.shift, self.shift))
        rows = rows + np.float32(draw.normal(0, self.level))
        for _ in range(2):
            start, width = _stretch_to_hide(len(rows), self.row_mask, draw)
            rows[start : start + width] = 0
        start, width = _stretch_to_hide(rows.shape[1], self.frame_mask, draw)
        rows[:, start : start + width] = 0
        spare = max(0, rows.shape[1] - self.crop)
        start = int(draw.integers(0, spare + 1))
        return rows[:, start : start + self.crop]


def spliced(one: np.ndarray, other: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """One clip up to a random position, the other from there on, or the other way round; [rows, frames] each."""
    share = draw.uniform(0.2, 0.8)
    first, second = (one, other) if draw.random() < 0.5 else (other, one)
    return np.concatenate([first[:, : int(share * first.shape[1])], second[:, int(share * second.shape[1]) :]], axis=1)


def _stretch_to_hide(length: int, most: int, draw: np.random.Generator) -> tuple[int, int]:
    width = min(int(draw.integers(0, most + 1)), length)
    return int(draw.integers(0, length - width + 1)), width


def stretched(rows: np.ndarray, factor: float) -> np.ndarray:
    """[rows, frames] -> [rows, frames * factor], each new frame the nearest old one."""
    count = max(1, int(rows.shape[1] * factor))
    return rows[:, np.minimum((np.arange(count) / factor).astype(int), rows.shape[1] - 1)]


def shifted(rows: np.ndarray, by: float) -> np.ndarray:
    """Rows moved up by `by` (a fraction is interpolated); rows that move in from outside repeat the edge."""
    place = np.clip(np.arange(len(rows)) - by, 0, len(rows) - 1)
    below = place.astype(int)
    share = (place - below)[:, None].astype(rows.dtype)
    return rows[below] * (1 - share) + rows[np.minimum(below + 1, len(rows) - 1)] * share
