"""An audio file that libsndfile reads (WAV, AIFF, CAF, AU …) -> its samples, block by block, all that are there."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from intone.audio.account import BEYOND, LeftOut
from intone.audio.readers import containers
from intone.audio.readers.sound import (
    BLOCK_S,
    CUT_OFF,
    HIGHEST_RATE,
    LOWEST_RATE,
    MOST_CHANNELS,
    NOTICED,
    Sound,
    silence,
    truncated,
)
from intone.errors import BadClip

WIDTHS: Final = {"PCM_S8": 1, "PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}
"""libsndfile's name of a sample type -> its bytes."""

COMPRESSED: Final = ("MPEG", "ALAC", "VORBIS", "OPUS")
"""Beginnings of libsndfile's names of codecs with packets: FFmpeg reads on after a damaged packet."""

MAX_METADATA_BYTES: Final = 1 << 18
"""Up to this many bytes after the samples may be tags and not sound."""


def sound(path: Path, begin: float = 0.0) -> Sound | None:
    """The file's sound, from `begin` (s) on; None where FFmpeg has to read it. Raises BadClip for a damaged header."""
    file = _soundfile(path)
    if file is None:
        return None
    first = round(begin * file.samplerate)
    sought = first < file.frames and file.subtype in WIDTHS  # of other samples not every one can be sought
    made = Sound(file.samplerate, iter(()), skipped=file.seek(first) if sought else 0)
    made.blocks = _soundfile_blocks(file, path, made)
    return made


def _soundfile(path: Path) -> soundfile.SoundFile | None:
    """The file, opened by libsndfile; None where FFmpeg has to read it."""
    if path.suffix.lower() in (".mp3", ".raw"):  # libsndfile would rely on the name
        return None
    try:
        file = soundfile.SoundFile(os.fsencode(path))  # bytes, since a name need not be text
    except (soundfile.LibsndfileError, TypeError):
        return None
    if file.subtype.startswith(COMPRESSED):
        file.close()
        return None
    if LOWEST_RATE <= file.samplerate <= HIGHEST_RATE and 1 <= file.channels <= MOST_CHANNELS:
        if file.frames > 0:
            return file
        file.close()  # a header may wrongly give a length of zero; FFmpeg may find sound
        return None
    with file:  # a damaged header may announce anything, and memory would be allocated for it
        raise BadClip(f"{path} is damaged: its header announces {file.channels} channels at {file.samplerate} Hz.")


def _soundfile_blocks(file: soundfile.SoundFile, path: Path, sound: Sound) -> Iterator[np.ndarray]:
    with file as f:
        dtype = "int16" if f.subtype == "PCM_16" else "float32"
        announced, rate, got = f.frames, f.samplerate, sound.skipped
        try:
            while len(block := f.read(BLOCK_S * rate, dtype=dtype, always_2d=True)):
                got += len(block)
                yield block
        except soundfile.LibsndfileError:
            # Only the header tells how much that is, so no silence takes its place.
            sound.notes.append(f"It is damaged at {got / rate:.1f} s: what is behind that was left out.")
            return
        if announced - got > NOTICED * rate:
            sound.notes.append(truncated(got / rate, announced / rate))
        else:
            with path.open("rb") as data:
                sound.notes += [CUT_OFF.format(got / rate)] * containers.cut_off(data)
        beyond = _seconds_beyond(f, path) if got else 0.0
        if beyond > NOTICED:
            sound.notes.append(f"{beyond:.1f} s behind the end that its header gives were left out.")
            sound.left_out.append(LeftOut(got / rate, got / rate + beyond, BEYOND))
            yield from silence(round(beyond * rate), f.channels, dtype, rate)


def _seconds_beyond(file: soundfile.SoundFile, path: Path) -> float:
    """Seconds of plain samples after the end that the header gives, by the size of the file; 0 for a WAV, as
    `WavHeader` checks its chunks."""
    width = WIDTHS.get(file.subtype, 0) * file.channels
    if not width or file.format in ("WAV", "WAVEX", "RF64"):
        return 0.0
    beyond = path.stat().st_size - file.frames * width
    return beyond / width / file.samplerate if beyond > MAX_METADATA_BYTES else 0.0
