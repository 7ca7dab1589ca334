"""Key (text) and a function that makes a text or an array -> that value, cached on disk so that it is made once.

A value is written to a temporary file beside its final path and moved there in one step. So a kill halfway leaves no
broken entry, and two processes that make the same value end with one complete file.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs


def cache_folder() -> Path:
    """The user's cache folder for features, transcripts, weights and runs; `INTONE_CACHE` moves it."""
    return Path(os.environ.get("INTONE_CACHE") or platformdirs.user_cache_dir("intone"))


def digest(*parts: Any) -> str:
    """sha256 (hex) of JSON-able settings, text and bytes, in order."""
    total = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True).encode()
        total.update(len(data).to_bytes(8, "little") + data)
    return total.hexdigest()


def file_digest(path: Path) -> str:
    """sha256 (hex) of a file's bytes."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


_HIDDEN = os.umask(0)
os.umask(_HIDDEN)


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that readers see all of it or nothing, even after a kill."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}-")
    try:
        with os.fdopen(handle, "wb") as f:
            f.write(data)
        Path(temporary).chmod(0o666 & ~_HIDDEN)  # only its owner may read a temporary file
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def cached_text(folder: str, key: str, make: Callable[[], str]) -> str:
    """The text kept under `folder/key`, made by `make` the first time."""
    path = cache_folder() / folder / key[:2] / f"{key}.txt"
    if not path.exists():
        write_whole(path, make().encode())
    return path.read_text(encoding="utf-8")


def cached_array(folder: str, key: str, make: Callable[[], np.ndarray], mapped: bool = False) -> np.ndarray:
    """The array kept under `folder/key`, made by `make` the first time, with the same dtype and shape.

    With `mapped`, the array is memory-mapped: it stays on disk and is read-only.
    """
    path = cache_folder() / folder / key[:2] / f"{key}.npy"
    if not path.exists():
        with tempfile.SpooledTemporaryFile() as f:
            np.save(f, make())
            f.seek(0)
            write_whole(path, f.read())
    return np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
