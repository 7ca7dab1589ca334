"""An output folder -> which recordings are finished in it: a line each, written once all its files are there."""

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
        place = self.folder / NAME
        try:
            with place.open("a", encoding="utf-8", errors="replace") as f:
                f.write(f"{self._key(recording, outputs)}\t{json.dumps(str(recording))}\n")
        except OSError as problem:
            raise IntoneError(unwritten(place, problem)) from problem

    def _key(self, recording: Path, outputs: Sequence[Path]) -> str:
        try:
            kind = recording.stat()
        except (OSError, ValueError):  # it isn't there, or can't be
            return ""
        where = [str(recording.resolve()), kind.st_size, kind.st_mtime_ns]
        return digest(where, self.settings, sorted(path.name for path in outputs))
