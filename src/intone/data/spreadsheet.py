"""A CSV file, as spreadsheets and programs write it -> its rows, each with its number and its cells by column.

Separators are commas, semicolons, tabs or bars; text is UTF-8 or UTF-16 with or without a byte order mark, or else
Windows-1252, which is reported; the file may be gzipped. Rows are counted as a spreadsheet counts them.
"""

import csv
import gzip
import io
import math
import re
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from intone.errors import IntoneError, Missing
from intone.progress import say

SEPARATORS: Final = (",", ";", "\t", "|")

_ERRORS: Final = ("#n/a", "#na", "#ref!", "#value!", "#name?", "#null!", "#num!", "#div/0!")
MISSING: Final = frozenset(
    (*_ERRORS, "nan", "-nan", "null", "none", "nil", "na", "n/a", "<na>", "-", "--", "–", "—", "?")
)
"""What programs write into a cell without a value, in lower case."""

_MARKS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_SEPARATOR_LINE: Final = re.compile(r'"?sep=(.)"?[ \t]*(?:\r\n|\r|\n)', re.IGNORECASE)
_NUMBER: Final = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    number: int
    """As a spreadsheet counts, from 1."""
    cells: dict[str, str]
    """Column -> text without blanks around it; "" for an empty cell."""


@dataclass(frozen=True)
class Sheet:
    """A table as it was read."""

    columns: tuple[str, ...]
    """In lower case, without blanks around them."""
    rows: tuple[Row, ...]
    """Rows that aren't empty."""
    separator: str
    guessed: bool
    """Whether its text is neither UTF-8 nor has a byte order mark, and was read as Windows-1252."""


def is_missing(cell: str) -> bool:
    """Whether a cell is empty or holds one of `MISSING`."""
    return not cell or cell.lower() in MISSING


def read(path: Path, known: Collection[str]) -> Sheet:
    """The table in a file; the separator is the one that gives most of the `known` columns in its header.

    Empty lines are left out, and so are repeated headers where tables were joined. Raises Missing where there is no
    file, and IntoneError, with the row, where it isn't a table: a quote that isn't closed, more cells than columns.
    """
    path = Path(path)
    if not path.is_file():
        raise Missing(f"There is no table {path}: it is a CSV with the columns {', '.join(known)}.")
    text, guessed = _text(_bytes(path), path)
    told = _SEPARATOR_LINE.match(text)
    if told:  # a line for Excel, which doesn't show it
        text = text[told.end() :]
    separator = told[1] if told else max(SEPARATORS, key=lambda mark: len(set(known) & set(_header(text, mark))))
    lines = _lines(text, separator, path)
    _, head = next(lines, (0, []))
    columns = _names(head)
    doubled = sorted({column for column in columns if column and columns.count(column) > 1})
    if doubled:
        raise IntoneError(f"{path} has the column {doubled[0]} twice: rename one of them.")
    rows = [Row(number, _cells(cells, columns, f"{path}, row {number}")) for number, cells in lines if cells != head]
    return Sheet(tuple(c for c in columns if c), tuple(rows), separator, guessed)


def _bytes(path: Path) -> bytes:
    """The file's bytes, unpacked where it is gzipped."""
    data = path.read_bytes()
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise IntoneError(f"{path} can't be unpacked ({error}): pack it again, or give it as it is.") from error


def _text(data: bytes, path: Path) -> tuple[str, bool]:
    """A file's text, and whether its encoding is a guess."""
    if data[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise IntoneError(f"{path} is a spreadsheet's own file: save it there as CSV (UTF-8).")
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in data[:2]:  # UTF-16 of a header in Latin letters, without its mark
        encoding = "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
    guessed = False
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        try:
            if encoding != "utf-8":
                raise error
            text, guessed = data.decode("cp1252"), True  # the encoding of Excel's CSV in western Europe
        except UnicodeDecodeError:
            raise IntoneError(f"{path} is no UTF-8 CSV file ({error}): save it as UTF-8.") from error
        say(f"{path} is not UTF-8: it is read as Windows-1252; save it as UTF-8 if its letters come out wrong.")
    if "\0" in text:
        raise IntoneError(f"{path} is no UTF-8 CSV file (it holds zero bytes): save it as UTF-8.")
    return text, guessed


def _reader(text: str, separator: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)


def _header(text: str, separator: str) -> list[str]:
    """The first line's columns with that separator; none where it isn't CSV with it."""
    try:
        return _names(next((cells for cells in _reader(text, separator) if any(map(str.strip, cells))), []))
    except csv.Error:
        return []


def _names(cells: Sequence[str]) -> list[str]:
    return [cell.strip().lower() for cell in cells]


def _lines(text: str, separator: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """(number, cells without blanks around them) of each line that isn't empty; byte order marks inside are removed."""
    number = 0
    try:
        for number, cells in enumerate(_reader(text, separator), start=1):
            bare = [cell.strip().removeprefix("\ufeff").strip() for cell in cells]
            if any(bare):
                yield number, bare
    except csv.Error as error:
        raise IntoneError(
            f"{path}, row {number + 1}: this is no CSV row ({error}): close its quotes, and double those inside a cell."
        ) from error


def _cells(cells: Sequence[str], columns: Sequence[str], where: str) -> dict[str, str]:
    if any(cells[len(columns) :]):
        raise IntoneError(
            f"{where}: there are {len(cells)} cells and {len(columns)} columns: put quotes around a cell that holds "
            "the separator."
        )
    filled = [*cells, *[""] * len(columns)]
    return {column: cell for column, cell in zip(columns, filled, strict=False) if column}


def as_number(cell: str, separator: str) -> float:
    """A cell's number, with a decimal point or comma; raises ValueError where it isn't a number, or is ambiguous.

    In a table separated by commas, `"1,500"` is 1.5 in one spreadsheet and 1500 in another.
    """
    found = _NUMBER.fullmatch(cell)
    if not found or (separator == "," and re.fullmatch(r"[+-]?\d{1,3},\d{3}", cell)):
        raise ValueError(cell)
    value = float(cell.replace(",", "."))
    if not math.isfinite(value):
        raise ValueError(cell)
    return value
