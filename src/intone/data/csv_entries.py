"""A table's rows (text) -> entries: sound, speaker and emotion; each row is checked by itself.

An error is an IntoneError that names the row as a spreadsheet counts it.
"""

import posixpath
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from intone.data.excerpts import Span, marked
from intone.data.labels import LABELS, emotion_of, mapping, ordered, plain
from intone.data.spreadsheet import Row, Sheet, as_number, is_missing
from intone.emotions import EMOTIONS
from intone.errors import IntoneError
from intone.names import of_cell
from intone.progress import say

REQUIRED: Final = ("file", "speaker", "emotion")
OPTIONAL: Final = ("start", "end", "sex", "intensity", "statement", "repetition", "duration", "text")
"""`text` holds the words of a `statement`; other columns are ignored."""

Who = Literal["column", "file", "folder"]


@dataclass(frozen=True)
class Conventions:
    """How a table is to be read: the flags beside `--table`."""

    names: str = ""
    """Labels and their meanings, in the form of `--map`: `boredom=neutral,other=`."""
    speaker: Who = "column"
    """Where the speaker comes from: the column, or each file (or each folder) counts as one speaker."""

    @property
    def flags(self) -> str:
        """The flags as they are typed; "" where a table needs none."""
        words = {"--map": self.names, "--speaker": "" if self.speaker == "column" else self.speaker}
        return shlex.join(word for flag, value in words.items() if value for word in (flag, value))


@dataclass(frozen=True)
class Entry:
    """A row of a table that is used."""

    row: int
    """The row's number as a spreadsheet counts it."""
    file: str
    """Relative to the root, with forward slashes."""
    path: Path
    span: Span | None
    """Seconds; None for the whole file."""
    speaker: str
    emotion: str
    more: Mapping[str, str]
    """The optional columns; "" where there is no value."""

    @property
    def key(self) -> str:
        """`FILE`, or `FILE#START-END` to the millisecond."""
        return _key(self.file, self.span)


def _key(file: str, span: Span | None) -> str:
    return f"{file}#{marked(span)}" if span else file


def key_of(row: Row, sheet: Sheet, where: str) -> str:
    """The key of a row's clip; its audio need not be there."""
    given = {c: _value(row, c) for c in ("start", "end")}
    span = _span({c: _seconds(cell, c, where, sheet.separator) for c, cell in given.items() if cell}, where)
    return _key(posixpath.normpath(_given(row, "file", where).replace("\\", "/")), span)


def entries(sheet: Sheet, table: Path, root: Path, conventions: Conventions) -> list[Entry]:
    """The rows that have an emotion, in order; the number of rows that are left out for their label goes to stderr."""
    needed = [c for c in REQUIRED if c != "speaker" or conventions.speaker == "column"]
    absent = [column for column in needed if column not in sheet.columns]
    if "speaker" in needed and "speaker" not in absent and not any(_value(row, "speaker") for row in sheet.rows):
        absent.append("speaker")  # of recordings whose speakers weren't known, intone's own tables have it empty
    if absent:
        remedy = (
            ": add one, or give --speaker file where each file is a speaker of its own (--speaker folder: each folder)"
            if absent == ["speaker"]
            else ""
        )
        has = ", ".join(sheet.columns) or "none"
        raise IntoneError(f"{table} has no column {' and '.join(absent)}; it has {has}{remedy}.")
    emotions = _emotions(sheet, table, conventions)
    found = [
        _entry(row, emotions[row.number], sheet, table, root, conventions) for row in sheet.rows if emotions[row.number]
    ]
    if conventions.speaker == "column":
        _check_spelling(found, table)
    return found


def _emotions(sheet: Sheet, table: Path, conventions: Conventions) -> dict[int, str]:
    """Row number -> emotion, "" where the row is left out."""
    names, gone = mapping(conventions.names), Counter[str]()
    unknown: dict[str, tuple[str, int]] = {}
    out: dict[int, str] = {}
    seen: set[str] = set()
    for row in sheet.rows:
        label = row.cells["emotion"]
        if plain(label) not in names:  # `names` may define "none"
            label = _given(row, "emotion", f"{table}, row {row.number}")
        meant = emotion_of(label, names)
        seen |= {plain(label), LABELS.get(plain(label), "")}
        if meant is None:
            unknown.setdefault(plain(label), (label, row.number))
        elif not meant:
            gone[plain(label)] += 1
        out[row.number] = meant or ""
    if unknown:
        (label, number), *others = unknown.values()
        nor = "".join(f", nor {other!r} (row {row})" for other, row in others[:5])
        raise IntoneError(
            f"{table}, row {number}: {label!r} is no name of an emotion{nor}; say what it means: "
            f"--map '{plain(label)}=neutral', or --map '{plain(label)}=' to leave such rows out."
        )
    if absent := sorted(set(names) - seen):
        say(f"{table}: no row has the label {' or '.join(absent)}, which --map names.")
    if own := [name for name in ordered(out.values()) if name and name not in EMOTIONS]:
        say(f"{table}: {', '.join(own)} stand for themselves, beside the emotions that docs/data.md lists.")
    if gone:
        counts = ", ".join(f"{label} {n}" for label, n in gone.items())
        say(f"{table}: {gone.total()} of {len(out)} rows left out by their label: {counts}.")
    return out


