"""A recording's name, which may hold any bytes -> text that is safe in files, a terminal, RTTM or a spreadsheet's cell.

On most systems a file name is a sequence of bytes and need not be UTF-8. Python keeps such bytes as lone surrogates,
which no UTF-8 file and not every table can hold.
"""

import hashlib
import re
from pathlib import Path
from typing import Final

_BYTE: Final = re.compile("[\udc80-\udcff]")
"""The lone surrogates that Python puts in place of bytes that aren't UTF-8."""

_UNSEEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Line ends, and characters that move a terminal's cursor, change its colours or its writing direction."""

_FORMULA: Final = re.compile(r"[\s']*[=+\-@＝＋－＠]|'*[\t\r\n]")
"""Beginnings of cells that spreadsheets take for formulas (OWASP's list), after any blanks or apostrophes."""

LONGEST: Final = 120
"""Bytes of a file's name that is made from a text; systems take 255, with the extension and what is written beside."""


def readable(name: str) -> str:
    r"""A name as text that UTF-8 can encode: any other byte is written as `\xff`, as in a shell's `$'\xff.wav'`."""
    text = _BYTE.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", name)
    return text.encode("utf-8", "backslashreplace").decode()


def printable(text: str) -> str:
    r"""A text on one line, harmless to a terminal: a line break is written as `\n`, an escape as `\x1b`."""
    return _UNSEEN.sub(lambda found: repr(found[0])[1:-1], readable(text))


def field(name: str) -> str:
    """A recording's name without its path and extension, as one word: blanks and quotes become underscores."""
    return word(Path(name).stem)


def word(text: str) -> str:
    """A text as one word: blanks and quotes become underscores."""
    return printable(re.sub(r'[\s"]+', "_", text)) or "_"


def file_name(text: str) -> str:
    """A text as the name of a file on any system: of other signs than those it becomes underscores; a long one is cut,
    and ends as no other does."""
    name = re.sub(r'[<>:"/\\|?*]', "_", _UNSEEN.sub("_", readable(text))).strip(" .")
    if len(name.encode()) > LONGEST:
        mark = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:12]
        name = f"{name.encode()[:LONGEST].decode(errors='ignore')}-{mark}"
    return name or "_"


def cell(text: str) -> str:
    """A text with an apostrophe before it where a spreadsheet would run it as a formula.

    A formula that already has apostrophes before it gets one more, so that removing one always gives back the text.
    """
    return f"'{text}" if _FORMULA.match(text) else text


def of_cell(text: str) -> str:
    """The text that `cell` was given; a text that `cell` left alone is returned as it is."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text[1:]) else text
