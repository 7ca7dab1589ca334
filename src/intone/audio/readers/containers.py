"""An open file -> FFmpeg's container, the parts of a file that was joined, and whether its end is missing.

FFmpeg opens playlists and scripts (HLS, DASH, concat, SDP …) like recordings, and then any file that they name. So
containers are opened only here: FFmpeg may use only the demuxers in `DEMUXERS`, it gets an open file instead of a name,
and it may open no other file.
"""

import io
import mmap
import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

from intone.audio.readers import mp4
from intone.errors import BadClip

DEMUXERS: Final = (
    "aac ac3 ac4 aiff amr amrnb amrwb ape asf au avi caf dsf dss dts dtshd dv eac3 flac flv g722 gsm ircam loas "
    "matroska mlp mov mp3 mpc mpc8 mpeg mpegts mxf nistsphere nut ogg oma qcp rm sln sox tak truehd tta voc w64 wav "
    "webm wtv wv xwma"
)
"""FFmpeg's names of formats that hold sound and can't point to another file, separated by spaces."""

PLACEHOLDERS: Final = 0x7F000000
"""A size of this many bytes or more in a header means "not known": recorders that can't seek back write the largest
number, signed or not, less their header, as they don't know the length yet."""

BUFFER: Final = 1 << 16
"""Bytes that FFmpeg reads at a time."""

