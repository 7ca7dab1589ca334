"""A folder for results at an address (s3://, gs://, az://) -> its files, each written whole or not at all.

What is finished there is kept there too: one small file for each recording, written once all its results are, so that
any machine resumes what another began. Nothing is locked: two runs at the same time write the same files twice.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from intone.audio.addresses import is_address, system
from intone.cache import digest
from intone.errors import IntoneError, phrase
from intone.inference.resume import LEFT_OUT, made_from, table_of

Value = TypeVar("Value")

STORES: Final = ("s3", "s3a", "gs", "gcs", "az", "abfs", "memory")
"""Schemes of stores in which a file appears once all of it is there. (`memory` is fsspec's, for tests.)"""

MARKS: Final = ".intone-finished"
"""Folder of the small files that say what is finished."""


@dataclass(frozen=True)
class Store:
    """A folder at an address."""

    address: str

    @classmethod
    def at(cls, address: str) -> "Store":
        """Raises IntoneError for an address where files can't be written whole or not at all."""
        if not is_address(address) or address.split("://")[0].lower() not in STORES:
            raise IntoneError(
                f"Results can't go to {address}, where others might see half a file: name a folder, or s3://, gs:// or "
                "az://."
            )
        return cls(address.rstrip("/"))

    def write(self, name: str, data: bytes) -> None:
        """Write a file by its name in the folder. Raises IntoneError where that can't be done."""
        try:
            self._asked(lambda files, root: files.pipe_file(f"{root}/{name}", data), name)
        except FileNotFoundError as problem:
            raise IntoneError(f"{self.address} is not there: make the bucket first, or name another one.") from problem

    def remove(self, name: str) -> None:
        """Remove a file. Raises IntoneError where that can't be done."""
        with suppress(FileNotFoundError):
            self._asked(lambda files, root: files.rm_file(f"{root}/{name}"), name)

    def sizes(self) -> dict[str, int]:
        """Files in the folder and below -> their bytes. Raises IntoneError where that isn't told."""

        def found(files: Any, root: str) -> dict[str, int]:
            files.invalidate_cache()
            there = files.find(root, detail=True)
            return {
                path[len(root) + 1 :]: int(kind["size"]) for path, kind in there.items() if path.startswith(f"{root}/")
            }

        try:
            return self._asked(found, "")
        except FileNotFoundError:
            return {}

    def size(self, name: str) -> int:
        """Bytes of a file; -1 where it isn't there. Raises IntoneError where that isn't told."""
        try:
            return int(self._asked(lambda files, root: files.size(f"{root}/{name}"), name))
        except FileNotFoundError:
            return -1

    def texts(self, names: Sequence[str]) -> dict[str, str]:
        """Files -> what is in them; those that can't be read are missing."""
        if not names:
            return {}

        def read(files: Any, root: str) -> dict[str, str]:
            got = files.cat([f"{root}/{name}" for name in names], on_error="omit")
            return {path[len(root) + 1 :]: data.decode("ascii", "replace") for path, data in got.items()}

        return self._asked(read, MARKS)

    def _asked(self, call: Callable[[Any, str], Value], name: str) -> Value:
        files, root = system(self.address)
        try:
            return call(files, root.rstrip("/"))
        except FileNotFoundError:
            raise
        except Exception as problem:  # each file system has exceptions of its own
            said = phrase(problem) or type(problem).__name__
            raise IntoneError(
                f"{self.address}/{name} can't be written ({said}): see to it, and the same command goes on."
            ) from problem


@dataclass
class StoredJournal:
    """The recordings that are finished at an address with these settings."""

    store: Store
    settings: str
    """Digest of everything that changes the results."""
    part: str = ""
    """Names the table of those left out by one of several shards."""
    there: dict[str, int] = field(init=False)
    """Files in the folder when the run began -> their bytes."""
    marks: dict[str, str] = field(init=False)
    """Small files -> what they hold: a digest of what a recording's results were made from, and of their sizes."""
    rows: list[tuple[str, str]] = field(default_factory=list)
    """Recordings that were left out, and why."""

    def __post_init__(self) -> None:
        """Raises IntoneError where nothing can be written there."""
        self.store.write(f"{MARKS}/begun{self.part}", b"begun")
        self.there = self.store.sizes()
        if self._left_out in self.there:  # what was left out is tried again
            self.store.remove(self._left_out)
        self.marks = self.store.texts([name for name in self.there if name.startswith(f"{MARKS}/")])

    def close(self) -> None:
        """Nothing is held."""

    def has(self, recording: Path | str, outputs: Sequence[Path], part: str = "") -> bool:
        """Whether exactly this recording, or this part of it, was analysed with the same settings, and its files are
        there as written."""
        known = self.marks.get(_mark(outputs))
        sizes = [self.there.get(path.as_posix(), -1) for path in outputs]
        return bool(known) and min(sizes) >= 0 and known == self._made(recording, part, sizes)

    def add(self, recording: Path | str, outputs: Sequence[Path], part: str = "") -> None:
        """Record that a recording, or a part of it, is finished. Raises IntoneError where that can't be written."""
        made = self._made(recording, part, [self.store.size(path.as_posix()) for path in outputs])
        self.store.write(_mark(outputs), made.encode())

    @property
    def left_out(self) -> str:
        """Address of the table of recordings that were left out."""
        return f"{self.store.address}/{self._left_out}"

    def leave_out(self, recording: Path | str, reason: str) -> None:
        """Record that a recording couldn't be analysed. Raises IntoneError where that can't be written."""
        self.rows.append((str(recording), reason))
        text = table_of([("file", "reason"), *self.rows])
        self.store.write(self._left_out, text.encode("utf-8", "replace"))

    @property
    def _left_out(self) -> str:
        return LEFT_OUT.replace(".csv", f"{self.part}.csv")

    def _made(self, recording: Path | str, part: str, sizes: Sequence[int]) -> str:
        """What a recording's mark holds; "" where the recording isn't there."""
        key = made_from(recording, self.settings, part)
        return digest(key, list(sizes)) if key else ""


def _mark(outputs: Sequence[Path]) -> str:
    return f"{MARKS}/{digest([path.as_posix() for path in outputs])[:32]}"
