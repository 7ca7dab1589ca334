"""An open MP4 or MOV -> its boxes, and what has to be read otherwise where the box of the sound hides the index."""

import io
from dataclasses import dataclass
from typing import Any, Final

FIRST: Final = (b"ftyp", b"mdat", b"moov", b"wide")
"""Kinds of the box that such a file begins with."""

BLOCK_BYTES: Final = 1 << 20
"""Bytes that are searched at a time."""


@dataclass(frozen=True)
class Box:
    """A part of the file, in bytes."""

    kind: bytes
    start: int
    end: int
    """By its own size, which may lie behind the file's end."""


def begins(head: bytes) -> bool:
    """Whether these first bytes of a file, 8 or more, are an MP4's or MOV's."""
    return head[4:8] in FIRST


def boxes(file: Any) -> list[Box]:
    """Boxes at the top, one behind another, as far as their sizes can be."""
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
    """Whether it has the box `moov`, without which nothing in it can be found."""
    return any(box.kind == b"moov" for box in boxes(file))


def unhidden(file: Any) -> dict[int, int]:
    """Where the box of the sound, `mdat`, claims the index behind it as its own: the bytes of its right size.

    Place in the file -> value, as `containers.Window` reads them; empty where no index is hidden.
    """
    size = file.seek(0, io.SEEK_END)
    sound = next((box for box in boxes(file) if box.kind == b"mdat"), None)
    index = _index(file, sound.start, size) if sound and sound.end >= size else None
    if sound is None or index is None or index - sound.start >= 1 << 32:
        return {}
    return dict(enumerate((index - sound.start).to_bytes(4, "big"), sound.start))


def _index(file: Any, place: int, size: int) -> int | None:
    """Where a whole box `moov` that begins with `mvhd` stands behind a place."""
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
