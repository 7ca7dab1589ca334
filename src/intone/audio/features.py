"""Clip (mono float32, 16 kHz) -> log-mel, MFCC or plain spectrogram as a 2-D float32 array [rows, frames] for a CNN.

Uses numpy alone, so that analysing audio needs no training library; the tests compare with librosa.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from intone.audio.clip import read_clip
from intone.audio.frame_weights import prominence, room_power
from intone.audio.frames import FRAME_SAMPLES, HOP_SAMPLES, SAMPLE_RATE
from intone.audio.trimming import trim_silence
from intone.cache import cached_array, digest, file_digest

Kind = Literal["logmel", "mfcc", "spectrogram", "whisper", "whisper_prominence"]

FFT_SAMPLES = 512  # samples; the window is padded to it
VERSION = 2  # raise it when the same settings give other numbers, so that caches and models don't mix


@dataclass(frozen=True)
class FeatureSettings:
    """Which features are computed from a clip; a model stores its own copy, so it never gets other features."""

    kind: Kind = "logmel"
    """logmel, mfcc (with deltas), spectrogram (plain, linear in frequency), whisper (Whisper's own log-mel), or
    whisper_prominence, which adds one row below it: each frame's `prominence`."""
    bands: int = 64
    """Mel bands."""
    coefficients: int = 20
    """MFCCs, before their first and second differences triple them."""
    low: float = 50.0
    """Lowest frequency of the mel bands, Hz."""
    high: float = 8000.0
    """Highest frequency of the mel bands, Hz."""
    floor: float = 1e-9
    """Power added before the logarithm, some 70 dB below the peaks of a levelled clip."""

    @property
    def rows(self) -> int:
        """Height of the array."""
        rows = {
            "mfcc": 3 * self.coefficients,
            "spectrogram": FFT_SAMPLES // 2 + 1,
            "whisper_prominence": self.bands + 1,
        }
        return rows.get(self.kind, self.bands)

    def key(self) -> str:
        """Digest of these settings, for cache keys."""
        return digest(VERSION, asdict(self))


def power_spectrum(signal: np.ndarray) -> np.ndarray:
    """[samples] -> [FFT / 2 + 1, frames]: |STFT|², Hann window, frames centred every 10 ms, zeros beyond the ends."""
    padded = np.pad(signal.astype(np.float32, copy=False), FFT_SAMPLES // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT_SAMPLES)[::HOP_SAMPLES]
    return (np.abs(np.fft.rfft(frames * _window(), axis=1)) ** 2).T.astype(np.float32)


@cache
def _window() -> np.ndarray:
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME_SAMPLES) / FRAME_SAMPLES)
    side = (FFT_SAMPLES - FRAME_SAMPLES) // 2
    return np.pad(hann, (side, FFT_SAMPLES - FRAME_SAMPLES - side)).astype(np.float32)


def _hertz_to_mel(hertz: np.ndarray) -> np.ndarray:
    """Slaney's scale (Auditory Toolbox, 1998): linear to 1 kHz, logarithmic above."""
    return np.where(hertz < 1000, 3 * hertz / 200, 15 + np.log(np.maximum(hertz, 1e-9) / 1000) * 27 / np.log(6.4))


def _mel_to_hertz(mel: np.ndarray) -> np.ndarray:
    return np.where(mel < 15, 200 * mel / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))


@cache
def mel_filters(bands: int, low: float, high: float) -> np.ndarray:
    """Triangular filters of equal area, [bands, FFT / 2 + 1]."""
    ends = _hertz_to_mel(np.array([low, high]))
    edges = _mel_to_hertz(np.linspace(ends[0], ends[1], bands + 2))
    bins = np.fft.rfftfreq(FFT_SAMPLES, 1 / SAMPLE_RATE)
    rise = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    area = 2 / (edges[2:] - edges[:-2])
    return (np.maximum(0, np.minimum(rise, fall)) * area[:, None]).astype(np.float32)


def band_edges(settings: FeatureSettings) -> np.ndarray:
    """Frequencies between which each band lies, Hz, [bands + 1]; of a plain spectrogram [FFT / 2 + 2]."""
    if settings.kind == "spectrogram":
        return np.linspace(0, SAMPLE_RATE / 2, settings.rows + 1)
    # Whisper's own filters reach from 0 Hz to half the rate, whatever the settings say.
    whole = settings.kind.startswith("whisper")
    ends = _hertz_to_mel(np.array([0, SAMPLE_RATE / 2] if whole else [settings.low, settings.high]))
    # Bands overlap: each ends halfway between its peak and the next one's.
    return _mel_to_hertz(np.linspace(ends[0], ends[1], 2 * settings.bands + 3)[1::2])


