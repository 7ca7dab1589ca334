"""A folder for the recordings of one service, removed when it ends; that of a killed service is removed by the next.

The process that owns a folder holds the lock on a file in it. The system releases the lock however the process ends, so
the folder of a running one is never touched, in whichever container it runs.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

PREFIX: Final = "intone-serve-"

LOCK: Final = "in use"
"""Name of the lock file."""


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that no other user may read; the folders of services that have ended are removed first."""
    sweep(Path(tempfile.gettempdir()))
    # Under another name until it is locked, so that no other service removes it in between.
    fresh = Path(tempfile.mkdtemp(prefix="intone-new-"))
    lock = os.open(fresh / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    held(lock)
    made = fresh.rename(fresh.with_name(fresh.name.replace("intone-new-", PREFIX)))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)


def sweep(place: Path) -> None:
    """Remove the folders in `place` of this user's services that have ended; links are not followed."""
    for left in place.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if left.is_symlink() or left.stat().st_uid != os.getuid():
                continue
            lock = os.open(left / LOCK, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
            try:
                if held(lock):
                    shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(lock)


def held(lock: int) -> bool:
    """Take the lock if it is free; whether this process holds it now, never where the system has no such locks."""
    try:
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True
