"""An open MP4 or MOV -> its boxes, and the bytes to replace where the box of the sound hides the index."""

import io
from dataclasses import dataclass
from typing import Any, Final

FIRST: Final = (b"ftyp", b"mdat", b"moov", b"wide")
"""Kinds of box with which an MP4 or MOV may begin."""

BLOCK_BYTES: Final = 1 << 20
"""Bytes that are searched at a time."""


@dataclass(frozen=True)
class Box:
    """A part of the file, in bytes."""

    kind: bytes
    start: int
    end: int
    """By the box's own size; may lie beyond the end of the file."""


def begins(head: bytes) -> bool:
    """Whether these first bytes of a file, 8 or more, are an MP4's or MOV's."""
    return head[4:8] in FIRST


def boxes(file: Any) -> list[Box]:
    """Top-level boxes in order, up to the first with an impossible size."""
    size, place, out = file.seek(0, io.SEEK_END), 0, list[Box]()
    while place < size and len(out) < 10_000:
        file.seek(place)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:  # to the end of the file
            length = size - place
        if len(head) < 8 or length < 8:
            break
        out.append(Box(head[4:8], place, place + length))
        place += length
    return out


def has_index(file: Any) -> bool:
    """Whether it has the box `moov`, without which no sound in it can be found."""
    return any(box.kind == b"moov" for box in boxes(file))


def unhidden(file: Any) -> dict[int, int]:
    """The bytes of the right size of `mdat`, the box of the sound, where its wrong size includes the index after it.

    Position in the file -> value, for `containers.Window`; empty where no index is hidden.
    """
    size = file.seek(0, io.SEEK_END)
    sound = next((box for box in boxes(file) if box.kind == b"mdat"), None)
    index = _index(file, sound.start, size) if sound and sound.end >= size else None
    if sound is None or index is None or index - sound.start >= 1 << 32:
        return {}
    return dict(enumerate((index - sound.start).to_bytes(4, "big"), sound.start))


def _index(file: Any, place: int, size: int) -> int | None:
    """Position of the first complete box `moov` with `mvhd` at its beginning, from `place` on; else None."""
    while place < size:
        file.seek(place)
        data = file.read(BLOCK_BYTES + 16)
        found = data.find(b"moov")
        while found >= 0:
            length = int.from_bytes(data[max(0, found - 4) : found], "big")
            start = place + found - 4
            if found >= 4 and data[found + 8 : found + 12] == b"mvhd" and 16 < length <= size - start:
                return start
            found = data.find(b"moov", found + 1)
        place += BLOCK_BYTES
    return None
