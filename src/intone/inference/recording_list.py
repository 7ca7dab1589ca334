"""A list of recordings (one path a line, or a CSV with a column `file`) -> their paths."""

import csv
from pathlib import Path
from typing import Final

from intone.errors import IntoneError

PARTS: Final = ("start", "end")
"""Columns of manifests that name parts of recordings, which are analysed as a whole here."""


def listed(path: Path) -> list[Path]:
    """The recordings that a list names, relative to it, each once and in its order.

    Raises IntoneError where it can't be read, names none, or names parts of recordings.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise IntoneError(
            f"{path} can't be read as a list of recordings ({problem}): name a text or CSV file."
        ) from problem
    names = _of_table(path, lines) if path.suffix.lower() == ".csv" else [line.strip() for line in lines]
    found = list(dict.fromkeys(path.parent / name for name in names if name))
    if not found:
        raise IntoneError(f"{path} names no recording: write one path a line.")
    return found


def _of_table(path: Path, lines: list[str]) -> list[str]:
    rows = list(csv.DictReader(lines))
    columns = rows[0].keys() if rows else ()
    if "file" not in columns:
        raise IntoneError(f"{path} has no column file: name the recordings in one, or write one path a line in a .txt.")
    if any(row.get(name) for row in rows for name in PARTS):
        raise IntoneError(f"{path} names parts of recordings (start, end): cut them first; whole ones are analysed.")
    return [(row["file"] or "").strip() for row in rows]
