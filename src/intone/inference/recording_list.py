"""A list of recordings (a path or address a line, or a CSV or Parquet table with a column `file`) -> its rows.

A table may name parts of recordings, who speaks in them, and what they are called: `file[, start, end, speaker, id]`.
"""

import csv
from collections import Counter
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Final

from intone.audio.addresses import is_address
from intone.audio.excerpt import Excerpt
from intone.cache import digest
from intone.errors import BadClip, IntoneError, Missing, brought_by
from intone.inference.speakers import speaker_name
from intone.names import file_name

PARQUET: Final = ".parquet"
TABLES: Final = (".csv", PARQUET)


@dataclass(frozen=True)
class Row:
    """A recording, or a part of one, and what is known of it."""

    file: str
    """Its path or its address."""
    excerpt: Excerpt | None = None
    speaker: str = ""
    """Whose voice all of it is; "" where nobody says."""
    id: str | None = None
    """What it is called; "" where other rows have ids, None where none has."""
    problem: str = ""
    """Why it can't be analysed."""

    @property
    def address(self) -> str:
        """Its address; "" where it has a path."""
        return self.file if is_address(self.file) else ""

    @property
    def place(self) -> Path:
        """The recording's name without folders."""
        name = Path(self.file).name
        return Path(name.split("?")[0] if self.address else name)

    @property
    def stem(self) -> str:
        """The name of its files, where that isn't the recording's: its id, or the recording's name and times."""
        if self.id:
            return file_name(self.id)
        return f"{self.place.stem}-{self.excerpt.name}" if self.excerpt else ""

    @property
    def part(self) -> str:
        """Digest of what its analysis depends on beside the recording; "" where that is nothing."""
        known = astuple(self)[1:]
        return digest(known) if known != (None, "", None, "") else ""

    def title(self, name: str) -> str:
        """What it is called in a sentence, the recording being `name`: `name from 12 s to 15.5 s (id a7)`."""
        words = [name, *([str(self.excerpt)] if self.excerpt else []), *([f"(id {self.id})"] if self.id else [])]
        return " ".join(words)


def listed(path: Path) -> list[Row]:
    """The rows of a list, paths relative to it, each once and in its order; what is wrong with one stands in it.

    Raises IntoneError where it can't be read, names no recording, or gives an id twice.
    """
    rows = _rows(path)
    if path.suffix.lower() in TABLES and (not rows or "file" not in rows[0]):
        raise IntoneError(f"{path} has no column file: name the recordings in one, or write one path a line in a .txt.")
    named = any(_text(row.get("id")) for row in rows)
    found = list(dict.fromkeys(_row(path, row, named) for row in rows if _text(row.get("file"))))
    if not found:
        raise IntoneError(f"{path} names no recording: write one path a line.")
    twice = [name for name, count in Counter(row.id for row in found if row.id).items() if count > 1]
    if twice:
        raise IntoneError(f"{path} gives the id {twice[0]} to several rows: give each an id of its own.")
    return found


def _row(path: Path, cells: dict[str, Any], named: bool) -> Row:
    name, own = _text(cells["file"]), _text(cells.get("id"))
    file = name if is_address(name) else str(path.parent / name)
    excerpt, problem = None, ""
    try:
        excerpt = Excerpt.of(cells.get("start"), cells.get("end"))
    except BadClip as wrong:
        called = Row(file, id=own).title(file)
        problem = f"{called} in {path.name} is no part of a recording: {wrong}"
    return Row(file, excerpt, speaker_name(_text(cells.get("speaker"))), own if named else None, problem)


def _text(cell: Any) -> str:
    """A cell's text; "" for an empty one, and for the NaN that tables of numbers have in its place."""
    return "" if cell is None or cell != cell else str(cell).strip()


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
