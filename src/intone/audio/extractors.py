"""A window of a clip (mono float32, 16 kHz) -> what a feature extractor of the library transformers makes of it, [rows,
frames] float32: samples for wav2vec 2.0, HuBERT and WavLM, Kaldi's log-mel for AST, or Whisper's padded log-mel.

Uses numpy alone; the tests compare with the extractors themselves. Their settings are an extractor's own, and sound is
neither trimmed nor levelled before, as the library's pipelines don't do it either.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from intone.audio.features import FFT_SAMPLES, FeatureSettings, band_edges, extract_trimmed, whisper
from intone.audio.frame_weights import room_power
from intone.audio.frames import FRAME_SAMPLES, HOP_SAMPLES, SAMPLE_RATE

Kind = Literal["waveform", "fbank", "whisper_chunk"]

LOWEST: Final = 20.0
"""Lowest frequency of Kaldi's mel bands, Hz."""

PREEMPHASIS: Final = 0.97
"""Share of each sample that is subtracted from the next."""

SMALLEST: Final = float(np.finfo(np.float32).eps)
"""Lowest power of a mel band before the logarithm, as in Kaldi."""

TINY: Final = 1e-7
"""Added to a window's variance before it is divided by it."""


@dataclass(frozen=True)
class ExtractorSettings:
    """Settings of a feature extractor of transformers; a model file stores them in place of `FeatureSettings`."""

    kind: Kind = "waveform"
    """waveform (samples), fbank (AST's: Kaldi's log-mel) or whisper_chunk (Whisper's log-mel of sound that is padded
    with silence)."""
    normalised: bool = True
    """Whether samples get mean 0 and variance 1; with fbank, whether `mean` and `deviation` are used."""
    bands: int = 1
    """Mel bands; 1 for samples."""
    frames: int = 0
    """Frames of every input: a shorter one is padded, a longer one cut; 0 where length is free."""
    mean: float = 0.0
    """Mean that is subtracted from AST's features."""
    deviation: float = 0.5
    """Half of what they are divided by."""
    sampling_rate: int = SAMPLE_RATE
    """Hz."""

    @property
    def rows(self) -> int:
        """Height of the array."""
        return self.bands


Features: TypeAlias = FeatureSettings | ExtractorSettings
"""Which input a network takes: intone's own features, or those of an extractor of transformers."""


def settings_of(kept: Mapping[str, Any]) -> Features:
    """The settings, of either class, from a model file's JSON."""
    return ExtractorSettings(**kept) if kept["kind"] in EXTRACTORS else FeatureSettings(**kept)


def of_windows(windows: Sequence[np.ndarray], signal: np.ndarray, settings: Features) -> np.ndarray:
    """Windows [samples] of one length, and the whole signal that they are from -> [windows, rows, frames]."""
    if isinstance(settings, ExtractorSettings):
        return np.stack([EXTRACTORS[settings.kind](window, settings) for window in windows])
    room = room_power(signal)
    return np.stack([extract_trimmed(window, settings, room) for window in windows])


def row_edges(settings: Features) -> np.ndarray:
    """Frequencies between which each row lies, Hz, [rows + 1]; samples are one row, of all frequencies."""
    if isinstance(settings, FeatureSettings):
        return band_edges(settings)
    if settings.kind == "waveform":
        return np.array([0.0, SAMPLE_RATE / 2])
    if settings.kind == "whisper_chunk":
        return band_edges(FeatureSettings("whisper", settings.bands))
    ends = _mel(np.array([LOWEST, SAMPLE_RATE / 2]))
    # Bands overlap: each ends halfway between its peak and the next one's.
    edges: np.ndarray = 700 * np.expm1(np.linspace(ends[0], ends[1], 2 * settings.bands + 3)[1::2] / 1127)
    return edges


def filled(settings: Features, samples: int, frames: int) -> int:
    """How many of the `frames` of a window of so many samples hold its sound, and not what it is padded with."""
    if isinstance(settings, ExtractorSettings) and settings.frames:
        return min(frames, max(1, samples // HOP_SAMPLES))
    return frames


def waveform(signal: np.ndarray, settings: ExtractorSettings) -> np.ndarray:
    """The samples themselves, [1, samples]; `Wav2Vec2FeatureExtractor`."""
    signal = signal.astype(np.float32, copy=False)
    if settings.normalised:
        signal = (signal - signal.mean()) / np.sqrt(signal.var() + TINY)
    return signal[None]


def fbank(signal: np.ndarray, settings: ExtractorSettings) -> np.ndarray:
    """Natural logarithm of Kaldi's mel power spectrum, padded with zeros, [bands, frames]; `ASTFeatureExtractor`."""
    frames = np.lib.stride_tricks.sliding_window_view(signal.astype(np.float64), FRAME_SAMPLES)[::HOP_SAMPLES]
    frames = frames[: settings.frames] - frames[: settings.frames].mean(1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    spectrum = np.fft.rfft((frames - PREEMPHASIS * before) * np.hanning(FRAME_SAMPLES), FFT_SAMPLES, axis=1)
    rows = np.log(np.maximum(kaldi_filters(settings.bands) @ np.abs(spectrum.T) ** 2, SMALLEST))
    rows = np.pad(rows, ((0, 0), (0, settings.frames - rows.shape[1])))
    if settings.normalised:
        rows = (rows - settings.mean) / (2 * settings.deviation)
    return rows.astype(np.float32)


@cache
def kaldi_filters(bands: int) -> np.ndarray:
    """Kaldi's filters, triangles of height 1 over mel from 20 Hz to half the sample rate, [bands, FFT / 2 + 1]."""
    mel = _mel(np.fft.rfftfreq(FFT_SAMPLES, 1 / SAMPLE_RATE))
    edges = np.linspace(_mel(np.array(LOWEST)), mel[-1], bands + 2)[:, None]
    step = edges[1] - edges[0]
    return np.maximum(0, np.minimum((mel - edges[:-2]) / step, (edges[2:] - mel) / step))


def _mel(hertz: np.ndarray) -> np.ndarray:
    """Kaldi's scale."""
    mel: np.ndarray = 1127 * np.log1p(hertz / 700)
    return mel


def whisper_chunk(signal: np.ndarray, settings: ExtractorSettings) -> np.ndarray:
    """Whisper's log-mel of the signal and silence behind it, [bands, frames]; `WhisperFeatureExtractor`."""
    whole = signal[: settings.frames * HOP_SAMPLES]
    silence = (0, settings.frames * HOP_SAMPLES - len(whole))
    return whisper(np.pad(whole, silence), FeatureSettings("whisper", settings.bands))


EXTRACTORS: Final[Mapping[str, Callable[[np.ndarray, ExtractorSettings], np.ndarray]]] = {
    "waveform": waveform,
    "fbank": fbank,
    "whisper_chunk": whisper_chunk,
}