def _given(row: Row, column: str, where: str) -> str:
    """A cell that must have a value."""
    cell = row.cells[column]
    if not cell:
        raise IntoneError(f"{where}: {column} is empty.")
    if is_missing(cell):
        raise IntoneError(
            f"{where}: {column} is {cell!r}, which stands for no value: write the {column}, or delete the row."
        )
    return cell


def _value(row: Row, column: str) -> str:
    """A cell that may be empty or hold a mark for a missing value; "" for both."""
    cell = row.cells.get(column, "")
    return "" if is_missing(cell) else cell


def _entry(row: Row, emotion: str, sheet: Sheet, table: Path, root: Path, conventions: Conventions) -> Entry:
    where = f"{table}, row {row.number}"
    file, path = _found(_given(row, "file", where), root, where, sheet.guessed)
    speaker = _given(row, "speaker", where) if conventions.speaker == "column" else file
    if conventions.speaker == "folder":
        speaker = PurePosixPath(file).parent.as_posix() if "/" in file else root.resolve().name
    more = {c: of_cell(row.cells.get(c, "")) if c == "text" else _value(row, c) for c in OPTIONAL}
    numbers = {c: _seconds(more[c], c, where, sheet.separator) for c in ("start", "end", "duration") if more[c]}
    if numbers.get("duration", 1) <= 0:
        raise IntoneError(f"{where}: {more['duration']!r} is no duration in seconds.")
    if "duration" in numbers:
        more["duration"] = repr(numbers["duration"])
    return Entry(row.number, file, path, _span(numbers, where), speaker, emotion, more)


def _seconds(cell: str, column: str, where: str, separator: str) -> float:
    try:
        return as_number(cell, separator)
    except ValueError as error:
        if column == "duration":
            raise IntoneError(f"{where}: {cell!r} is no duration in seconds.") from error
        raise IntoneError(f"{where}: {column} is {cell!r}, and no time in seconds such as 1.5.") from error


def _span(numbers: Mapping[str, float], where: str) -> Span | None:
    """From `start` to `end`; None where neither is given."""
    given = [column for column in ("start", "end") if column in numbers]
    if not given:
        return None
    if len(given) == 1:
        raise IntoneError(
            f"{where}: it has a time for {given[0]} alone: give start and end, or neither for the whole file."
        )
    start, end = numbers["start"], numbers["end"]
    if start < 0:
        raise IntoneError(f"{where}: start is {start:g} s: a segment begins at 0 s or later.")
    if not end > start:
        raise IntoneError(
            f"{where}: the segment begins at {start:g} s and ends at {end:g} s: end has to come after start."
        )
    return start, end


def _found(cell: str, root: Path, where: str, guessed: bool) -> tuple[str, Path]:
    """Key and path of a file, looked for below the root, then in the working directory.

    `./x`, `a//x` and `a/../x` have the same key; `..` is kept where the folder before it is a link to elsewhere.
    """
    for base, raw in ((base, name.replace("\\", "/")) for name in (cell, of_cell(cell)) for base in (root, Path())):
        place = base / raw
        if not _is_file(place):
            continue
        plain = posixpath.normpath(raw)
        if not (_is_file(base / plain) and (base / plain).samefile(place)):
            plain = raw
        if Path(plain).is_relative_to(root.absolute()):
            plain = Path(plain).relative_to(root.absolute()).as_posix()
        return plain, place
    encoding = "; the table isn't UTF-8: save it so" if guessed else ""
    shown = str(root / cell).replace("\n", "\\n").replace("\r", "\\r")
    raise IntoneError(f"{where}: there is no {shown}: paths are relative to the table's folder{encoding}.")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _check_spelling(found: list[Entry], table: Path) -> None:
    """Raises IntoneError for two spellings of one speaker, who would be on both sides of a split."""
    first: dict[str, Entry] = {}
    for entry in found:
        other = first.setdefault(" ".join(entry.speaker.casefold().split()), entry)
        if other.speaker != entry.speaker:
            raise IntoneError(
                f"{table}, row {entry.row}: the speaker {entry.speaker!r} is {other.speaker!r} in row {other.row}: "
                "write them alike, or as two names that differ by more than capitals."
            )
