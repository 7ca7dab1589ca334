"""Any audio or video file -> its own samples, block by block, [samples, channels], and their rate in Hz.

The sound that is there is read, whatever a header says of its length; what doesn't fit is said in `Sound.notes`, and
`Sound.left_out` has the parts that couldn't be decoded. What is wrong with a whole file is a BadClip. Nothing that a
header announces is believed before memory is spent on it.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile

from intone import containers
from intone.account import BEYOND, DAMAGED, NO_SOUND, LeftOut
from intone.containers import Window
from intone.errors import BadClip
from intone.packets import BLOCK, HIGHEST_RATE, LOWEST_RATE, MOST_CHANNELS, Matched, Sound, chosen, read
from intone.waveform_header import WavHeader, truncated

__all__ = ["BLOCK", "HIGHEST_RATE", "LOWEST_RATE", "MOST_CHANNELS", "Sound", "check_file", "decode", "opened"]

NOTICED: Final = 0.1
"""Seconds by which a length may differ from the announced one without a word: codecs fill up their last frame."""

LEAST_DAMAGE: Final = 0.01
"""Seconds left out of which nothing need be said."""

CUT_OFF: Final = "It is truncated: the {:.1f} s that are there were heard."

FFMPEG_READS: Final = {
    "fLaC": b"fLaC",
    "Ogg": b"OggS",
    "MP3 with a tag": b"ID3",
}
"""How files begin that FFmpeg reads better than libsndfile: on behind a bad packet, and on where files were joined."""


def decode(path: Path) -> tuple[np.ndarray, int]:
    """The file's own samples, shape (samples, channels), and its rate in Hz; `opened` says of which type."""
    sound = opened(path)
    return np.concatenate(list(sound.blocks)), sound.rate


def opened(path: Path, track: int | None = None) -> Sound:
    """The file's sound, block by block; of a video with several sound tracks the default one, else number `track`.

    int16 where 16-bit samples are stored (WAV, FLAC: every bit as stored), float32 otherwise. Raises BadClip, here or
    at the first block, for a file that is missing, unreadable, empty, a playlist or not audio.
    """
    path = Path(path)
    check_file(path)
    if track is None and not _ffmpeg_reads(path):
        header = WavHeader.of(path)
        file = _soundfile(path) if header is None or header.fits else None
        if file is not None and (header or not _joined(path)):
            return _by_soundfile(file, path)
    return _by_ffmpeg(path, track)


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
        raise BadClip(f"{path} is not there.") from error
    except (OSError, ValueError) as error:
        name = str(path) if len(str(path)) < 200 else f"{str(path)[:100]}…"
        raise BadClip(f"{name!r} can't be read ({_phrase(error)}).") from error
    if kind.st_size == 0:
        raise BadClip(f"{path} is an empty file.")


def _ffmpeg_reads(path: Path) -> bool:
    """Whether a file begins as MP3, Ogg or FLAC; libsndfile would take one that is only called .mp3 for one, too, and
    the decoder below it writes its complaints onto the terminal."""
    with path.open("rb") as f:
        head = f.read(4)
    return head.startswith(tuple(FFMPEG_READS.values())) or head[:2] >= b"\xff\xe0"


def _soundfile(path: Path) -> soundfile.SoundFile | None:
    """The file as libsndfile has it; None where it has none."""
    if path.suffix.lower() in (".mp3", ".raw"):  # libsndfile would believe the name
        return None
    try:
        file = soundfile.SoundFile(os.fsencode(path))  # bytes, since a name need not be text
    except (soundfile.LibsndfileError, TypeError):
        return None
    if file.subtype.startswith("MPEG"):
        file.close()
        return None
    if LOWEST_RATE <= file.samplerate <= HIGHEST_RATE and 1 <= file.channels <= MOST_CHANNELS:
        return file
    with file:  # a damaged header may announce anything, and memory would follow
        raise BadClip(f"{path} is damaged: its header announces {file.channels} channels at {file.samplerate} Hz.")


