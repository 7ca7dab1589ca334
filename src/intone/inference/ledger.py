"""A folder that all machines of a cluster share -> what they have begun and finished in it, and nobody has taken yet.

One small file for each task in hand, written whole or not at all, so that any machine may be lost at any time: a task
that another has finished isn't done again, and one that has ended two processes is given up.
"""

import pickle
import shutil
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from intone.cache import write_whole
from intone.errors import IntoneError
from intone.inference.formats import unwritten

NAME: Final = ".intone-cluster"
"""Begins the name of such a folder."""

KEPT: Final = 600.0
"""Seconds that a result is kept after it has arrived: Ray may still do all of a lost machine's last block again, also
those of its tasks whose results have arrived, and doesn't say which."""

BEGUN, FINISHED = ".begun", ".finished"


@dataclass(frozen=True)
class Ledger:
    """Tasks by their keys, which are names of files."""

    folder: Path
    taken: deque[tuple[float, str]] = field(default_factory=deque, compare=False, repr=False)
    """When results have arrived, by `time.monotonic`, and their keys."""

    def open(self) -> None:
        """Make the folder, and forget what was begun in an earlier run. Raises IntoneError where that can't be."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for path in self.folder.glob(f"*{BEGUN}"):
                path.unlink(missing_ok=True)
        except OSError as problem:
            raise IntoneError(unwritten(self.folder, problem)) from problem

    def begin(self, key: str) -> int:
        """How often this task was begun before. Raises IntoneError where that can't be recorded, OSError where this
        machine doesn't see the folder."""
        path = self.folder / f"{key}{BEGUN}"
        before = path.stat().st_size if path.exists() else 0
        with path.open("ab") as file:
            file.write(b".")
        return before

    def finish(self, key: str, value: Any) -> None:
        """Keep a task's result until it is taken. Raises OSError."""
        write_whole(self.folder / f"{key}{FINISHED}", pickle.dumps(value))

    def result(self, key: str) -> Any:
        """What a task came to; None where it isn't finished."""
        with suppress(OSError, pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError):
            return pickle.loads((self.folder / f"{key}{FINISHED}").read_bytes())
        return None

    def take(self, key: str) -> None:
        """A task's result has arrived where it stays: forget it after `KEPT` seconds."""
        now = time.monotonic()
        self.taken.append((now, key))
        while self.taken and self.taken[0][0] < now - KEPT:
            _, old = self.taken.popleft()
            for ending in (BEGUN, FINISHED):
                with suppress(OSError):
                    (self.folder / f"{old}{ending}").unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder: nothing in it is missing where it should be."""
        shutil.rmtree(self.folder, ignore_errors=True)
