"""A recording's first and last bytes -> the seconds that it announces, in a bounded time, whoever made the file.

Nothing is decoded and no library is asked, so a process that must not crash may do this. What is announced may be
wrong: only decoding tells. Formats that say nothing are judged by their size.
"""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from intone.audio.readers import mp4

HEAD_BYTES: Final = 1 << 16
"""Bytes that are searched for what is said at the beginning."""

TAIL_BYTES: Final = 1 << 20
"""Bytes that are searched for what is said at the end: a browser's WebM begins a cluster about every half minute."""

PLAIN: Final = 32_000
"""Bytes per second of 16 bits at 16 kHz: the fewest that a recording without compression has."""

COMPRESSED: Final = 3_000
"""Bytes per second of 24 kbit/s: few recordings of speech are compressed more."""

UNCOMPRESSED: Final = (b"FORM", b".snd", b"riff", b"caff")
"""First bytes of formats that mostly are not compressed and aren't read here: AIFF, AU, W64, CAF."""

OPUS_RATE: Final = 48_000
"""Hz in which Opus counts, whatever was recorded."""


def seconds(path: Path) -> float:
    """Seconds that a recording announces, or an upper bound by its size. Raises OSError where it isn't there."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        try:
            said = next((read(file, head, size) for fits, read in READERS if fits(head)), None)
        except (ArithmeticError, IndexError, ValueError, struct.error):  # cut off in the middle of what it says
            said = None
    if said is not None and 0 < said < float("inf"):
        return said
    return size / (PLAIN if head[:4] in UNCOMPRESSED else COMPRESSED)


def _wav(file: Any, head: bytes, size: int) -> float | None:
    place, rate = 12, 0
    while place + 8 <= len(head):
        length = int.from_bytes(head[place + 4 : place + 8], "little")
        if head[place : place + 4] == b"fmt ":
            rate = int.from_bytes(head[place + 16 : place + 20], "little")
        if head[place : place + 4] == b"data":  # its length may be "not known": then it is what is there
            return min(length, size - place - 8) / rate if rate else None
        place += 8 + length + length % 2
    return None


def _flac(file: Any, head: bytes, size: int) -> float | None:
    """By the block STREAMINFO, which comes first: 20 bits of rate, 3 + 5 of format, 36 of samples."""
    packed = int.from_bytes(head[18:26], "big")
    rate, samples = packed >> 44, packed & (1 << 36) - 1
    return samples / rate if rate else None


def _ogg(file: Any, head: bytes, size: int) -> float | None:
    """By the last page's position, in samples of Opus or Vorbis."""
    vorbis, rate = head.find(b"\x01vorbis"), 0
    if b"OpusHead" in head:
        rate = OPUS_RATE
    elif vorbis >= 0:
        rate = int.from_bytes(head[vorbis + 12 : vorbis + 16], "little")
    tail = _tail(file, size)
    last = tail.rfind(b"OggS")
    position = int.from_bytes(tail[last + 6 : last + 14], "little", signed=True)
    return position / rate if rate and last >= 0 else None


def _mp4(file: Any, head: bytes, size: int) -> float | None:
    """By the box `mvhd` in `moov`: version, two times, units a second, units."""
    index = next((box for box in mp4.boxes(file) if box.kind == b"moov"), None)
    if index is None:
        return None
    file.seek(index.start)
    data = file.read(HEAD_BYTES)
    place = data.find(b"mvhd") + 4
    if place < 4 or len(data) < place + 32:
        return None
    rate, units = struct.unpack_from(
        ">IQ" if data[place] == 1 else ">II", data, place + (20 if data[place] == 1 else 12)
    )
    return units / rate if rate else None


def _matroska(file: Any, head: bytes, size: int) -> float | None:
    """By the element Duration, or by the time of the last cluster, which recorders that can't seek back write alone."""
    scale, place = 1_000_000, head.find(b"\x2a\xd7\xb1\x83")
    if place >= 0:
        scale = int.from_bytes(head[place + 4 : place + 7], "big")
    for mark, form in ((b"\x44\x89\x88", ">d"), (b"\x44\x89\x84", ">f")):
        place = head.find(mark)
        if 0 <= place <= len(head) - 11:
            return float(struct.unpack_from(form, head, place + 3)[0]) * scale / 1e9
    tail = _tail(file, size)
    cluster = tail.rfind(b"\x1f\x43\xb6\x75")
    place = tail.find(b"\xe7", cluster + 5, cluster + 20)
    if cluster < 0 or place < 0:
        return None
    width = tail[place + 1] & 0x7F
    return int.from_bytes(tail[place + 2 : place + 2 + width], "big") * scale / 1e9 if width <= 8 else None


def _frames(file: Any, head: bytes, size: int) -> float | None:
    """MP3 and AAC: by the number of frames where the first says it (Xing), else by the rate of the first ones."""
    start = 0
    if head[:3] == b"ID3":  # its size has 7 bits a byte, and a picture may be inside
        start = 10 + sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        file.seek(start)
        head = file.read(HEAD_BYTES)
    place, time = 0, 0.0
    while found := _frame(head, place):
        marks = [head.find(mark, place, place + 50) for mark in (b"Xing", b"Info")] if not place else []
        if (mark := max(marks, default=-1)) >= 0 and head[mark + 7] & 1:
            return int.from_bytes(head[mark + 8 : mark + 12], "big") * found[1]
        place, time = place + found[0], time + found[1]
    return (size - start) * time / place if place else None


def _frame(data: bytes, place: int) -> tuple[int, float] | None:
    """Bytes and seconds of the frame of MP3 or AAC (ADTS) that begins there; None where none does."""
    head = data[place : place + 12]
    if len(head) < 12 or head[0] != 0xFF or head[1] < 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    if layer == 0 and version >= 2:
        length, rate = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5, AAC_RATES.get(head[2] >> 2 & 15)
        return (length, 1024 / rate) if rate and length > 7 else None
    kilobits, rate = KILOBITS[version == 3].get(head[2] >> 4), MPEG_RATES.get((version, head[2] >> 2 & 3))
    if layer != 1 or not kilobits or not rate:
        return None
    samples = 1152 if version == 3 else 576
    return samples * kilobits * 125 // rate + (head[2] >> 1 & 1), samples / rate


KILOBITS: Final = (
    dict(enumerate((8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160), 1)),
    dict(enumerate((32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320), 1)),
)
"""Number in a frame -> kbit/s of MP3: of MPEG-2 and 2.5, and of MPEG-1."""

MPEG_RATES: Final = {
    (version, kind): rate // part
    for version, part in ((3, 1), (2, 2), (0, 4))
    for kind, rate in enumerate((44_100, 48_000, 32_000))
}
"""Numbers of version and rate in a frame of MP3 -> Hz."""

AAC_RATES: Final = dict(
    enumerate((96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350))
)
"""Number in a frame of AAC -> Hz."""


def _tail(file: Any, size: int) -> bytes:
    file.seek(max(0, size - TAIL_BYTES))
    data: bytes = file.read(TAIL_BYTES)
    return data


READERS: Final[tuple[tuple[Callable[[bytes], bool], Callable[[Any, bytes, int], float | None]], ...]] = (
    (lambda head: head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE", _wav),
    (lambda head: head[:4] == b"fLaC", _flac),
    (lambda head: head[:4] == b"OggS", _ogg),
    (lambda head: head[:4] == b"\x1a\x45\xdf\xa3", _matroska),
    (lambda head: head[:3] == b"ID3" or _frame(head, 0) is not None, _frames),
    (mp4.begins, _mp4),
)
"""Whether a recording that begins so is of a format -> how that says how long it is."""
