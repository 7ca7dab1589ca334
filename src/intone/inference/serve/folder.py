"""A folder for the recordings of one service, gone when it ends; what a killed one left is swept by the next.

A lock file in each folder is held by the process that it belongs to. The system lets go of it however the process ends,
and so no folder of a living one is touched, in whichever container it lives.
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
"""What the lock file is called."""


@contextmanager
def folder() -> Iterator[Path]:
    """One that nobody else may read; the folders of services that are gone are swept first."""
    sweep(Path(tempfile.gettempdir()))
    # Under another name until it is locked, so that nobody sweeps it in between.
    fresh = Path(tempfile.mkdtemp(prefix="intone-new-"))
    lock = os.open(fresh / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    _held(lock)
    made = fresh.rename(fresh.with_name(fresh.name.replace("intone-new-", PREFIX)))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)


def sweep(place: Path) -> None:
    """Remove the folders in `place` of this user's services that are gone; links are not followed."""
    for left in place.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if left.is_symlink() or left.stat().st_uid != os.getuid():
                continue
            lock = os.open(left / LOCK, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
            try:
                if _held(lock):
                    shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(lock)


def _held(lock: int) -> bool:
    """Whether this process holds the lock now; never where the system has no such locks."""
    try:
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True
