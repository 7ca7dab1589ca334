"""A recording's name, whatever bytes it is made of -> text for other programs, a terminal, RTTM, a spreadsheet's cell.

On most systems a name is bytes and need not be UTF-8. Python keeps such bytes as lone surrogates, which no UTF-8 file
and not every table can hold.
"""

import re
from pathlib import Path
from typing import Final

_BYTE: Final = re.compile("[\udc80-\udcff]")
"""What Python makes of a byte that isn't UTF-8."""

_UNSEEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Line ends, and whatever moves a terminal's cursor, colours it or turns its writing round."""

_FORMULA: Final = re.compile(r"[\s']*[=+\-@＝＋－＠]|'*[\t\r\n]")
"""How cells begin that spreadsheets take for formulas (OWASP's list), with or without blanks or apostrophes before."""


def readable(name: str) -> str:
    r"""A name as text that UTF-8 can hold: a byte that it can't is written `\xff`, as in a shell's `$'\xff.wav'`."""
    text = _BYTE.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", name)
    return text.encode("utf-8", "backslashreplace").decode()


def printable(text: str) -> str:
    r"""A text on one line, harmless to a terminal: a line break comes as `\n`, an escape as `\x1b`."""
    return _UNSEEN.sub(lambda found: repr(found[0])[1:-1], readable(text))


def field(name: str) -> str:
    """A recording's name without its path and ending, in one piece: blanks and quotes become underscores."""
    return printable(re.sub(r'[\s"]+', "_", Path(name).stem)) or "_"


def cell(text: str) -> str:
    """A text with an apostrophe before it where a spreadsheet would run it as a formula.

    A cell that would need none but for its own apostrophes gets one too, so that taking one away gives the text again.
    """
    return f"'{text}" if _FORMULA.match(text) else text


def of_cell(text: str) -> str:
    """What `cell` was made of; any other text as it is."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text[1:]) else text
