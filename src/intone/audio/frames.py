"""A signal (mono float32, 16 kHz) -> its 25 ms frames, every 10 ms, on one common grid; and what counts as silence."""

from typing import Final

import numpy as np

SAMPLE_RATE: Final = 16_000
"""Hz; models, features and service all work at this rate."""

FRAME_SAMPLES: Final = SAMPLE_RATE * 25 // 1000
HOP_SAMPLES: Final = SAMPLE_RATE * 10 // 1000
"""Samples in a 25 ms frame and in the 10 ms between two frames: the analysis grid of trimming and features alike."""

MIN_CLIP_S: Final = 0.1
"""Seconds; a clip below this holds less than a syllable."""

SILENT_PEAK: Final = 10 ** (-80 / 20)
"""Peak amplitude at or under which a clip counts as silent: -80 dB of full scale, two or three 16-bit steps."""


def frame_energy(signal: np.ndarray) -> np.ndarray:
    """Mean square of each 25 ms frame, every 10 ms, float64, shape (frames,); the last frame is padded with zeros."""
    frames = 1 + max(0, -(-(signal.size - FRAME_SAMPLES) // HOP_SAMPLES))
    padded = np.zeros((frames - 1) * HOP_SAMPLES + FRAME_SAMPLES)
    padded[: signal.size] = signal
    total = np.concatenate(([0.0], np.cumsum(padded**2)))  # a running sum costs one pass, whatever the overlap
    starts = np.arange(frames) * HOP_SAMPLES
    return (total[starts + FRAME_SAMPLES] - total[starts]) / FRAME_SAMPLES