def log_mel(signal: np.ndarray, settings: FeatureSettings) -> np.ndarray:
    """Natural logarithm of the mel power spectrum, [bands, frames]."""
    filters = mel_filters(settings.bands, settings.low, settings.high)
    return np.log(filters @ power_spectrum(signal) + settings.floor)


def spectrogram(signal: np.ndarray, settings: FeatureSettings) -> np.ndarray:
    """Natural logarithm of the power spectrum, [FFT / 2 + 1, frames]."""
    return np.log(power_spectrum(signal) + settings.floor)


def mfcc(signal: np.ndarray, settings: FeatureSettings) -> np.ndarray:
    """Mel-frequency cepstral coefficients (Davis & Mermelstein 1980), then their first and second differences.

    [3 * coefficients, frames]: orthonormal DCT-II of the log-mel, then deltas over 9 frames.
    """
    n = settings.bands
    k = np.arange(settings.coefficients)[:, None]
    basis = np.sqrt(2 / n) * np.cos(np.pi * k * (2 * np.arange(n) + 1) / (2 * n))
    basis[0] /= np.sqrt(2)
    still = (basis @ log_mel(signal, settings)).astype(np.float32)
    first = deltas(still)
    return np.concatenate([still, first, deltas(first)])


def deltas(rows: np.ndarray, reach: int = 4) -> np.ndarray:
    """Slope of a straight line through 2 * reach + 1 frames; the first and last slopes are repeated up to the ends."""
    weights = np.arange(-reach, reach + 1, dtype=np.float32)
    width = len(weights)
    if rows.shape[1] < width:
        return np.zeros_like(rows)
    windows = np.lib.stride_tricks.sliding_window_view(rows, width, axis=1)
    slopes = windows @ (weights / (weights**2).sum())
    return np.pad(slopes, ((0, 0), (reach, reach)), mode="edge").astype(np.float32)


def whisper(signal: np.ndarray, settings: FeatureSettings) -> np.ndarray:
    """Whisper's log-mel (Radford et al. 2023) by faster-whisper's own extractor, [bands, frames]."""
    return _whisper_extractor(settings.bands)(signal, padding=0).astype(np.float32)


@cache
def _whisper_extractor(bands: int) -> Callable[..., np.ndarray]:
    from faster_whisper.feature_extractor import FeatureExtractor

    extractor: Callable[..., np.ndarray] = FeatureExtractor(feature_size=bands)
    return extractor


EXTRACTORS: dict[Kind, Callable[[np.ndarray, FeatureSettings], np.ndarray]] = {
    "logmel": log_mel,
    "mfcc": mfcc,
    "spectrogram": spectrogram,
    "whisper": whisper,
    "whisper_prominence": whisper,
}


def levelled(signal: np.ndarray, rms: float = 0.1) -> np.ndarray:
    """The clip at a fixed loudness: calm clips lie 30 dB below angry ones, but a microphone's gain is no emotion."""
    return signal * (rms / max(float(np.sqrt(np.mean(np.square(signal)))), 1e-9))


def extract(signal: np.ndarray, settings: FeatureSettings) -> np.ndarray:
    """Clip (mono float32, 16 kHz) -> [rows, frames] float32; silence at both ends is cut off and the level set before.

    From logmel and spectrogram the mean over the whole clip, the rest of its level, is subtracted as well.
    """
    return extract_trimmed(trim_silence(signal), settings, room_power(signal))


def extract_trimmed(signal: np.ndarray, settings: FeatureSettings, room: float) -> np.ndarray:
    """Features of a trimmed clip, or of a window in one; `room` is the `room_power` of the untrimmed clip."""
    rows = EXTRACTORS[settings.kind](levelled(signal), settings)
    match settings.kind:
        case "mfcc" | "whisper":
            return rows
        case "whisper_prominence":
            return np.concatenate([rows, prominence(signal, room, rows.shape[1])[None]])
    return rows - rows.mean()


def extract_file(path: Path, settings: FeatureSettings) -> np.ndarray:
    """`extract` of an audio file, kept in the cache as float16 under the file's hash and the settings."""
    key = digest(file_digest(path), settings.key())
    return cached_array("features", key, lambda: extract(read_clip(path), settings).astype(np.float16))


def mean_and_deviation(arrays: Iterable[np.ndarray], by_row: bool) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation over all frames, of each row or of all rows together: from training clips only.

    [rows, 1] each, also where all rows share one value.
    """
    total = np.concatenate([a.astype(np.float32) for a in arrays], axis=1)
    axis = 1 if by_row else None
    ones = np.ones((len(total), 1), np.float32)
    return ones * total.mean(axis, keepdims=True), ones * total.std(axis, keepdims=True) + 1e-5
