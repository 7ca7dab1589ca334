"""A list of recordings (a path or address a line, or a CSV or Parquet table with a column `file`) -> their paths."""

import csv
from pathlib import Path
from typing import Any, Final

from intone.audio.addresses import is_address
from intone.errors import IntoneError, Missing, brought_by

PARQUET: Final = ".parquet"
TABLES: Final = (".csv", PARQUET)

PARTS: Final = ("start", "end")
"""Columns of manifests that name parts of recordings, which are analysed as a whole here."""


def listed(path: Path) -> list[str]:
    """The recordings that a list names, paths relative to it, each once and in its order.

    Raises IntoneError where it can't be read, names none, or names parts of recordings.
    """
    rows = _rows(path)
    if path.suffix.lower() in TABLES:
        _check(path, rows)
    names = [str(row.get("file") or "").strip() for row in rows]
    found = list(dict.fromkeys(name if is_address(name) else str(path.parent / name) for name in names if name))
    if not found:
        raise IntoneError(f"{path} names no recording: write one path a line.")
    return found


def _rows(path: Path) -> list[dict[str, Any]]:
    """The table's rows, or for each line a row with `file`."""
    try:
        if path.suffix.lower() == PARQUET:
            import pyarrow.parquet

            rows: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
            return rows
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except ImportError as problem:
        raise Missing(f"Parquet needs pyarrow: {brought_by('archives')}.") from problem
    except (OSError, ValueError) as problem:  # pyarrow's are ValueErrors, as are those of text
        said = f"{path} can't be read as a list of recordings ({problem}): name a text, CSV or Parquet file."
        raise IntoneError(said) from problem
    return list(csv.DictReader(lines)) if path.suffix.lower() in TABLES else [{"file": line} for line in lines]


def _check(path: Path, rows: list[dict[str, Any]]) -> None:
    if not rows or "file" not in rows[0]:
        raise IntoneError(f"{path} has no column file: name the recordings in one, or write one path a line in a .txt.")
    if any(row.get(name) not in (None, "") for row in rows for name in PARTS):
        raise IntoneError(f"{path} names parts of recordings (start, end): cut them first; whole ones are analysed.")
