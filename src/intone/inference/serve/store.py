"""Accepted jobs <-> a folder with an SQLite table of them, so that they survive a restart of the service.

`jobs.sqlite` says what was asked and what became of it; `ID/` holds the recording until it is analysed, and the answer
from then on: one file a format, and the sentences as they were told while it ran. A folder is one service's at a time.
"""

import contextlib
import errno
import json
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

from intone.cache import write_whole
from intone.errors import IntoneError
from intone.inference.serve.folder import held
from intone.inference.serve.job import Job

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"

ENDED: Final = (DONE, FAILED, CANCELLED)

SENTENCES: Final = "sentences.json"
"""File of a job's folder with what was told while it ran; whatever format was asked for."""

ATTEMPTS: Final = 2
"""Times that a job is begun at most: one during which the service itself ended twice is not begun again."""


@dataclass(frozen=True)
class Entry:
    """One accepted job."""

    id: str
    name: str
    """The client's name for the recording."""
    recording: str
    """Its file in the job's folder."""
    asked: Mapping[str, Any]
    """Fields of `Job` besides path and name."""
    client: str = ""
    state: str = QUEUED
    created: float = 0.0
    """Seconds since 1970."""
    ended: float | None = None
    attempts: int = 0
    seconds: float | None = None
    """Seconds of sound."""
    segments: int = 0
    status: int = 200
    """HTTP status of the answer."""
    error: str | None = None
    """One sentence, where it failed."""


COLUMNS: Final = tuple(part.name for part in fields(Entry))


class Store:
    """The jobs of one service; any thread may call it."""

    def __init__(self, folder: Path) -> None:
        """Open the folder, which is made where it isn't there, for this user alone.

        Raises IntoneError where another service uses it, or where it can't be written.
        """
        self.folder, self.lock = folder, threading.RLock()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.mark = os.open(folder / "in use", os.O_RDWR | os.O_CREAT, 0o600)
            if not held(self.mark):
                os.close(self.mark)
                raise IntoneError(f"Another service uses {folder}: give --state another folder.")
            self.table = sqlite3.connect(folder / "jobs.sqlite", check_same_thread=False, isolation_level=None)
            self.table.execute("PRAGMA journal_mode = WAL")
            self.table.execute(f"CREATE TABLE IF NOT EXISTS jobs ({', '.join(COLUMNS)}, PRIMARY KEY (id))")
        except (OSError, sqlite3.Error) as problem:
            raise IntoneError(f"{folder} can't hold the queue ({problem}): give --state another folder.") from problem

    def add(self, entry: Entry) -> Entry:
        """Accept a job, whose recording is in its folder already. Raises OSError where that can't be written."""
        created = replace(entry, created=time.time())
        values = asdict(created) | {"asked": json.dumps(dict(entry.asked))}
        with self._writing():
            self.table.execute(
                f"INSERT INTO jobs VALUES ({', '.join('?' * len(COLUMNS))})", [values[name] for name in COLUMNS]
            )
        return created

    def change(self, id: str, **values: Any) -> None:
        """Set some columns of a job. Raises OSError where that can't be written."""
        with self._writing():
            names = ", ".join(f"{name} = ?" for name in values)
            self.table.execute(f"UPDATE jobs SET {names} WHERE id = ?", [*values.values(), id])

    def get(self, id: str) -> Entry | None:
        """The job with this id; None where there is none, or none any more."""
        return next(self._found("id = ?", id), None)

    def unfinished(self) -> list[Entry]:
        """Jobs without an answer, the oldest first."""
        return list(self._found("state IN (?, ?) ORDER BY created", QUEUED, RUNNING))

    def job(self, entry: Entry) -> Job:
        """What is to be done for it."""
        asked = dict(entry.asked)
        return Job(self.place(entry.id) / entry.recording, entry.name, tuple(asked.pop("formats")), **asked)

    def place(self, id: str) -> Path:
        """A job's folder."""
        return self.folder / id

    def answered(
        self, entry: Entry, files: Mapping[str, bytes], sentences: Sequence[Mapping[str, Any]] = (), **values: Any
    ) -> None:
        """Keep a job's answer, then forget its recording. Raises OSError where there is no room."""
        for format, data in files.items():
            write_whole(self.place(entry.id) / f"answer.{format}", data)
        if sentences:
            write_whole(self.place(entry.id) / SENTENCES, json.dumps(list(sentences)).encode())
        self.change(entry.id, ended=time.time(), **values)
        with contextlib.suppress(OSError):
            (self.place(entry.id) / entry.recording).unlink()

    def answer(self, id: str, format: str) -> bytes | None:
        """The file of a format; None where there is none."""
        try:
            return (self.place(id) / f"answer.{format}").read_bytes()
        except OSError:
            return None

    def sentences(self, id: str) -> list[Mapping[str, Any]]:
        """The sentences of a job that has ended, as they were told while it ran; none where none are kept."""
        try:
            found: list[Mapping[str, Any]] = json.loads((self.place(id) / SENTENCES).read_bytes())
        except (OSError, ValueError):
            return []
        return found

    def forget(self, id: str) -> None:
        """Remove a job with all its files, which go first: a full disk has room for the table's change then.

        Raises OSError where that can't be written.
        """
        shutil.rmtree(self.place(id), ignore_errors=True)
        with self._writing():
            self.table.execute("DELETE FROM jobs WHERE id = ?", [id])

    def sweep(self, keep: float) -> None:
        """Forget jobs that ended more than `keep` seconds ago, and folders of none."""
        for entry in self._found("ended < ?", time.time() - keep):
            self.forget(entry.id)

    def tidy(self) -> None:
        """At the start: remove what uploads left that were cut off, and sound whose answer is there."""
        entries = list(self._found("1"))
        known = {entry.id for entry in entries}
        for entry in entries:
            if entry.state in ENDED:
                (self.place(entry.id) / entry.recording).unlink(missing_ok=True)
        for place in self.folder.iterdir():
            if place.is_dir() and place.name not in known:
                shutil.rmtree(place, ignore_errors=True)

    def close(self) -> None:
        """Let another service have the folder."""
        with self.lock:
            self.table.close()
        os.close(self.mark)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """A change of the table; SQLite's errors become OSError, as of any other file."""
        with self.lock:
            try:
                yield
            except sqlite3.Error as problem:
                full = getattr(problem, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
                raise OSError(errno.ENOSPC if full else errno.EIO, str(problem)) from problem

    def _found(self, where: str, *values: object) -> Iterator[Entry]:
        with self.lock:
            rows = self.table.execute(f"SELECT {', '.join(COLUMNS)} FROM jobs WHERE {where}", values).fetchall()
        for row in rows:
            entry = Entry(*row)
            yield replace(entry, asked=json.loads(str(entry.asked)))
