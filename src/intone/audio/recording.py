"""A file, or samples in memory -> the same sound as mono float32 at 16 kHz, block by block, whatever its length.

Both use the same code, so that a file and an array of its samples give the same numbers, bit for bit.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import soxr

from intone.audio.channels import Mixer
from intone.audio.decoding import opened
from intone.audio.excerpt import Excerpt
from intone.audio.frames import MIN_CLIP_S, SAMPLE_RATE
from intone.audio.level import raised
from intone.audio.readers.sound import BLOCK_S, HIGHEST_RATE, LOWEST_RATE, MOST_CHANNELS, Sound
from intone.errors import BadClip, IntoneError
from intone.names import readable

RECORDINGS: Final = (
    "aac aif aiff amr au avi caf flac flv m4a m4b m4v mka mkv mov mp2 mp3 mp4 mpeg mpg oga ogg ogv opus ra rm snd ts "
    "w64 wav webm wma wmv wv 3gp"
)
"""File extensions by which recordings in a folder are found; a file that is named directly may have any."""


@dataclass(frozen=True)
class Recording:
    """A recording that can be read any number of times."""

    name: str
    """Its name in results: text that UTF-8 can encode, whatever the file's name."""
    source: Callable[[], Sound]
    """Opens it; may be called again."""
    excerpt: Excerpt | None = None
    """Where it is a part of the recording of this name; its own times are seconds from the part's beginning."""

    def __post_init__(self) -> None:
        """Make the name valid text: any other would break tables and files that contain it."""
        object.__setattr__(self, "name", readable(self.name))

    @property
    def begin(self) -> float:
        """Seconds of the whole recording before it."""
        return self.excerpt.start if self.excerpt else 0.0

    @classmethod
    def of_file(
        cls, path: Path | str, name: str | None = None, track: int | None = None, excerpt: Excerpt | None = None
    ) -> "Recording":
        """A file, or a part of one, named `name` or else by its path; it is opened only when it is read.

        Of several sound tracks number `track` is read, or without it the default one.
        """
        called = name or str(path)

        def source() -> Sound:
            if excerpt:
                return excerpt.cut(opened(Path(path), track, excerpt.start), called)
            return opened(Path(path), track)

        return cls(called, source, excerpt)

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
        cuts = range(BLOCK_S * hertz, len(signal), BLOCK_S * hertz)
        return cls(name, lambda: Sound(hertz, iter(np.split(signal, cuts))))

    def channel(self, number: int) -> "Recording":
        """This recording's channel alone, counted from 0."""

        def source() -> Sound:
            whole = self.source()
            return Sound(whole.rate, (block[:, [number]] for block in whole.blocks), whole.left_out, whole.notes)

        return replace(self, source=source)

    def blocks(self) -> Iterator[np.ndarray]:
        """The blocks of `sound`."""
        return self.sound().blocks

    def sound(self) -> Sound:
        """Mono float32 at 16 kHz, some 10 s at a time, [samples], at least one sample each.

        A very quiet recording is amplified, and channels that cancel one another aren't mixed. Raises BadClip for a
        recording that `decoding` refuses, that holds NaN or infinity, or that is shorter than 0.1 s.
        """
        given = self.source()
        made = Sound(SAMPLE_RATE, iter(()), given.left_out, given.notes)
        made.blocks = self._blocks(given)
        return made

    def _mono(self, given: Sound, notes: list[str]) -> Iterator[np.ndarray]:
        mixer = Mixer(self.name, notes)
        return map(mixer.mono, _sized(given.blocks, BLOCK_S * given.rate))

    def _blocks(self, given: Sound) -> Iterator[np.ndarray]:
        rate, samples = given.rate, 0
        resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, "float32", "HQ") if rate != SAMPLE_RATE else None
        mono = self._mono(given, given.notes)
        for block in raised(mono, rate, lambda: self._mono(self.source(), []), given.notes):
            samples += len(block)
            yield from _not_empty(resampler.resample_chunk(block) if resampler else block)
        if samples < MIN_CLIP_S * rate:
            what = f"The part of {self.name}" if self.excerpt else self.name
            raise BadClip(f"{what} lasts {samples / rate:.3f} s: {MIN_CLIP_S:g} s is the shortest to be judged.")
        if resampler:
            yield from _not_empty(resampler.resample_chunk(np.zeros(0, np.float32), last=True))


def _whole(rate: Any) -> int:
    """A rate as a Python integer; 0 if it isn't a whole number."""
    try:
        number = rate.item() if isinstance(rate, np.ndarray) else rate
        return int(number) if number == int(number) and not isinstance(number, (str, bool, np.bool_)) else 0
    except (TypeError, ValueError, OverflowError):
        return 0


def _not_empty(block: np.ndarray) -> Iterator[np.ndarray]:
    if len(block):
        yield block


def _sized(blocks: Iterator[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Samples in blocks of exactly `size`, except the last one: codecs give blocks of any length."""
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
    """Recordings in a folder and below, by their extensions, sorted; raises IntoneError where there are none."""
    if not folder.is_dir():
        raise IntoneError(f"{folder} is not a folder.")
    known = set(RECORDINGS.split())
    found = [p for p in folder.rglob("*") if p.suffix.lower()[1:] in known and p.name[0] != "." and not p.is_dir()]
    if not found:
        raise IntoneError(f"No recording lies in {folder}: known by endings such as .wav, .mp3, .m4a, .mp4.")
    return sorted(found)
