"""A file, or samples in memory -> the same sound as mono float32 at 16 kHz, block by block, whatever its length.

Both ways walk one road, so that a path and the array that it holds give the same numbers, bit for bit.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import soxr

from intone.audio import SAMPLE_RATE, SHORTEST
from intone.decoding import BLOCK, HIGHEST_RATE, LOWEST_RATE, MOST_CHANNELS, opened
from intone.errors import BadClip, IntoneError
from intone.names import readable

LOUDEST: Final = 100.0
"""Amplitude above which floats can't be meant for full scale 1: 16-bit numbers, say, that nobody divided."""

RECORDINGS: Final = (
    "aac aif aiff amr au avi caf flac flv m4a m4b m4v mka mkv mov mp2 mp3 mp4 mpeg mpg oga ogg ogv opus ra rm snd ts "
    "w64 wav webm wma wmv wv 3gp"
)
"""Endings by which a folder's recordings are known; a file that is named by itself may have any."""


@dataclass(frozen=True)
class Recording:
    """Something to listen to, as often as one likes."""

    name: str
    """What its sentences are keyed by: text that UTF-8 can hold, whatever it was called."""
    source: Callable[[], tuple[int, Iterator[np.ndarray]]]
    """Rate in Hz, and blocks [samples, channels], int16 or float32."""

    def __post_init__(self) -> None:
        """A name that isn't text would break tables and files of whoever uses them."""
        object.__setattr__(self, "name", readable(self.name))

    @classmethod
    def of_file(cls, path: Path | str, name: str | None = None) -> "Recording":
        """A file, called `name` or else by its path; it is opened when it is listened to."""
        return cls(name or str(path), lambda: opened(Path(path)))

    @classmethod
    def of_signal(cls, samples: np.ndarray, rate: float, name: str = "signal") -> "Recording":
        """Samples [samples] or [samples, channels]: floats in [-1, 1], or integers of their type's full scale.

        `rate` is a whole number of Hz of any type, such as 16000, 48000.0 or np.int64(8000). Raises IntoneError for
        anything else.
        """
        signal = np.asarray(samples)
        if signal.ndim == 1:
            signal = signal[:, None]
        if signal.ndim != 2 or signal.dtype.kind not in "iuf" or not 1 <= signal.shape[1] <= MOST_CHANNELS:
            raise IntoneError(
                f"{name} has the shape {np.shape(samples)} and the type {signal.dtype}: give [samples] or "
                "[samples, channels] of floats or integers."
            )
        hertz = _whole(rate)
        if not LOWEST_RATE <= hertz <= HIGHEST_RATE:
            raise IntoneError(
                f"{name} can't have {rate} samples a second: give its sampling rate in Hz, a whole number."
            )
        size = BLOCK * hertz
        return cls(name, lambda: (hertz, iter(np.split(signal, range(size, len(signal), size)))))

    def blocks(self) -> Iterator[np.ndarray]:
        """Mono float32 at 16 kHz, some 10 s at a time, at least one sample each.

        Raises BadClip for what `decoding` refuses, for NaN and infinity, and under 0.1 s.
        """
        rate, given = self.source()
        resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, "float32", "HQ") if rate != SAMPLE_RATE else None
        samples = 0
        for block in _sized(given, BLOCK * rate):
            samples += len(block)
            mono = to_mono(block, self.name)
            yield from _not_empty(resampler.resample_chunk(mono) if resampler else mono)
        if samples < SHORTEST * rate:
            raise BadClip(f"{self.name} lasts {samples / rate:.3f} s: {SHORTEST:g} s is the shortest to be judged.")
        if resampler:
            yield from _not_empty(resampler.resample_chunk(np.zeros(0, np.float32), last=True))


def _whole(rate: Any) -> int:
    """The same as a Python integer; 0 for what is no whole number."""
    try:
        number = rate.item() if isinstance(rate, np.ndarray) else rate
        return int(number) if number == int(number) and not isinstance(number, (str, bool, np.bool_)) else 0
    except (TypeError, ValueError, OverflowError):
        return 0


def to_mono(block: np.ndarray, name: str) -> np.ndarray:
    """[samples, channels] -> the channels' mean [samples], float32 in [-1, 1]; raises BadClip for NaN and infinity."""
    if block.dtype.kind in "iu":
        info = np.iinfo(block.dtype)
        middle = 0 if block.dtype.kind == "i" else (info.max + 1) // 2
        scale = info.max + 1 - middle
        wide: np.ndarray = block.astype(np.float32 if info.bits <= 16 else np.float64)
        block = ((wide - middle) / scale).astype(np.float32)
    if not np.isfinite(block).all():
        raise BadClip(f"{name} holds samples that are not numbers (NaN or infinity).")
    if (largest := float(np.abs(block).max(initial=0))) > LOUDEST:
        raise BadClip(f"{name} holds samples up to {largest:.3g}, and full scale is 1: divide them by theirs.")
    return block.astype(np.float32, copy=False).mean(axis=1, dtype=np.float32)


def _not_empty(block: np.ndarray) -> Iterator[np.ndarray]:
    if len(block):
        yield block


def _sized(blocks: Iterator[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """The same samples in blocks of just `size`, the last one shorter: codecs cut theirs as they like."""
    waiting: list[np.ndarray] = []
    for block in blocks:
        waiting.append(block)
        while sum(map(len, waiting)) >= size:
            whole = np.concatenate(waiting)
            waiting = [whole[size:]]
            yield whole[:size]
    rest = np.concatenate(waiting) if waiting else np.zeros((0, 1), np.float32)
    if len(rest):
        yield rest


def recordings(folder: Path) -> list[Path]:
    """Recordings in a folder and below, by their endings, in order; raises IntoneError where there are none."""
    if not folder.is_dir():
        raise IntoneError(f"{folder} is not a folder.")
    known = set(RECORDINGS.split())
    found = [p for p in folder.rglob("*") if p.suffix.lower()[1:] in known and p.name[0] != "." and not p.is_dir()]
    if not found:
        raise IntoneError(f"No recording lies in {folder}: known by endings such as .wav, .mp3, .m4a, .mp4.")
    return sorted(found)