def _joined(path: Path) -> bool:
    with path.open("rb") as file:
        return len(containers.parts(file)) > 1


def _by_soundfile(file: soundfile.SoundFile, path: Path) -> Sound:
    sound = Sound(file.samplerate, iter(()))
    sound.blocks = _non_empty(_soundfile_blocks(file, path, sound), path)
    return sound


def _soundfile_blocks(file: soundfile.SoundFile, path: Path, sound: Sound) -> Iterator[np.ndarray]:
    with file as f:
        dtype = "int16" if f.subtype == "PCM_16" else "float32"
        announced, rate, got = f.frames, f.samplerate, 0
        try:
            while len(block := f.read(BLOCK * rate, dtype=dtype, always_2d=True)):
                got += len(block)
                yield block
        except soundfile.LibsndfileError:
            left = max(0, announced - got)
            sound.notes.append(f"It is damaged at {got / rate:.1f} s: {left / rate:.1f} s behind that were left out.")
            sound.left_out.append(LeftOut(got / rate, (got + left) / rate, DAMAGED))
            yield from _silence(left, f.channels, dtype, rate)
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
            yield from _silence(round(beyond * rate), f.channels, dtype, rate)


def _silence(left: int, channels: int, dtype: str, rate: int) -> Iterator[np.ndarray]:
    while left > 0:
        size = min(left, BLOCK * rate)
        yield np.zeros((size, channels), dtype)
        left -= size


