"""An output folder -> which recordings are finished in it: a line each, written once all its files are there.

Beside it stands a table of those that the last command left out.
"""

import csv
import io
import json
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from intone.cache import digest
from intone.errors import IntoneError
from intone.formats import unwritten

NAME: Final = ".intone-finished"
LEFT_OUT: Final = "intone-left-out.csv"
"""Columns `file, reason`; not there where nothing was left out."""


@dataclass
class Journal:
    """What is finished in a folder with these settings."""

    folder: Path
    settings: str
    """Names whatever changes the answers."""
    finished: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Read it. Raises IntoneError where nothing can be written into the folder."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                pass
            self.left_out.unlink(missing_ok=True)  # whatever was left out is tried again
        except OSError as problem:
            raise IntoneError(unwritten(self.folder, problem)) from problem
        with suppress(FileNotFoundError):
            lines = (self.folder / NAME).read_text(encoding="utf-8").splitlines()
            self.finished = {line.split("\t")[0] for line in lines}

    def has(self, recording: Path, outputs: Sequence[Path]) -> bool:
        """Whether the very same recording was analysed with the same settings, and its files are still there."""
        return self._key(recording, outputs) in self.finished and all(path.is_file() for path in outputs)

    def add(self, recording: Path, outputs: Sequence[Path]) -> None:
        """It is finished. Raises IntoneError where that can't be written down."""
        _append(self.folder / NAME, f"{self._key(recording, outputs)}\t{json.dumps(str(recording))}\n")

    @property
    def left_out(self) -> Path:
        """Where that table is."""
        return self.folder / LEFT_OUT

    def leave_out(self, recording: Path, reason: str) -> None:
        """It couldn't be analysed. Raises IntoneError where that can't be written down."""
        rows = io.StringIO()
        head = [] if self.left_out.exists() else [("file", "reason")]
        csv.writer(rows, lineterminator="\n").writerows([*head, (recording, reason)])
        _append(self.left_out, rows.getvalue())

    def _key(self, recording: Path, outputs: Sequence[Path]) -> str:
        try:
            kind = recording.stat()
        except (OSError, ValueError):  # it isn't there, or can't be
            return ""
        where = [str(recording.resolve()), kind.st_size, kind.st_mtime_ns]
        return digest(where, self.settings, sorted(path.name for path in outputs))


def _append(place: Path, text: str) -> None:
    try:
        with place.open("a", encoding="utf-8", errors="replace") as f:
            f.write(text)
    except OSError as problem:
        raise IntoneError(unwritten(place, problem)) from problem
