"""Any audio or video file -> the clip that everything else works on: mono float32 at 16 kHz, in [-1, 1]."""

import hashlib
import os
from functools import cache
from pathlib import Path

import numpy as np
import soundfile

from intone.audio.decoding import decode
from intone.audio.frames import SAMPLE_RATE, SILENT_PEAK
from intone.audio.readers import containers
from intone.audio.readers.wav_header import WavHeader
from intone.audio.recording import Recording
from intone.errors import BadClip
from intone.progress import say


def read_clip(path: Path) -> np.ndarray:
    """The file at `path` as mono float32 at 16 kHz, shape (samples,): all blocks of its `Recording`, joined.

    Faults of the file (cut off, damaged in part) are reported once on stderr. Raises BadClip, in one sentence that
    names the file, where it is missing, empty, not audio, silent, shorter than 0.1 s or holds NaN.
    """
    return _clip(Recording.of_file(path))


def to_clip(samples: np.ndarray, rate: int, name: str = "This signal") -> np.ndarray:
    """Samples of any rate and channel count -> mono float32 at 16 kHz, as `read_clip` converts a file's samples.

    `samples` has shape (samples,) or (samples, channels), integers of their type's full scale or floats of full scale
    1; the same samples give the same clip from a file as from an array. The sentence of a BadClip begins with `name`.
    """
    return _clip(Recording.of_signal(samples, rate, name))


def _clip(recording: Recording) -> np.ndarray:
    sound = recording.sound()
    clip = np.concatenate(list(sound.blocks))
    if np.abs(clip).max() <= SILENT_PEAK:
        raise BadClip(f"{recording.name} is silent from start to end.")
    for note in sound.notes:
        _say_once(f"{recording.name}: {note}")
    return clip


@cache
def _say_once(line: str) -> None:
    say(line)


def duration(path: Path) -> float:
    """Length in seconds: from the header where it is known to match the file, else by decoding. Raises BadClip."""
    known = _known_length(Path(path))
    return len(read_clip(path)) / SAMPLE_RATE if known is None else known


def _known_length(path: Path) -> float | None:
    """Length in seconds of a complete WAV or FLAC file; None for others."""
    try:
        header = WavHeader.of(path)
        with soundfile.SoundFile(os.fsencode(path)) as file, path.open("rb") as data:
            whole = header.fits if header else file.format == "FLAC" and len(containers.parts(data)) == 1
            if not whole or not 0 < file.frames < 1 << 40:
                return None
            file.seek(file.frames - 1)
            return file.frames / file.samplerate if len(file.read(1)) else None
    except (soundfile.LibsndfileError, TypeError, OSError, ValueError):  # `read_clip` says what is wrong
        return None


def pcm_digest(path: Path) -> str:
    """sha256 (hex) of a file's 16-bit samples, with their rate and channel count, whatever the format of the file.

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
