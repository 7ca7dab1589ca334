"""Any audio or video file -> its own samples, block by block, [samples, channels], and their rate in Hz.

All sound in the file is read, whatever length its header gives. `Sound.notes` reports what doesn't match, and
`Sound.left_out` lists the parts that couldn't be decoded. A file that can't be used at all raises BadClip. What a
header announces is checked before memory is allocated for it.
"""

import re
import stat
from pathlib import Path
from typing import Final

import numpy as np

from intone.audio.readers import containers, ffmpeg, libsndfile
from intone.audio.readers.sound import Sound
from intone.audio.readers.wav_header import WavHeader
from intone.errors import BadClip, phrase

FFMPEG_READS: Final = (b"fLaC", b"OggS", b"ID3")
"""First bytes of FLAC, Ogg and tagged MP3: unlike libsndfile, FFmpeg continues after a bad packet in them."""


def decode(path: Path) -> tuple[np.ndarray, int]:
    """The file's own samples, shape (samples, channels), and its rate in Hz; their type is as in `opened`."""
    sound = opened(path)
    return np.concatenate(list(sound.blocks)), sound.rate


def opened(path: Path, track: int | None = None, begin: float = 0.0) -> Sound:
    """The file's sound, block by block; of several sound tracks number `track`, or without it the default one.

    Where its samples are plain, those before `begin` (s) are skipped, as `Sound.skipped` says; others are all decoded.

    int16 where 16-bit samples are stored (WAV, FLAC: every bit as stored), float32 otherwise. Raises BadClip, here or
    at the first block, for a file that is missing, unreadable, empty, a playlist or not audio.
    """
    path = Path(path)
    check_file(path)
    if track is None and not _ffmpeg_reads(path):
        header = WavHeader.of(path)
        fits = header.fits if header else not _joined(path)
        sound = libsndfile.sound(path, begin) if fits else None
        if sound is not None:
            return sound
    return ffmpeg.sound(path, track)


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
        raise BadClip(f"{name!r} can't be read ({phrase(error)}).") from error
    if kind.st_size == 0:
        raise BadClip(f"{path} is an empty file.")


def _not_there(path: Path) -> str:
    """One sentence for a path without a file; a URL taken for a path has lost one of its slashes."""
    address = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.+)", str(path), re.DOTALL)
    if not address:
        return f"{path} is not there."
    scheme, rest = address.groups()
    if scheme.lower() == "file":
        return f"file:///{rest} is a URL: give the path alone, without file://."
    return f"{scheme}://{rest} is a URL, and intone reads files: download it first, and name the file."


def _ffmpeg_reads(path: Path) -> bool:
    """Whether a file begins as MP3, Ogg or FLAC. (libsndfile would also take any file named .mp3 for one, and its MP3
    decoder prints warnings on the terminal.)"""
    with path.open("rb") as f:
        head = f.read(4)
    return head.startswith(FFMPEG_READS) or head[:2] >= b"\xff\xe0"


def _joined(path: Path) -> bool:
    with path.open("rb") as file:
        return len(containers.parts(file)) > 1
