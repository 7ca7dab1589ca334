"""Entries of a table -> those that are copies of others; the same sound with two labels raises IntoneError.

Two entries are the same sound if they are the same part of the same file, also by another path, through a link, or in a
copy with the same bytes.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from typing import Final

from intone.audio.clip import duration
from intone.cache import file_digest
from intone.data.csv_entries import Entry
from intone.data.excerpts import Span
from intone.errors import BadClip, IntoneError

NEAR: Final = 0.01
"""Times that differ by at most this many seconds count as the same: nobody labels more finely."""


def copies(found: Sequence[Entry], table: Path) -> dict[int, str]:
    """Row -> why it is left out, for each entry that another row has with the same labels and under another key.

    Raises IntoneError where a clip is listed twice, or has two emotions or two speakers.
    """
    _check_keys(found, table)
    out: dict[int, str] = {}
    for first, again in _pairs(found):
        alike = first.key == again.key
        same = "is listed twice" if alike else f"is the same sound as {first.key}"
        for one, other, what in ((first.emotion, again.emotion, "emotion"), (first.speaker, again.speaker, "speaker")):
            if one != other:
                raise IntoneError(
                    f"{table}, row {again.row}: {again.key} {same}, {what} {one} in row {first.row} and {other} here: "
                    f"a clip has one {what}, so mend or delete one of these rows."
                )
        if alike:
            raise IntoneError(f"{table}, row {again.row}: {again.key} {same}, first in row {first.row}: delete one.")
        out.setdefault(again.row, f"it {same} (rows {first.row} and {again.row})")
    return out


def _check_keys(found: Sequence[Entry], table: Path) -> None:
    """Raises IntoneError where a file's name is the key of another file's segment."""
    first: dict[str, Entry] = {}
    for entry in found:
        other = first.setdefault(entry.key, entry)
        if other.file != entry.file:
            raise IntoneError(
                f"{table}, rows {other.row} and {entry.row}: both are keyed {entry.key}: rename that file."
            )


def _pairs(found: Sequence[Entry]) -> Iterator[tuple[Entry, Entry]]:
    """Two entries of the same sound, the upper row first."""
    groups: dict[Hashable, list[Entry]] = defaultdict(list)
    names = _names({entry.path for entry in found})
    for entry in found:
        groups[names[entry.path]].append(entry)
    for group in groups.values():
        spans = sorted(((_span(entry, group), entry) for entry in group), key=lambda pair: pair[0])
        for k, ((start, end), entry) in enumerate(spans):
            for (begun, ended), other in reversed(spans[:k]):
                if start - begun > NEAR:
                    break
                if end == ended or abs(end - ended) <= NEAR:
                    one, two = sorted((entry, other), key=lambda e: e.row)
                    yield one, two


def _span(entry: Entry, group: Sequence[Entry]) -> Span:
    """An entry's (start, end) in its file; a whole file's length is read only where other rows name segments of it."""
    if entry.span:
        return entry.span
    if all(other.span is None for other in group):
        return 0.0, math.inf
    try:
        return 0.0, duration(entry.path)
    except BadClip:
        return 0.0, math.inf


def _names(paths: set[Path]) -> dict[Path, Hashable]:
    """Path -> an identity that all paths to the same bytes share; only files of equal size are hashed."""
    stats = {path: path.stat() for path in paths}
    sizes: dict[int, set[tuple[int, int]]] = defaultdict(set)
    for kept in stats.values():
        sizes[kept.st_size].add((kept.st_dev, kept.st_ino))
    return {
        path: file_digest(path) if kept.st_size and len(sizes[kept.st_size]) > 1 else (kept.st_dev, kept.st_ino)
        for path, kept in stats.items()
    }
