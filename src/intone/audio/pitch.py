"""A clip (mono, 16 kHz) -> its pitch contour in Hz, every 10 ms, NaN where it is unvoiced; numpy alone."""

from typing import Final

import numpy as np

from intone.audio.frames import HOP_SAMPLES, SAMPLE_RATE

LOWEST: Final = 65.0
HIGHEST: Final = 650.0
"""Hz: from a low male voice to an angry or frightened high one."""

WINDOW_SAMPLES: Final = SAMPLE_RATE * 40 // 1000
"""Samples in a frame, 40 ms: two and a half periods of the lowest pitch."""

VOICED: Final = 0.55
"""Autocorrelation at the period, as a share of that at zero, from which a frame counts as voiced."""

QUIET_DB: Final = 30.0
"""Frames this far under the loudest are left unvoiced: hum and breath have a pitch too."""


def contour(signal: np.ndarray) -> np.ndarray:
    """F0 in Hz, shape (frames,), of a float signal, shape (samples,); frame k begins at k * 10 ms.

    Boersma's autocorrelation (1993, IFA Proceedings 17, 97-110): a frame's autocorrelation divided by its window's,
    so that long periods aren't at a disadvantage. Of the peaks within a tenth of the highest, the one with the
    shortest period wins, which keeps pitch from dropping by octaves. A median over five frames, and dropping stretches
    shorter than that, remove the remaining errors.
    """
    if signal.size < WINDOW_SAMPLES:
        return np.full(1, np.nan)
    frames = np.lib.stride_tricks.sliding_window_view(signal.astype(np.float32), WINDOW_SAMPLES)[::HOP_SAMPLES]
    frames = frames - frames.mean(axis=1, keepdims=True)
    power = (frames**2).mean(axis=1)
    similar = _autocorrelation(frames)
    first, last = int(SAMPLE_RATE / HIGHEST), int(SAMPLE_RATE / LOWEST)
    period, strength = _period(similar[:, first - 1 : last + 2], first - 1)
    voiced = (strength > VOICED) & (power > power.max() * 10 ** (-QUIET_DB / 10))
    return _smoothed(np.where(voiced, SAMPLE_RATE / period, np.nan))


def _autocorrelation(frames: np.ndarray) -> np.ndarray:
    """Normalised autocorrelation of each frame, divided by the window's; shape (frames, WINDOW)."""
    window = np.hanning(WINDOW_SAMPLES).astype(np.float32)
    size = 2 * WINDOW_SAMPLES

    def spectrum_squared(x: np.ndarray) -> np.ndarray:
        return np.fft.irfft(np.abs(np.fft.rfft(x, size)) ** 2, size)[..., :WINDOW_SAMPLES]

    own = spectrum_squared(window)
    raw = spectrum_squared(frames * window)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num((raw / raw[:, :1]) / (own / own[0]), nan=0.0, posinf=0.0, neginf=0.0)


def _period(similar: np.ndarray, offset: int) -> tuple[np.ndarray, np.ndarray]:
    """(period in samples, strength) of each row's chosen peak, refined by a parabola through three points."""
    middle = similar[:, 1:-1]
    peak = (middle > similar[:, :-2]) & (middle >= similar[:, 2:])
    heights = np.where(peak, middle, -1.0)
    good = heights >= np.maximum(0.9 * heights.max(axis=1, keepdims=True), 0)
    at = np.where(good.any(axis=1), good.argmax(axis=1), 0)
    row = np.arange(len(similar))
    left, top, right = similar[row, at], similar[row, at + 1], similar[row, at + 2]
    curve = left - 2 * top + right
    shift = np.where(curve < 0, 0.5 * (left - right) / np.where(curve < 0, curve, 1), 0)
    return offset + 1 + at + shift, heights[row, at]


def _smoothed(hertz: np.ndarray, width: int = 5) -> np.ndarray:
    """Median of `width` frames, without stretches shorter than that; a leap of a fifth in 10 ms also ends a stretch."""
    padded = np.pad(hertz, width // 2, constant_values=np.nan)
    around = np.lib.stride_tricks.sliding_window_view(padded, width)
    out = np.full(hertz.size, np.nan)
    voiced = np.isfinite(hertz)
    if not voiced.any():
        return out
    out[voiced] = np.nanmedian(around[voiced], axis=1)
    leap = np.abs(np.diff(np.log2(out), prepend=np.nan)) > 7 / 12
    stretch = np.cumsum(leap | (np.diff(voiced, prepend=False) != 0))
    out[np.bincount(stretch)[stretch] < width] = np.nan
    return out
