"""Blocks of sound (mono float32, 16 kHz) -> a small log-mel spectrogram for a page, 8 bits a value."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from intone.audio.features import FeatureSettings, log_mel
from intone.audio.frames import HOP_SAMPLES, SAMPLE_RATE

COLUMNS: Final = 2_400
"""Most columns: 115 kB, and enough for a screen at a few times the size of the whole recording."""

FINEST_S: Final = 2 * HOP_SAMPLES / SAMPLE_RATE
"""Seconds of a column at least."""

BLOCK_S: Final = 30
"""Seconds that are transformed at once."""

RANGE: Final = 60.0
"""dB below the loudest value that are shown."""

SETTINGS: Final = FeatureSettings(bands=48)


@dataclass(frozen=True)
class Picture:
    """A spectrogram."""

    rows: int
    """Mel bands, from the lowest."""
    columns: int
    step: float
    """Seconds of a column."""
    levels: str
    """Base64 of uint8 [columns, rows], 255 being the loudest."""


def spectrogram(blocks: Iterator[np.ndarray], duration: float) -> Picture:
    """The picture of a recording of `duration` seconds."""
    frames = max(1, round(max(FINEST_S, duration / COLUMNS) * SAMPLE_RATE / HOP_SAMPLES))
    length = frames * HOP_SAMPLES
    pieces = [
        log_mel(piece, SETTINGS).T[: len(piece) // HOP_SAMPLES].reshape(-1, frames, SETTINGS.bands).mean(1)
        for piece in whole(blocks, max(1, BLOCK_S * SAMPLE_RATE // length) * length, length)
    ]
    if not pieces:
        return Picture(SETTINGS.bands, 0, frames * HOP_SAMPLES / SAMPLE_RATE, "")
    power = np.concatenate(pieces) * (10 / np.log(10))
    level = np.clip(1 + (power - power.max()) / RANGE, 0, 1)
    data = np.round(255 * level).astype(np.uint8)
    return Picture(SETTINGS.bands, len(data), length / SAMPLE_RATE, base64.b64encode(data.tobytes()).decode())


def whole(blocks: Iterator[np.ndarray], size: int, unit: int) -> Iterator[np.ndarray]:
    """Blocks of any length -> blocks of `size` samples; the last one is cut to a multiple of `unit`."""
    rest = np.zeros(0, np.float32)
    for block in blocks:
        rest = np.concatenate([rest, block])
        while len(rest) >= size:
            yield rest[:size]
            rest = rest[size:]
    if last := len(rest) // unit * unit:
        yield rest[:last]
