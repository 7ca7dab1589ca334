"""An address (s3://, gs://, https:// and whatever else fsspec opens) -> the recording there, as a temporary file."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from intone.audio.spool import spooled
from intone.cache import digest
from intone.errors import BadClip, IntoneError, Missing, brought_by, phrase

Value = TypeVar("Value")

ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")

HERE: Final = "file://"
"""Begins addresses of files of this machine, for which paths are there."""

BROUGHT: Final = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
"""Scheme -> the package that opens it; each brings its provider's library, of a version of its own."""


def is_address(text: str) -> bool:
    """Whether it is an address and not a path."""
    return bool(ADDRESS.match(text)) and not text.lower().startswith(HERE)


@contextmanager
def fetched(address: str) -> Iterator[Path]:
    """The recording there as a file, which lasts until the end of the block.

    Raises BadClip where it can't be had, Missing without the library that opens it.
    """
    files, place = system(address)
    with (
        _asked(address, lambda: files.open(place, "rb")) as source,
        spooled(_Reader(source, address), address) as path,
    ):
        yield path


def state(address: str) -> str:
    """What tells this version of what is there from another one; "" where nobody says."""
    try:
        files, place = system(address)
        return digest(_asked(address, lambda: str(files.ukey(place))))
    except IntoneError:  # it is reported when it is fetched
        return ""


class _Reader:
    """Reads an open file in order; what goes wrong on the way is said of its address."""

    def __init__(self, source: Any, address: str) -> None:
        self.source, self.address = source, address

    def read(self, size: int = -1) -> bytes:
        """The next bytes. Raises BadClip where they can't be had."""
        return _asked(self.address, lambda: bytes(self.source.read(size)))


def _asked(address: str, call: Callable[[], Value]) -> Value:
    try:
        return call()
    except IntoneError:
        raise
    except FileNotFoundError as problem:
        raise BadClip(f"{address} is not there.") from problem
    except Exception as problem:  # each file system has exceptions of its own
        raise BadClip(f"{address} can't be fetched ({phrase(problem) or type(problem).__name__}).") from problem


def system(address: str) -> tuple[Any, str]:
    """The file system of an address, as fsspec has it, and the place there. Raises Missing without the library that
    opens it, BadClip for an address that is none."""
    scheme = address.split("://")[0].lower()
    try:
        from fsspec.core import url_to_fs

        files, place = url_to_fs(address)
    except ImportError as problem:
        package = BROUGHT.get(scheme)
        remedy = f"install the package {package}, which opens it" if package else brought_by("cloud")
        raise Missing(f"{address} can't be opened: {remedy}.") from problem
    except Exception as problem:
        raise BadClip(
            f"{address} can't be opened ({phrase(problem)}): name a file, or an address as s3://."
        ) from problem
    return files, place
