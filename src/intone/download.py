"""URL and checksum -> complete, verified file on disk; an interrupted download resumes. A zip -> its files."""

import hashlib
import shutil
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from intone.errors import IntoneError

BLOCK_BYTES: Final = 1 << 18
"""Bytes read at a time."""

TIMEOUT: Final = 30.0
"""Seconds without a single byte after which a connection counts as broken."""


def fetch(url: str, path: Path, checksum: str, tries: int = 5, pause: float = 1.0) -> Path:
    """Download `url` to `path` unless it is there already, and return `path`.

    `checksum` is `algorithm:hex`, such as `md5:bc69…`; a file that doesn't match it is removed and refused. An
    unfinished download lies beside `path` as `NAME.part`: after a kill, the next call resumes it with an HTTP Range
    request, or starts again where the server doesn't support ranges. After a broken connection the download is tried
    again, `tries` times in all; the first pause lasts `pause` seconds, and each further one twice as long. Raises
    IntoneError where the server refuses, the network stays broken or the checksum differs.
    """
    path = Path(path)
    if path.exists():
        return verified(path, checksum, url)
    part = path.with_name(f"{path.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    with _progress() as bar:
        for attempt in range(tries):
            if attempt:
                time.sleep(pause * 2 ** (attempt - 1))
            try:
                _go_on(url, part, bar)
                break
            except urllib.error.HTTPError as error:
                raise IntoneError(f"{url} answers {error.code} {error.reason}: the file can't be fetched.") from error
            except (OSError, HTTPException) as error:
                last = error
        else:
            raise IntoneError(_broken(url, part, last)) from last
    verified(part, checksum, url)
    part.replace(path)
    return path


def verified(path: Path, checksum: str, source: str) -> Path:
    """`path` again if its bytes match `checksum` (`algorithm:hex`); otherwise it is removed and IntoneError raised."""
    algorithm, _, expected = checksum.partition(":")
    with path.open("rb") as f:
        found = hashlib.file_digest(f, algorithm).hexdigest()
    if found != expected:
        path.unlink()
        raise IntoneError(
            f"{source} came with {algorithm} {found} instead of {expected}: it was removed, fetch it again."
        )
    return path


def _broken(url: str, part: Path, error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    done = part.stat().st_size / 1e6 if part.exists() else 0
    return f"{url} broke off after {done:.1f} MB ({reason}): run the same command again to go on from there."


def _go_on(url: str, part: Path, bar: Progress) -> None:
    """Append the missing bytes to `part`; raises OSError or HTTPException where the connection breaks."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "intone"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing lies beyond what we have: the checksum says whether it is the whole file
            return
        if error.code >= 500 or error.code == 429:  # a temporary error of the server, not a refusal
            raise ConnectionError(f"{error.code} {error.reason}") from error
        raise
    with response:
        if response.status != 206:  # the server doesn't support ranges and sends the whole file again
            have = 0
        _append(response, part, have, bar)


def _append(response: HTTPResponse, part: Path, have: int, bar: Progress) -> None:
    coming = int(response.headers.get("Content-Length") or 0)
    task = bar.add_task(part.name.removesuffix(".part"), total=have + coming or None, completed=have)
    done = 0
    with part.open("ab" if have else "wb") as f:
        while block := response.read(BLOCK_BYTES):
            f.write(block)
            done += len(block)
            bar.advance(task, len(block))
    bar.remove_task(task)
    if done < coming:
        raise ConnectionError(f"{coming - done} bytes did not come")


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal, transient=True)


def unpack(archive: Path, folder: Path, place: Callable[[str], str | None]) -> list[Path]:
    """Unpack a zip into `folder` and return the files written.

    `place` maps a member's name to its path below `folder`, or to None to leave it out. Each file appears complete or
    not at all, and is checked against the zip's CRC. Raises IntoneError for a zip that is missing or damaged.
    """
    if not archive.is_file():
        raise IntoneError(f"{archive} is not there.")
    written = []
    try:
        with zipfile.ZipFile(archive) as z:
            for member in z.infolist():
                target = None if member.is_dir() else place(member.filename)
                if target is not None:
                    written.append(_extract(z, member, folder / target))
    except (zipfile.BadZipFile, EOFError) as error:
        raise IntoneError(f"{archive} is not a whole zip file ({error}): fetch it again.") from error
    return written


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    try:
        with archive.open(member) as source, part.open("wb") as f:
            shutil.copyfileobj(source, f, BLOCK_BYTES)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target
