"""Any audio or video file -> the clip that everything else works on: mono float32 at 16 kHz, in [-1, 1]."""

import hashlib
import os
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
import soxr

from intone.decoding import decode
from intone.errors import BadClip

SAMPLE_RATE: Final = 16_000
"""Hz; models, features and service all work at this rate."""

FRAME: Final = SAMPLE_RATE * 25 // 1000
HOP: Final = SAMPLE_RATE * 10 // 1000
"""Samples in a 25 ms frame and in the 10 ms between two frames: the analysis grid of trimming and features alike."""

SHORTEST: Final = 0.1
"""Seconds; a clip below this holds less than a syllable."""

SILENCE: Final = 10 ** (-80 / 20)
"""Peak amplitude at or under which a clip counts as silent: -80 dB of full scale, two or three 16-bit steps."""


def read_clip(path: Path) -> np.ndarray:
    """The file at `path` as mono float32 at 16 kHz, shape (samples,).

    Channels are averaged; the rate is changed with soxr at high quality. Raises BadClip, in one sentence that names
    the file, where it is missing, empty, not audio, truncated, silent, shorter than 0.1 s or holds NaN.
    """
    samples, rate = decode(path)
    return to_clip(samples, rate, str(path))


def to_clip(samples: np.ndarray, rate: int, name: str = "This signal") -> np.ndarray:
    """Samples of any rate and channel count -> mono float32 at 16 kHz: what `read_clip` does to a file's samples.

    `samples` has shape (samples,) or (samples, channels), int16 (full scale 32768) or float (full scale 1.0); the
    same samples give the same clip from a file as from an array. `name` opens the sentence of a BadClip.
    """
    signal = np.asarray(samples)
    if signal.ndim == 1:
        signal = signal[:, None]
    seconds = signal.shape[0] / rate
    if seconds < SHORTEST:
        raise BadClip(f"{name} lasts {seconds:.3f} s: {SHORTEST:g} s is the shortest that can be judged.")
    signal = signal.astype(np.float32) / (32768 if signal.dtype == np.int16 else 1)
    if not np.isfinite(signal).all():
        raise BadClip(f"{name} holds samples that are not numbers (NaN or infinity).")
    mono = signal.mean(axis=1, dtype=np.float32)
    if np.abs(mono).max() <= SILENCE:
        raise BadClip(f"{name} is silent from start to end.")
    if rate != SAMPLE_RATE:
        mono = soxr.resample(mono, rate, SAMPLE_RATE, quality="HQ")
    return np.ascontiguousarray(mono, dtype=np.float32)


def duration(path: Path) -> float:
    """Seconds: by the header where soundfile reads it, else by decoding. Raises BadClip where neither can."""
    try:
        header = soundfile.info(os.fsencode(path))
        return header.frames / header.samplerate
    except (soundfile.LibsndfileError, TypeError):  # it takes .raw for a format whose rate has to be told
        return len(read_clip(path)) / SAMPLE_RATE


def frame_energy(signal: np.ndarray) -> np.ndarray:
    """Mean square of each 25 ms frame, every 10 ms, float64, shape (frames,); zeros fill up the last frame."""
    frames = 1 + max(0, -(-(signal.size - FRAME) // HOP))
    padded = np.zeros((frames - 1) * HOP + FRAME)
    padded[: signal.size] = signal
    total = np.concatenate(([0.0], np.cumsum(padded**2)))  # a running sum costs one pass, whatever the overlap
    starts = np.arange(frames) * HOP
    return (total[starts + FRAME] - total[starts]) / FRAME


def pcm_digest(path: Path) -> str:
    """sha256 (hex) of a file's 16-bit samples, with their rate and channel count, whatever they are packed in.

    A WAV and its FLAC copy have the same digest; one altered sample changes it. Hashed are the ASCII bytes
    "RATE CHANNELS " and then the interleaved samples as little-endian int16.
    """
    samples, rate = decode(path)
    return samples_digest(samples, rate)


def samples_digest(samples: np.ndarray, rate: int) -> str:
    """`pcm_digest` of samples already decoded, shape (samples, channels); float samples are rounded to 16 bits."""
    if samples.dtype != np.int16:
        samples = np.clip(np.rint(samples * 32768), -32768, 32767)
    head = f"{rate} {samples.shape[1]} ".encode("ascii")
    return hashlib.sha256(head + np.ascontiguousarray(samples, dtype="<i2").tobytes()).hexdigest()
