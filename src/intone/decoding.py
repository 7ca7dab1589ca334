"""Any audio or video file -> its own samples, block by block, [samples, channels], and their rate in Hz.

What is wrong with a file is a BadClip, raised at the block where it shows; nothing that a header announces is believed
before memory is spent on it.
"""

import contextlib
import itertools
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile

from intone.errors import BadClip

BLOCK: Final = 10
"""Seconds that are decoded at a time, so that a recording of any length takes the same memory."""

LOWEST_RATE, HIGHEST_RATE, MOST_CHANNELS = 1_000, 768_000, 64
"""Hz and channels that a header is believed."""


def decode(path: Path) -> tuple[np.ndarray, int]:
    """The file's own samples, shape (samples, channels), and its rate in Hz; `opened` says of which type."""
    rate, blocks = opened(path)
    return np.concatenate(list(blocks)), rate


def opened(path: Path) -> tuple[int, Iterator[np.ndarray]]:
    """The file's rate in Hz and its own samples, block by block, shape (samples, channels).

    int16 where 16-bit PCM is stored (WAV, FLAC: every bit as stored), float32 otherwise. soundfile reads WAV, FLAC,
    OGG and MP3; what it can't (m4a, mp4, webm, mkv, wma …) PyAV does, taking the first audio stream. Raises BadClip,
    here or at the block where it shows, for a file that is missing, unreadable, empty, truncated or not audio.
    """
    path = Path(path)
    check_file(path)
    if path.suffix.lower() == ".mp3" and not _begins_as_sound(path):
        # libsndfile would believe the name, and the decoder below it writes its complaints onto the terminal.
        return _opened_av(path)
    try:
        file = soundfile.SoundFile(os.fsencode(path))  # bytes, since a name need not be text
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: an ending that announces raw samples
        # A broken FLAC is still FLAC: PyAV would hand out the part that it can read as if it were the whole.
        if _is_wav_or_flac(path):
            raise BadClip(f"{path} is truncated or damaged ({_phrase(error)}).") from error
        return _opened_av(path)
    with contextlib.ExitStack() as stack:
        stack.enter_context(file)
        _check_sizes(path, file.samplerate, file.channels)
        stack.pop_all()
    return file.samplerate, _non_empty(_blocks_soundfile(file, path), path)


def check_file(path: Path) -> None:
    """Raises BadClip for a path at which no recording can be read."""
    try:
        kind = path.stat()
        if stat.S_ISDIR(kind.st_mode):
            raise BadClip(f"{path} is a folder and not a recording.")
        if not stat.S_ISREG(kind.st_mode):
            raise BadClip(f"{path} is a pipe or a device: save the recording to a file first.")
        with path.open("rb"):
            pass
    except FileNotFoundError as error:
        raise BadClip(_not_there(path)) from error
    except (OSError, ValueError) as error:
        name = str(path) if len(str(path)) < 200 else f"{str(path)[:100]}…"
        raise BadClip(f"{name!r} can't be read ({_phrase(error)}).") from error
    if kind.st_size == 0:
        raise BadClip(f"{path} is an empty file.")


def _not_there(path: Path) -> str:
    """One sentence for a path without a file; an address on the network may look like one that has lost a slash."""
    address = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.+)", str(path), re.DOTALL)
    if not address:
        return f"{path} is not there."
    scheme, rest = address.groups()
    if scheme.lower() == "file":
        return f"file:///{rest} is a URL: give the path alone, without file://."
    return f"{scheme}://{rest} is a URL, and intone reads files: download it first, and name the file."


def _check_sizes(path: Path, rate: int, channels: int) -> None:
    """A damaged header may announce anything, and memory would follow."""
    if not LOWEST_RATE <= rate <= HIGHEST_RATE or not 1 <= channels <= MOST_CHANNELS:
        raise BadClip(f"{path} is damaged: its header announces {channels} channels at {rate} Hz.")


def _non_empty(blocks: Iterator[np.ndarray], path: Path) -> Iterator[np.ndarray]:
    found = False
    for block in blocks:
        found = found or len(block) > 0
        yield block
    if not found:
        raise BadClip(f"{path} holds no sound: it has a header and no samples.")


def _blocks_soundfile(file: soundfile.SoundFile, path: Path) -> Iterator[np.ndarray]:
    with file as f:
        dtype = "int16" if f.subtype == "PCM_16" else "float32"
        missing, size = f.frames, BLOCK * f.samplerate
        try:
            if _wav_bytes_missing(path):
                raise BadClip(f"{path} is truncated: it stops before the end that its header announces.")
            while len(block := f.read(size, dtype=dtype, always_2d=True)):
                missing -= len(block)
                yield block
        except soundfile.LibsndfileError as error:
            raise BadClip(f"{path} is truncated or damaged ({_phrase(error)}).") from error
    if missing > 0:
        raise BadClip(f"{path} is truncated: it stops before the end that its header announces.")


def _wav_bytes_missing(path: Path) -> bool:
    """Whether a WAV file is shorter than its own header says; libsndfile quietly reads what is there."""
    with path.open("rb") as f:
        head = f.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return False
        while len(chunk := f.read(8)) == 8:
            size = int.from_bytes(chunk[4:], "little")
            if chunk[:4] == b"data":
                # A recorder that streams writes 0 or the largest number because it can't know the length.
                return size not in (0, 0xFFFFFFFF) and f.tell() + size > path.stat().st_size
            f.seek(size + size % 2, 1)
    return False


def _is_wav_or_flac(path: Path) -> bool:
    with path.open("rb") as f:
        head = f.read(12)
    return head[:4] == b"fLaC" or (head[:4] == b"RIFF" and head[8:] == b"WAVE")


def _begins_as_sound(path: Path) -> bool:
    """Whether a file called MP3 begins as MP3 does, or as what soundfile reads bit for bit."""
    with path.open("rb") as f:
        head = f.read(3)
    return head == b"ID3" or head[:2] >= b"\xff\xe0" or _is_wav_or_flac(path)


def _opened_av(path: Path) -> tuple[int, Iterator[np.ndarray]]:
    import av  # here because importing it costs a tenth of a second that WAV and FLAC needn't pay

    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError, ValueError) as error:
        raise BadClip(f"{path} is not audio that can be read ({_phrase(error)}).") from error
    with contextlib.ExitStack() as stack:
        stack.enter_context(container)
        if not container.streams.audio:
            raise BadClip(f"{path} has no sound track.")
        context = container.streams.audio[0].codec_context
        _check_sizes(path, context.sample_rate, context.channels)
        stack.pop_all()
    return context.sample_rate, _non_empty(_blocks_av(container, path), path)


def _blocks_av(container: Any, path: Path) -> Iterator[np.ndarray]:
    """[samples, channels] float32, gathered to blocks: a codec's frames hold a few hundredths of a second."""
    import av

    rate = container.streams.audio[0].codec_context.sample_rate
    gathered: list[np.ndarray] = []
    to_float = av.AudioResampler(format="fltp")
    with container:
        try:
            for frame in itertools.chain(container.decode(audio=0), [None]):  # None empties the converter
                gathered += [out.to_ndarray().T for out in to_float.resample(frame)]
                if sum(map(len, gathered)) >= BLOCK * rate:
                    yield np.concatenate(gathered)
                    gathered = []
        except (av.FFmpegError, OSError, ValueError) as error:
            raise BadClip(f"{path} is truncated or damaged ({_phrase(error)}).") from error
    if gathered:
        yield np.concatenate(gathered)


def _phrase(error: Exception) -> str:
    """A library's message as one phrase, without the path that our own sentence already names."""
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return str(text).strip().rstrip(".").lower()
