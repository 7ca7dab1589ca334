"""Bytes, an open file or a pipe -> a file on the disk for as long as it is needed, since containers want seeking."""

import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from intone.errors import BadClip, IntoneError


@contextmanager
def spooled(given: Any, name: str) -> Iterator[Path]:
    """What can be read of `given` (bytes, or an object that reads bytes), from where it stands to its end, as a file.

    An object that can be sought stands where it stood afterwards. Inside, what is wrong with the file is said of
    `name`. Raises BadClip where `given` stands at its end, IntoneError where it gives no bytes or has no room.
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
    """`.mp3` of `talk.mp3`: decoders go by it; of the rest of a stranger's name no path is made."""
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


def name_of(given: Any) -> str:
    """What an open file is called, where it has a name."""
    name = getattr(given, "name", None)
    return os.fsdecode(name) if isinstance(name, (str, bytes)) else "recording"