_BRAND: Final = rb"(?:isom|iso\d|mp4\d|M4[AVB] |qt  |3g[p2].|avc\d|dash|MSNV|f4v |mmp4)"
BEGINNINGS: Final = {
    "wav": re.compile(rb"(?:RIFF|RIFX)....WAVE(?:fmt |JUNK|bext|LIST|fact)", re.DOTALL),
    "mov": re.compile(rb"\0\0\0[\x08-\x80]ftyp" + _BRAND, re.DOTALL),
    "flv": re.compile(rb"FLV\x01[\x01\x04\x05]\0\0\0\t\0\0\0\0", re.DOTALL),
    "asf": re.compile(rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", re.DOTALL),
    "caf": re.compile(rb"caff\0\x01\0\0desc", re.DOTALL),
    "aiff": re.compile(rb"FORM....AIF[FC](?:COMM|FVER)", re.DOTALL),
    "au": re.compile(rb"\.snd\0\0.{6}\0\0\0[\x01-\x1b]\0[\0-\x0b]..\0\0\0[\x01-\x40]", re.DOTALL),
    "w64": re.compile(rb"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0", re.DOTALL),
    "flac": re.compile(rb"fLaC[\0\x80]\0\0\x22", re.DOTALL),
    "ogg": re.compile(rb"OggS\0\x02\0{8}", re.DOTALL),
    "matroska": re.compile(rb"\x1a\x45\xdf\xa3.{1,60}?\x42\x82.(?:webm|matroska)", re.DOTALL),
}
"""First bytes of the kinds of file after which another file may follow that readers don't notice, or take for another
track. They are long enough not to occur by chance. FFmpeg itself reads joined MP3, AAC and MPEG to the end."""

_PLAYLIST: Final = re.compile(
    rb"\s*(?:#EXTM3U|#EXT-X|ffconcat|\[playlist\]|\[reference\]|v=0\s|file\s+['\"/]|(?:https?|rtsp|rtmp|mms|file)://"
    rb"|(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*(?:<!doctype[^>]*>\s*)?"
    rb"<\??(?:\w+:)?(?:mpd|asx|smil|playlist|xspf|rss|wpl|zpl|assetmap|compositionplaylist)\b)",
    re.IGNORECASE | re.DOTALL,
)
"""Beginnings of playlists and scripts: HLS, concat, PLS, ASX, SDP, DASH, SMIL, XSPF and others that name recordings."""


class Window(io.RawIOBase):
    """The bytes of an open file from `start` to `end`, as a file of their own; closing it closes the open file."""

    def __init__(self, file: Any, start: int, end: int, name: str, other: Mapping[int, int] | None = None) -> None:
        """`other` replaces bytes as they are read: position in the window -> value."""
        self.file, self.start, self.size, self.at = file, start, end - start, 0
        self.other = other or {}
        self.name = name
        """FFmpeg uses its extension where the bytes don't show the format."""

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to a position in the window."""
        self.at = max(0, offset + (0, self.at, self.size)[whence])
        return self.at

    def tell(self) -> int:
        """The position in the window."""
        return self.at

    def readinto(self, buffer: Any) -> int:
        """Read bytes, up to the window's end."""
        size = min(len(buffer), self.size - self.at)
        if size <= 0:  # FFmpeg may read far beyond the end
            return 0
        self.file.seek(self.start + self.at)
        data = self.file.read(size)
        buffer[: len(data)] = data
        for place, value in self.other.items():
            if self.at <= place < self.at + len(data):
                buffer[place - self.at] = value
        self.at += len(data)
        return len(data)

    def close(self) -> None:
        """Close the open file, too."""
        self.file.close()
        super().close()


def opened(file: Any, ignore_length: bool = False) -> Any:
    """An open file with the attribute `name` -> PyAV's container.

    With `ignore_length`, a WAV is read to the end of its file, whatever its header says. Raises av.FFmpegError for a
    file that none of `DEMUXERS` can read; it is an av.ArgumentError where FFmpeg knows the format.
    """
    import av  # here because the import takes a tenth of a second, which some WAV files don't need

    options = {"format_whitelist": DEMUXERS.replace(" ", ",")}
    if ignore_length:
        options["ignore_length"] = "1"
    return av.open(file, options=options, io_open=_nothing_else, buffer_size=BUFFER)


def _nothing_else(url: str, flags: int, options: dict[str, str]) -> Any:
    raise PermissionError(f"a recording may not open {url}")


def parts(file: Any) -> list[tuple[int, int]]:
    """(start, end) in bytes of each file in this one, where files of one kind were joined; mostly there is one."""
    size = file.seek(0, io.SEEK_END)
    if size == 0:
        return [(0, 0)]
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        kind = next((known for known in BEGINNINGS.values() if known.match(data)), None)
        starts = [found.start() for found in kind.finditer(data)] if kind else [0]
        # The tracks of one Ogg begin on consecutive pages; before another file there are pages of sound.
        if data[:4] == b"OggS":
            starts = [0, *(b for a, b in pairwise(starts) if data.find(b"OggS", a + 4, b) > 0)]
    return list(zip(starts, [*starts[1:], size], strict=True))


def refuse_playlist(file: Any, name: str) -> None:
    """Raises BadClip for a text that points to recordings, whatever the file's name."""
    file.seek(0)
    head = file.read(2048).removeprefix(b"\xef\xbb\xbf")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        head = head.decode("utf-16", "replace").encode()
    if _PLAYLIST.match(head):
        raise BadClip(f"{name} is a playlist and not a recording: name the recordings that it lists.")


def xing_seconds_known(file: Any) -> bool:
    """Whether an MP3 says in its first frame (Xing, Info or VBRI) how many there are; else its length is a guess."""
    file.seek(0)
    head = file.read(10)
    skipped = 0
    if head[:3] == b"ID3" and len(head) == 10:  # its size has 7 bits per byte
        skipped = 10 + sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    file.seek(skipped)
    frame = file.read(400)
    return any(mark in frame for mark in (b"Xing", b"Info", b"VBRI"))


def cut_off(file: Any) -> bool:
    """Whether the sizes stored in an open file prove that its end is missing; MP4, Matroska, AIFF and AU store them."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(12)
    if mp4.begins(head):
        return max([box.end for box in mp4.boxes(file)], default=0) > size
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return _segment_end(file) > size
    if head[:4] == b"FORM":
        return size < 8 + int.from_bytes(head[4:8], "big") < PLACEHOLDERS
    if head[:4] == b".snd":
        return size < int.from_bytes(head[4:8], "big") + int.from_bytes(head[8:12], "big") < PLACEHOLDERS
    return False


def _segment_end(file: Any) -> int:
    """Byte at which the segment of a Matroska or WebM ends by its own size; 0 where no size is given."""
    file.seek(0)
    head = file.read(4096)
    place = head.find(b"\x18\x53\x80\x67")
    if place < 0 or place + 5 > len(head) or head[place + 4] == 0:
        return 0
    width = 9 - head[place + 4].bit_length()
    digits = head[place + 4 : place + 4 + width]
    value = int.from_bytes(digits, "big") - (1 << 7 * width)
    unknown = value == (1 << 7 * width) - 1
    return 0 if unknown else place + 4 + width + value
