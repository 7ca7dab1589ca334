"""An audio or video file that FFmpeg reads, part by part where several were joined -> its samples, block by block."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from intone.audio.account import DAMAGED, NO_SOUND, LeftOut
from intone.audio.readers import containers, mp4
from intone.audio.readers.containers import Window
from intone.audio.readers.packets import chosen, read
from intone.audio.readers.sound import CUT_OFF, MIN_DAMAGE_S, NOTICED, Matched, Sound, truncated
from intone.audio.readers.wav_header import WavHeader
from intone.errors import BadClip, phrase

HEADER_ALONE: Final = 1 << 14
"""A part without sound of at most this many bytes counts as a header that was written twice."""


@dataclass(frozen=True)
class _Part:
    """One of the recordings that a file consists of; mostly there is one."""

    path: Path
    start: int
    end: int
    other: Mapping[int, int] = field(default_factory=dict)
    """Replaced bytes, as in `Window`."""

    def window(self) -> Window:
        """Its bytes as a file; the caller closes it."""
        return Window(self.path.open("rb"), self.start, self.end, self.path.name, self.other)


def sound(path: Path, track: int | None = None) -> Sound:
    """The first part that holds sound, and all parts after it; `track` as in `decoding.opened`.

    Raises BadClip where no part does.
    """
    with path.open("rb") as file:
        containers.refuse_playlist(file, str(path))
        parts = [_Part(path, start, end) for start, end in containers.parts(file)]
    problem: BadClip | None = None
    for number, part in enumerate(parts):
        try:
            made = _of_part(part, track)
        except BadClip as error:
            problem = problem or error
            continue
        if part.start > HEADER_ALONE:
            made.notes.append(f"{part.start / 1e6:.2f} MB at its beginning hold no sound.")
        if parts[number + 1 :]:
            made.blocks = _chained(made, made.blocks, parts[number + 1 :], track)
        return made
    raise problem or BadClip(f"{path} holds no sound.")


def _of_part(part: _Part, track: int | None) -> Sound:
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
        mended = _unhidden(part)
        if mended is None:
            raise _unreadable(part, error) from error
        sound = _of_part(mended, track)
        sound.notes.append("The size of its sound was wrong, and hid its index.")
        return sound
    finally:
        if container is None or not container.input_was_opened:
            window.close()
    sound.notes[:0] = notes
    sound.blocks = _checked(sound, sound.blocks, announced, header, part)
    return sound


def _unhidden(part: _Part) -> _Part | None:
    """The part with the right size of its box `mdat`, where a wrong size hides an MP4's index; else None."""
    with part.window() as window:
        other = {} if part.other or not mp4.begins(window.read(12) or b"") else mp4.unhidden(window)
    return replace(part, other=other) if other else None


def _unreadable(part: _Part, error: Exception) -> BadClip:
    import av

    if isinstance(error, av.ArgumentError):
        return BadClip(f"{part.path} is no recording: playlists, scripts, pictures and bare samples aren't opened.")
    with part.window() as window:
        head = window.read(12) or b""
        if mp4.begins(head) and not mp4.has_index(window):
            return BadClip(
                f"{part.path} has no index (the box moov), as a recording that was cut off: repair it with the program "
                "that made it."
            )
    what = "is damaged" if head[:4] in (b"RIFF", b"fLaC", b"OggS", b"FORM") else "is not audio that can be read"
    return BadClip(f"{part.path} {what} ({phrase(error)}).")


def _announced(container: Any, stream: Any, xing: bool) -> float | None:
    """Length of this track in seconds by the header; None where FFmpeg only guesses it."""
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
    """Its blocks; then `notes` gets sentences about damage and about a length that differs from the header's."""
    got = 0
    for block in blocks:
        got += len(block)
        yield block
    seconds = got / sound.rate
    said = header.notes(seconds) if header else _end(seconds, announced, part)
    sound.notes += said
    # A packet that is cut off by the end of the file doesn't count as damage.
    inside = [p for p in sound.left_out if p.start > 0 and not (said and p.end > seconds - NOTICED)]
    sound.notes += _gaps([p for p in inside if p.reason == DAMAGED], MIN_DAMAGE_S, "It is damaged")
    sound.notes += _gaps([p for p in inside if p.reason == NO_SOUND], NOTICED, "Its times have gaps")


def _end(seconds: float, announced: float | None, part: _Part) -> list[str]:
    """At most one sentence: that the end is missing, by the announced length or by the container's sizes."""
    if announced is not None and announced - seconds > NOTICED:
        return [truncated(seconds, announced)]
    with part.window() as window:
        return [CUT_OFF.format(seconds)] if containers.cut_off(window) else []


def _gaps(parts: list[LeftOut], least: float, what: str) -> list[str]:
    """One sentence about the parts, where they last `least` seconds or more in all."""
    lost = sum(part.seconds for part in parts)
    return [f"{what}: {lost:.2f} s were left out, from {parts[0].start:.1f} s on."] if lost >= least else []


def _chained(
    first: Sound, blocks: Iterator[np.ndarray], others: list[_Part], track: int | None
) -> Iterator[np.ndarray]:
    """The blocks of all parts, at the first one's rate and number of channels."""
    samples, matched = 0, Matched(first.rate, 1, np.float32)
    for block in blocks:
        matched.channels, matched.dtype = block.shape[1], block.dtype
        samples += len(block)
        yield block
    joined = 1
    for part in others:
        before = samples / first.rate
        try:
            sound = _of_part(part, track)
            for block in sound.blocks:
                samples += len(block := matched.of(block, sound.rate))
                yield block
        except BadClip as problem:
            if part.end - part.start > HEADER_ALONE:
                first.notes.append(f"{(part.end - part.start) / 1e6:.2f} MB at its end were left out ({problem}).")
            continue
        joined += 1
        first.left_out += [LeftOut(p.start + before, p.end + before, p.reason) for p in sound.left_out]
        first.notes += [f"From {before:.1f} s on: {note}" for note in sound.notes]
    if joined > 1:
        first.notes.append(f"It consists of {joined} recordings, one behind another: all were heard.")
