"""A container that FFmpeg opened -> the samples of one sound track at their times in the file, packet by packet.

Where a packet can't be decoded, only that packet is lost. Where the track holds no sound (it begins later than the
file, its times have a gap, a packet is damaged) silence is inserted, so that all that follows keeps its time, and the
`Sound` lists where and why.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from intone.audio.account import DAMAGED, NO_SOUND, LeftOut
from intone.audio.readers.sound import (
    BLOCK_S,
    HIGHEST_RATE,
    LOWEST_RATE,
    MAX_AMPLITUDE,
    MOST_CHANNELS,
    Matched,
    Sound,
    floats,
    silence,
)
from intone.errors import BadClip

JITTER: Final = 0.05
"""Seconds by which times may differ without anything being missing."""

BACK: Final = 0.5
"""Where times go back by more seconds than this, another recording begins: files were joined."""

MAX_GAP_S, MAX_STREAM_GAP_S = 3600.0, 10.0
"""Longest gaps in the times that are accepted, in seconds: all of a file, and each of a broadcast, whose clock may
jump."""

BROADCASTS: Final = ("mpegts", "mpeg")
COUNTED: Final = ("flac", "ogg")
"""Kinds of file whose times have gaps only where something is missing."""

MAX_BETWEEN_BYTES: Final = 300
"""Most bytes between two packets without loss: headers of packets, of clusters and of pages."""

UNTIMED: Final = ("mp3", "aac", "ac3", "eac3", "amr", "amrnb", "amrwb", "g722", "gsm", "dts", "loas", "mlp", "truehd")
"""Kinds of file whose times FFmpeg only counts up, frame by frame, so they don't show what is missing."""

FROM_ZERO: Final = ("mov", "matroska", "avi", "flv", "asf")
"""Kinds of file whose times begin at 0, whenever the first sound comes; in others the first stream's beginning is 0."""

TAGS: Final = (b"Xing", b"Info", b"LAME", b"VBRI", b"ID3", b"TAG", b"APETAGEX")
"""Marks of tags between joined MP3 files; they hold no sound."""


def chosen(container: Any, track: int | None, name: str) -> tuple[Any, list[str]]:
    """The sound track to analyse (`track` counts from 1), and one sentence where there were several.

    Raises BadClip where there is no sound track, or no such one.
    """
    tracks = list(container.streams.audio)
    if not tracks:
        raise BadClip(f"{name} has no sound track.")
    if track is not None and not 1 <= track <= len(tracks):
        raise BadClip(f"{name} has {len(tracks)} sound track{'s' * (len(tracks) > 1)}: there is no track {track}.")
    marked = [number for number, stream in enumerate(tracks, 1) if "default" in _disposition(stream)]
    number = track or (marked or [1])[0]
    if len(tracks) == 1 or track:
        return tracks[number - 1], []
    which = "the default" if marked else "the first"
    return tracks[number - 1], [
        f"It has {len(tracks)} sound tracks: track {number}, {which}, was analysed; --track takes another."
    ]


def _disposition(stream: Any) -> str:
    return str(getattr(stream.disposition, "name", "") or "")


def read(container: Any, stream: Any, name: str) -> Sound:
    """The track's sound. Raises BadClip where nothing in it can be decoded; the container is closed at the end."""
    reader = _Reader(container, stream)
    pieces = reader.pieces()
    try:
        first = next(pieces, None)
        if first is None:
            if reader.bad:
                raise BadClip(f"{name} is damaged or locked: none of its {reader.bad} packets can be decoded.")
            raise BadClip(f"{name} holds no sound: it has a header and no samples.")
        reader.check(name)
    except BaseException:
        container.close()
        raise
    return Sound(reader.rate, _gathered(container, first, pieces, BLOCK_S * reader.rate), reader.left_out, reader.notes)


