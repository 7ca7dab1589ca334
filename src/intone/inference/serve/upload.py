"""The body of a request (multipart/form-data) -> one recording on disk, written once, as it arrives.

A client that sends too much, too slowly, or anything besides one file named `file` gets an error in one sentence.
"""

import asyncio
import errno
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

from fastapi import HTTPException, Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from intone.audio.spool import ending
from intone.progress import say

MB: Final = 1_000_000

BUFFER_BYTES: Final = 1 << 20
"""Bytes that are collected before they are written."""

IDLE: Final = 30.0
"""Seconds within which more bytes have to arrive."""

SLOWEST: Final = 10_000
"""Bytes per second, on average, below which an upload is ended; `IDLE` seconds are allowed in addition."""

FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a disk that is full."""

ONE_FILE: Final = "send one recording, as the field 'file' of multipart/form-data"


FIELD_BYTES: Final = 10_000
"""Bytes of a field that isn't the recording, at most."""


async def received(
    request: Request, folder: Path, most: int, fields: dict[str, list[str]] | None = None
) -> tuple[str, Path]:
    """The client's name for the recording, and its path in `folder`; values of other fields go into `fields`.

    Raises HTTPException with one sentence where there is none, or more than `most` MB; OSError where the disk has no
    room.
    """
    announced = request.headers.get("content-length", "")
    too_large = HTTPException(413, f"The recording has more than {most} MB: send it in parts.")
    if announced.isdecimal() and int(announced) > most * MB:
        raise too_large
    form, got, loop = Form(_boundary(request), folder, fields or {}), 0, asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(IDLE) as patience:
            async for part in request.stream():
                got += len(part)
                if got > most * MB:
                    raise too_large
                await form.take(part)
                patience.reschedule(min(loop.time() + IDLE, began + IDLE + got / SLOWEST))
            return await form.finished()
    except TimeoutError as slow:
        raise HTTPException(408, "The recording arrives too slowly: send it again over a faster line.") from slow
    except ClientDisconnect as gone:
        raise HTTPException(499, "Nobody waits for the answer.") from gone
    except FormParserError as wrong:
        raise HTTPException(400, f"The upload isn't multipart/form-data as it should be: {ONE_FILE}.") from wrong
    finally:
        form.close()


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind and kind != b"multipart/form-data":
        raise HTTPException(415, f"The body's type can't be taken: {ONE_FILE}.")
    if not kind:
        raise HTTPException(422, f"'file' isn't there: {ONE_FILE}.")
    if not options.get(b"boundary"):
        raise HTTPException(400, f"The upload names no boundary between its parts: {ONE_FILE}.")
    return options[b"boundary"]


class Form:
    """The part of a form that has arrived so far; the callbacks are python-multipart's."""

    def __init__(self, boundary: bytes, folder: Path, fields: dict[str, list[str]]) -> None:
        self.folder, self.name, self.path = folder, "", folder
        self.header, self.value, self.disposition = b"", b"", b""
        self.waiting: list[bytes] = []
        self.fields, self.field, self.said = fields, "", b""
        self.out: BinaryIO | None = None
        self.ended = False
        names = ("part_begin", "part_data", "header_field", "header_value", "header_end", "headers_finished", "end")
        try:
            calls: Any = {f"on_{name}": getattr(self, f"_{name}") for name in names}
            self.parser = MultipartParser(boundary, calls)
        except FormParserError as wrong:
            raise HTTPException(400, f"The boundary between the upload's parts won't do: {ONE_FILE}.") from wrong

    async def take(self, part: bytes) -> None:
        """Take the next bytes of the body."""
        self.parser.write(part)
        if sum(map(len, self.waiting)) >= BUFFER_BYTES:
            await asyncio.to_thread(self._write)

    async def finished(self) -> tuple[str, Path]:
        """The name and the path of the recording, once all has arrived."""
        if not self.ended:
            raise HTTPException(400, f"The upload stops before its end: {ONE_FILE}.")
        if self.out is None:
            raise HTTPException(422, f"'file' isn't there: {ONE_FILE}.")
        await asyncio.to_thread(self._write)
        return self.name, self.path

    def close(self) -> None:
        """Close the file; nothing more is written."""
        if self.out is not None:
            with suppress(OSError):  # a failure to write was reported already
                self.out.close()

    def _write(self) -> None:
        assert self.out is not None
        self.out.write(b"".join(self.waiting))
        self.out.flush()
        self.waiting = []

    def _part_begin(self) -> None:
        self._keep()
        self.disposition = b""

    def _keep(self) -> None:
        """Keep the value of the field that has ended."""
        if self.field:
            self.fields[self.field].append(_text(self.said))
        self.field, self.said = "", b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self.header += data[start:end].lower()

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]

    def _header_end(self) -> None:
        if self.header == b"content-disposition":
            self.disposition = self.value
        self.header = self.value = b""

    def _headers_finished(self) -> None:
        """A part begins; raises HTTPException unless it is the one file."""
        _, options = parse_options_header(self.disposition)
        field = _text(options.get(b"name", b""))
        if field in self.fields and b"filename" not in options:
            self.field = field
            return
        if field != "file" or b"filename" not in options:
            raise HTTPException(422, f"{field!r} won't do as a part of the upload: {ONE_FILE}.")
        if self.out is not None:
            raise HTTPException(422, "There is a second 'file' in the upload: send one recording at a time.")
        self.name = re.split(r"[/\\]", _text(options[b"filename"]))[-1] or "recording"
        self.path = self.folder / f"recording{ending(self.name)}"
        self.out = self.path.open("wb")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self.field:
            self.said += data[start:end]
            if len(self.said) > FIELD_BYTES:
                raise HTTPException(413, f"The field {self.field!r} has more than {FIELD_BYTES} bytes.")
            return
        self.waiting.append(data[start:end])

    def _end(self) -> None:
        self._keep()
        self.ended = True


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def unwritten(problem: OSError) -> HTTPException:
    """The error for a recording that can't be stored."""
    reason = (problem.strerror or type(problem).__name__).lower()
    if problem.errno in FULL:
        return HTTPException(507, f"The recording has no room here ({reason}): make some where intone runs.")
    say(f"A recording can't be laid down ({problem}).")
    return HTTPException(500, f"The recording can't be laid down ({reason}): look at intone's terminal.")