WIDTHS: Final = {"PCM_S8": 1, "PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}
"""libsndfile's name of a type of sample -> its bytes."""

MOST_METADATA: Final = 1 << 18
"""Bytes behind the samples that may be tags and not sound."""


def _seconds_beyond(file: soundfile.SoundFile, path: Path) -> float:
    """Sound behind the end that a header of plain samples gives, as far as the size of the file tells; a WAV's is
    known from its chunks (`WavHeader`)."""
    width = WIDTHS.get(file.subtype, 0) * file.channels
    if not width or file.format in ("WAV", "WAVEX", "RF64"):
        return 0.0
    beyond = path.stat().st_size - file.frames * width
    return beyond / width / file.samplerate if beyond > MOST_METADATA else 0.0


def _non_empty(blocks: Iterator[np.ndarray], path: Path) -> Iterator[np.ndarray]:
    found = False
    for block in blocks:
        found = found or len(block) > 0
        yield block
    if not found:
        raise BadClip(f"{path} holds no sound: it has a header and no samples.")


@dataclass(frozen=True)
class _Part:
    """One of the recordings that a file consists of; mostly there is one."""

    path: Path
    start: int
    end: int

    def window(self) -> Window:
        """Its bytes; to be closed."""
        return Window(self.path.open("rb"), self.start, self.end, self.path.name)


def _by_ffmpeg(path: Path, track: int | None) -> Sound:
    with path.open("rb") as file:
        containers.refuse_playlist(file, str(path))
        parts = [_Part(path, start, end) for start, end in containers.parts(file)]
    sound = _part_by_ffmpeg(parts[0], track)
    if len(parts) > 1:
        sound.blocks = _chained(sound, sound.blocks, parts, track)
    return sound


def _part_by_ffmpeg(part: _Part, track: int | None) -> Sound:
    import av

    with part.window() as window:
        header = WavHeader.read(window)
        known = containers.xing_seconds_known(window) if header is None else False
    window, container = part.window(), None
    try:
        container = containers.opened(window, ignore_length=bool(header and header.short))
        stream, notes = chosen(container, track, str(part.path))
        announced = _announced(container, stream, known)
        sound = read(container, stream, str(part.path))
    except (av.FFmpegError, OSError, ValueError) as error:
        raise _unreadable(part, error) from error
    finally:
        if container is None or not container.input_was_opened:
            window.close()
    sound.notes[:0] = notes
    sound.blocks = _checked(sound, sound.blocks, announced, header, part)
    return sound


def _unreadable(part: _Part, error: Exception) -> BadClip:
    import av

    if isinstance(error, av.ArgumentError):
        return BadClip(f"{part.path} is no recording: playlists, scripts, pictures and bare samples aren't opened.")
    with part.window() as window:
        head = window.read(12) or b""
        if head[4:8] in (b"ftyp", b"mdat", b"wide", b"moov") and not containers.has_index(window):
            return BadClip(
                f"{part.path} has no index (the box moov), as a recording that was cut off: repair it with the program "
                "that made it."
            )
    what = "is damaged" if head[:4] in (b"RIFF", b"fLaC", b"OggS", b"FORM") else "is not audio that can be read"
    return BadClip(f"{part.path} {what} ({_phrase(error)}).")


def _announced(container: Any, stream: Any, xing: bool) -> float | None:
    """Seconds that a header promises of this track; None where FFmpeg only guesses."""
    kind = container.format.name.split(",")[0]
    if kind == "mov" and stream.duration and stream.time_base:
        return float((stream.duration + (stream.start_time or 0)) * stream.time_base)
    alone = len(container.streams) == 1 and container.duration
    if alone and (kind in ("flac", "flv", "matroska") or (kind == "mp3" and xing)):
        return float(container.duration / 1e6)
    return None


def _checked(
    sound: Sound,
    blocks: Iterator[np.ndarray],
    announced: float | None,
    header: WavHeader | None,
    part: _Part,
) -> Iterator[np.ndarray]:
    """The same blocks; then it is said whether they are what the header announced, and what was damaged."""
    got = 0
    for block in blocks:
        got += len(block)
        yield block
    seconds = got / sound.rate
    if header:
        sound.notes += header.notes(seconds)
    elif announced is not None and announced - seconds > NOTICED:
        sound.notes.append(truncated(seconds, announced))
    else:
        with part.window() as window:
            sound.notes += [CUT_OFF.format(seconds)] * containers.cut_off(window)
    # The packet that the end of the file cuts in two is no damage of its own.
    ends = bool(sound.notes) and "truncated" in sound.notes[-1]
    inside = [p for p in sound.left_out if p.start > 0 and not (ends and p.end > seconds - NOTICED)]
    sound.notes += _gaps([p for p in inside if p.reason == DAMAGED], LEAST_DAMAGE, "It is damaged")
    sound.notes += _gaps([p for p in inside if p.reason == NO_SOUND], NOTICED, "Its times have gaps")


def _gaps(parts: list[LeftOut], least: float, what: str) -> list[str]:
    """One sentence about the parts, where they have `least` seconds in all."""
    lost = sum(part.seconds for part in parts)
    return [f"{what}: {lost:.2f} s were left out, from {parts[0].start:.1f} s on."] if lost >= least else []


def _chained(first: Sound, blocks: Iterator[np.ndarray], parts: list[_Part], track: int | None) -> Iterator[np.ndarray]:
    """The blocks of all parts, in the first one's rate and number of channels."""
    samples, matched = 0, Matched(first.rate, 1, np.float32)
    for block in blocks:
        matched.channels, matched.dtype = block.shape[1], block.dtype
        samples += len(block)
        yield block
    first.notes.append(f"It consists of {len(parts)} recordings, one behind another: all were heard.")
    for number, part in enumerate(parts[1:], 2):
        try:
            sound = _part_by_ffmpeg(part, track)
            before = samples / first.rate
            for block in sound.blocks:
                samples += len(block := matched.of(block, sound.rate))
                yield block
        except BadClip as problem:
            size = (part.end - part.start) / 1e6
            first.notes.append(f"Recording {number} in it ({size:.2f} MB) can't be read and was left out ({problem}).")
            continue
        first.left_out += [LeftOut(p.start + before, p.end + before, p.reason) for p in sound.left_out]
        first.notes += [f"Recording {number} in it: {note}" for note in sound.notes]


def _phrase(error: Exception) -> str:
    """A library's message as one phrase, without the path that our own sentence already names."""
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return str(text).strip().rstrip(".").lower()