def _gathered(container: Any, first: np.ndarray, pieces: Iterator[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Pieces -> blocks of `size` samples or more, as a codec's frames hold only a few hundredths of a second."""
    with container:
        waiting, count = [first], len(first)
        for piece in pieces:
            waiting.append(piece)
            count += len(piece)
            if count >= size:
                yield np.concatenate(waiting)
                waiting, count = [], 0
        if waiting:
            yield np.concatenate(waiting)


class _Reader:
    """Decodes a track and counts its position in the file's time."""

    def __init__(self, container: Any, stream: Any) -> None:
        self.container, self.stream = container, stream
        self.kind = container.format.name.split(",")[0]
        self.rate = self.channels = 0
        self.dtype: Any = np.float32
        self.left_out: list[LeftOut] = []
        self.notes: list[str] = []
        self.bad = 0
        self.lost = 0.0
        """Seconds of the packets that failed since the last one that was decoded."""
        self.position = 0
        """Samples so far, silence included."""
        self.gaps = 0.0
        """Seconds of silence in it that only the times call for."""
        self.bytes = 0
        self.behind = 0
        """Where the last packet ended, in bytes."""
        self.alone = len(container.streams) == 1 and self.kind not in BROADCASTS
        self.matched: Matched | None = None
        self.shift = -self._origin()
        """Seconds from the stream's clock to the recording's."""

    def _origin(self) -> float:
        start = (self.container.start_time or 0) / 1e6
        from_zero = self.kind in FROM_ZERO and 0 <= start < MAX_GAP_S
        return 0.0 if from_zero else start

    def check(self, name: str) -> None:
        """Raises BadClip for an impossible rate or number of channels."""
        if not LOWEST_RATE <= self.rate <= HIGHEST_RATE or not 1 <= self.channels <= MOST_CHANNELS:
            raise BadClip(f"{name} is damaged: it announces {self.channels} channels at {self.rate} Hz.")

    def pieces(self) -> Iterator[np.ndarray]:
        """[samples, channels] of each frame, after silence where sound is missing; all of one type and width."""
        for packet, frames in self._decoded():
            for frame in frames:
                if not frame.samples or not frame.sample_rate:
                    continue
                samples = self._alike(_samples(frame), frame.sample_rate)
                due = self._due(frame)
                yield from self._silence(due, DAMAGED if self.lost or self._skipped(packet) else NO_SOUND)
                self.lost = 0.0
                if not _is_sound(samples):
                    self._leave_out(len(samples) / self.rate, DAMAGED)
                    samples = np.zeros_like(samples)
                self.position += len(samples)
                yield samples
            self.bytes += packet.size or 0
            self.behind = (packet.pos or 0) + (packet.size or 0)
        if self.rate and self.lost:
            yield from self._silence(self.lost, DAMAGED)

    def _decoded(self) -> Iterator[tuple[Any, list[Any]]]:
        """Each packet and its frames; packets and parts of the file that fail are counted."""
        import av

        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets, None)
            except IndexError:  # FFmpeg has just discovered a stream that PyAV doesn't know
                packets = self.container.demux(self.stream)
                continue
            except (av.FFmpegError, OSError, ValueError):  # the rest of the file can't be demuxed
                self.bad += 1
                return
            if packet is None:
                return
            try:
                frames = packet.decode()
            except (av.FFmpegError, OSError, ValueError):
                self.bad += 1
                self.lost += self._seconds_of(packet)
                continue
            yield packet, frames

    def _seconds_of(self, packet: Any) -> float:
        """Seconds of sound in a packet that failed: by its duration, or its size where times are only counted."""
        known = float(packet.duration * packet.time_base) if packet.duration and packet.time_base else 0.0
        if self.kind in UNTIMED and self.rate and self.bytes:
            if any(mark in bytes(packet)[:1024] for mark in TAGS):
                return 0.0
            known = max(known, packet.size / self.bytes * self.position / self.rate)
        return min(max(known, 0.001), float(BLOCK_S))

    def _skipped(self, packet: Any) -> bool:
        """Whether bytes were skipped before a packet: then a gap in the times is damage and not the recorder's pause.

        Frames of FLAC and pages of Ogg are counted without gaps: any gap is damage. With video, nothing can be told.
        """
        between = (packet.pos or 0) - self.behind
        return (self.kind in COUNTED and self.position > 0) or (
            self.alone and self.behind > 0 and between > MAX_BETWEEN_BYTES
        )

    def _due(self, frame: Any) -> float:
        """Seconds of silence that belong before a frame."""
        reached = self.position / self.rate
        if self.kind in UNTIMED or frame.pts is None or not frame.time_base:
            return self.lost
        time = float(frame.pts * frame.time_base) + self.shift
        ahead = time - reached
        # A track's beginning is relative to the other tracks; only later may a broadcast's clock jump.
        jumps = self.kind in BROADCASTS and self.position > 0
        longest = MAX_STREAM_GAP_S if jumps else MAX_GAP_S - self.gaps
        if ahead < -BACK or ahead > longest:
            if ahead > longest:
                self.notes.append(f"Its times jump by {ahead:.0f} s at {reached:.1f} s: the jump was left out.")
            self.shift -= ahead
            return self.lost
        if ahead <= (0.0 if self.lost else JITTER):
            return 0.0
        if not self.lost:
            self.gaps += ahead
        return ahead

    def _silence(self, seconds: float, reason: str) -> Iterator[np.ndarray]:
        """Zeros in place of missing sound."""
        samples = round(seconds * self.rate)
        self._leave_out(samples / self.rate, reason)
        self.position += samples
        yield from silence(samples, self.channels, self.dtype, self.rate)

    def _leave_out(self, seconds: float, reason: str) -> None:
        if seconds > 0:
            start = self.position / self.rate
            self.left_out.append(LeftOut(start, start + seconds, reason))

    def _alike(self, samples: np.ndarray, rate: int) -> np.ndarray:
        if self.matched is None:
            self.rate, self.channels, self.dtype = rate, samples.shape[1], samples.dtype
            self.matched = Matched(rate, self.channels, self.dtype)
        return self.matched.of(samples, rate)


MAX_PLANES: Final = 7
"""Most channels of a planar frame that PyAV can convert: with more, it reads memory outside the frame."""


def _samples(frame: Any) -> np.ndarray:
    """A frame -> [samples, channels], int16 or float32."""
    if frame.format.is_planar and frame.layout.nb_channels > MAX_PLANES:
        frame = _packed(frame)
    array = frame.to_ndarray()
    array = array.T if frame.format.is_planar else array.reshape(-1, frame.layout.nb_channels)
    return array if array.dtype == np.int16 else floats(array)


def _packed(frame: Any) -> Any:
    import av

    [packed] = av.AudioResampler(frame.format.packed, frame.layout, frame.sample_rate).resample(frame)
    return packed


def _is_sound(samples: np.ndarray) -> bool:
    return samples.dtype == np.int16 or bool(np.abs(samples).max(initial=0) <= MAX_AMPLITUDE)
