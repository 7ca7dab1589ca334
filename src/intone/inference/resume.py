"""An output folder -> the recordings that are finished in it: one line each, written once all its files are there.

The last line that names a file says what it was made from: a recording is analysed again after another recording, or
other settings, have overwritten its files.

Beside this journal is a table of the recordings that the last command left out. One run at a time writes into a folder,
or one for each shard.
"""

import csv
import io
import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from filelock import BaseFileLock, FileLock, Timeout

from intone.audio import addresses
from intone.cache import digest
from intone.errors import IntoneError
from intone.inference.formats import unwritten
from intone.names import cell, readable

NAME: Final = ".intone-finished"
LOCK: Final = ".intone-lock"
LEFT_OUT: Final = "intone-left-out.csv"
"""Columns `file, reason`; missing where nothing was left out. Cells are written as in the format `csv`."""


@dataclass
class Journal:
    """The recordings that are finished in a folder with these settings."""

    folder: Path
    settings: str
    """Digest of everything that changes the results."""
    part: str = ""
    """Names the journal of one of several shards, which may write at the same time."""
    finished: dict[str, tuple[str, int]] = field(default_factory=dict)
    """File in the folder -> digest of what it was made from, and its size in bytes."""
    lock: BaseFileLock = field(init=False)
    """Held until `close`, or until the process ends, however it does."""

    def __post_init__(self) -> None:
        """Read the journal. Raises IntoneError where nothing can be written into the folder, or another run does."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                pass
            self.lock = FileLock(self.folder / f"{LOCK}{self.part}", timeout=0)
            self.lock.acquire()
            self.left_out.unlink(missing_ok=True)  # what was left out is tried again
        except Timeout as problem:
            raise IntoneError(
                f"Another run is writing into {self.folder}: wait until it has ended, or choose another folder with -o."
            ) from problem
        except OSError as problem:
            raise IntoneError(unwritten(self.folder, problem)) from problem
        with suppress(FileNotFoundError):
            self._read((self.folder / f"{NAME}{self.part}").read_text(encoding="utf-8", errors="replace"))

    def _read(self, text: str) -> None:
        for line in text.splitlines():
            with suppress(ValueError, TypeError, KeyError, AttributeError):  # damaged, or of an older version
                key, written = line.split("\t")
                self.finished |= {str(file): (key, int(size)) for file, size in json.loads(written)["bytes"].items()}
        if text and not text.endswith("\n"):  # else the next line would be damaged with the one that was cut short
            _append(self.folder / f"{NAME}{self.part}", "\n")

    def close(self) -> None:
        """Let another run write into the folder."""
        self.lock.release()

    def has(self, recording: Path | str, outputs: Sequence[Path], part: str = "") -> bool:
        """Whether exactly this recording (a path, or an address), or this part of it, was analysed with the same
        settings, and its files are there as written: one that a crash of the machine cut short isn't."""
        # Only a file that was written before is looked for: others may have invalid names.
        known = [self.finished.get(self._name(path)) for path in outputs]
        key = self.key(recording, part) if all(known) else ""  # of an address it takes a while
        return bool(key) and all(
            of and of == (key, _size(path)) and of[1] >= 0 for of, path in zip(known, outputs, strict=True)
        )

    def add(self, recording: Path | str, outputs: Sequence[Path], part: str = "") -> None:
        """Record that a recording, or a part of it, is finished. Raises IntoneError where that can't be written."""
        key, sizes = self.key(recording, part), {self._name(path): _size(path) for path in outputs}
        written = json.dumps({"recording": str(recording), "bytes": sizes})
        _append(self.folder / f"{NAME}{self.part}", f"{key}\t{written}\n")
        self.finished |= {file: (key, size) for file, size in sizes.items()}

    @property
    def left_out(self) -> Path:
        """Path of the table of recordings that were left out."""
        return self.folder / LEFT_OUT.replace(".csv", f"{self.part}.csv")

    def leave_out(self, recording: Path | str, reason: str) -> None:
        """Record that a recording couldn't be analysed. Raises IntoneError where that can't be written."""
        head = [] if self.left_out.exists() else [("file", "reason")]
        _append(self.left_out, table_of([*head, (str(recording), reason)]))

    def _name(self, path: Path) -> str:
        return os.path.relpath(path, self.folder)

    def key(self, recording: Path | str, part: str = "") -> str:
        """What an analysis of this recording, as it is now, depends on; "" where it isn't there. `part` says which part
        of it, and what else is known of that."""
        return made_from(recording, self.settings, part)


def made_from(recording: Path | str, settings: str, part: str = "") -> str:
    """Digest of a recording as it is now (a path, or an address), of the settings, and of which part it is; "" where it
    isn't there."""
    own = [part] if part else []
    if isinstance(recording, str):
        there = addresses.state(recording)
        return digest([recording, there], settings, *own) if there else ""
    try:
        kind = recording.stat()
    except (OSError, ValueError):  # it isn't there, or has an invalid name
        return ""
    return digest([str(recording.resolve()), kind.st_size, kind.st_mtime_ns], settings, *own)


def table_of(rows: Sequence[Sequence[str]]) -> str:
    """Rows of a CSV, with cells as in the format `csv`."""
    text = io.StringIO()
    # A carriage return in a cell is quoted only where lines end in one.
    csv.writer(text, lineterminator="\r\n").writerows([[cell(readable(value)) for value in row] for row in rows])
    return text.getvalue().replace("\r\n", "\n")


def _size(path: Path) -> int:
    """Bytes of a file; -1 where it isn't there."""
    try:
        return path.stat().st_size if path.is_file() else -1
    except OSError:
        return -1


def _append(place: Path, text: str) -> None:
    try:
        with place.open("a", encoding="utf-8", errors="replace") as f:
            f.write(text)
    except OSError as problem:
        raise IntoneError(unwritten(place, problem)) from problem
