"""Bytes, an open file or a pipe -> a temporary file on disk, because reading containers needs seeking."""

import io
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from intone.errors import BadClip, IntoneError

STANDARD: Final = "-"
"""Standard input among recordings, standard output after -o."""

STDIN: Final = "stdin"
"""Name of a recording that comes from standard input."""

TERMINATED: Final = 128 + signal.SIGTERM
"""Exit status where SIGTERM ends a command in order, so that nothing of standard input stays on the disk."""


@contextmanager
def spooled(given: Any, name: str) -> Iterator[Path]:
    """The bytes of `given` (bytes, or an object that reads bytes), from its position to its end, as a file.

    Afterwards a seekable object is back at its position. A BadClip raised inside names `name` instead of the file.
    Raises BadClip where `given` is already at its end, IntoneError where it gives no bytes or the disk has no room.
    """
    source = io.BytesIO(given) if isinstance(given, (bytes, bytearray, memoryview)) else given
    with tempfile.TemporaryDirectory(prefix="intone-") as folder:
        path = Path(folder) / f"recording{ending(name)}"
        _copy(source, path, name)
        try:
            yield path
        except BadClip as problem:
            raise BadClip(str(problem).replace(str(path), name)) from problem


def ending(name: str) -> str:
    """`.mp3` of `talk.mp3`, which decoders use; the rest of an untrusted name never becomes part of a path."""
    found = re.search(r"\.[A-Za-z0-9]{1,16}$", name)
    return found[0] if found else ""


def _copy(source: BinaryIO, path: Path, name: str) -> None:
    where = source.tell() if _can_be_sought(source) else None
    try:
        with path.open("wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
    except TypeError as problem:
        raise IntoneError(f"{name} gives no bytes: open it with mode 'rb'.") from problem
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise IntoneError(
            f"{name} can't be kept in {path.parent.parent} meanwhile ({reason}): make room there, or set TMPDIR to "
            "another folder."
        ) from problem
    if where is not None:
        source.seek(where)
        if where and not path.stat().st_size:
            raise BadClip(f"{name} was read to its end before: seek(0) takes it back to its beginning.")


def _can_be_sought(source: BinaryIO) -> bool:
    try:
        return bool(source.seekable())
    except AttributeError:
        return False


def standard_input(files: Sequence[str], stack: ExitStack) -> dict[Path, str]:
    """Standard input as a file, which lasts until the stack is closed -> its name; empty where `-` isn't among `files`.

    Raises IntoneError where it is named twice, or nothing is sent in.
    """
    if STANDARD not in files:
        return {}
    if files.count(STANDARD) > 1:
        raise IntoneError("Standard input can be read once: name - once.")
    if sys.stdin is None or sys.stdin.isatty():
        raise IntoneError("Standard input is no recording: send one in, as in `intone analyze - < talk.mp3`.")
    if threading.current_thread() is threading.main_thread():  # no other thread may set a signal's handler
        before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
        stack.callback(signal.signal, signal.SIGTERM, before)
    return {stack.enter_context(spooled(sys.stdin.buffer, STDIN)): STDIN}


def name_of(given: Any) -> str:
    """The name of an open file, or `recording` where it has none."""
    name = getattr(given, "name", None)
    return os.fsdecode(name) if isinstance(name, (str, bytes)) else "recording"
