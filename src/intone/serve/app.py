"""An `Analyzer` -> a web service: a recording comes in by POST, and what `intone analyze -o` writes for it goes out.

A recording lies in a temporary folder while it is analysed, and no longer. Whatever is wrong is `{"error": sentence}`.
"""

import asyncio
import re
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Annotated, Any, BinaryIO, Final

from fastapi import FastAPI, File, HTTPException, Query, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.telemetry import TelemetryConfig
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import intone
from intone.decoding import opened
from intone.errors import BadClip, IntoneError, Missing
from intone.formats import FORMATS, chosen, places
from intone.predict import Analyzer
from intone.progress import say
from intone.recording import Recording

MB: Final = 1_000_000

PATIENCE: Final = 0.5
"""Seconds after which it is asked again whether anybody still waits for the answer."""

NO_TELEMETRY: Final[TelemetryConfig] = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""Whatever the environment asks of FastAPI: nothing leaves the machine."""


@dataclass(frozen=True)
class Health:
    """Who answers here."""

    version: str
    model: str
    licence: str
    words: bool
    """Whether words are written down where nothing else is asked for."""
    most: int
    """MB that a recording may have."""
    formats: tuple[str, ...] = tuple(FORMATS)


@dataclass(frozen=True)
class Service:
    """What is behind each address."""

    analyzer: Analyzer
    most: int
    worker: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    """One thread: an analysis takes every core that it may have."""

    def page(self) -> HTMLResponse:
        """The page."""
        return HTMLResponse(resources.files("intone.serve").joinpath("page/index.html").read_text(encoding="utf-8"))

    def health(self) -> Health:
        """Who answers here, and what a recording may have."""
        card = self.analyzer.model.card
        words = self.analyzer.whisper is not None
        return Health(intone.__version__, self.analyzer.model.name, card.licence, words, self.most)

    async def analyze(
        self,
        request: Request,
        file: Annotated[UploadFile, File(description="A recording: whatever PyAV reads.")],
        format: Annotated[str, Query(description=f"Of {', '.join(FORMATS)}; several with commas.")] = "json",
        text: Annotated[bool | None, Query(description="Write down the words too; as the service was started.")] = None,
    ) -> Response:
        """The file that `intone analyze -o` writes; of several formats one JSON object, file name -> content."""
        names = chosen(format)
        name = re.split(r"[/\\]", file.filename or "")[-1] or "recording"
        left = Event()
        job = asyncio.wrap_future(self.worker.submit(written, self._for(text), file.file, name, names, left))
        try:
            while not (await asyncio.wait([job], timeout=PATIENCE))[0]:
                if await request.is_disconnected():
                    raise HTTPException(499, "Nobody waits for the answer.")
            return answer(job.result(), name)
        except asyncio.CancelledError:
            return _error(503, f"intone was stopped before {name} was done: start it, and send it again.")
        finally:
            left.set()
            job.cancel()

    def _for(self, text: bool | None) -> Analyzer:
        if text and not self.analyzer.whisper:
            raise Missing("Words are off: start the service without --no-text, with Whisper's weights on this machine.")
        return self.analyzer if text in (True, None) else Analyzer(self.analyzer.model, None, self.analyzer.language)


def written(
    analyzer: Analyzer, upload: BinaryIO, name: str, formats: Sequence[str], left: Event
) -> Mapping[str, bytes]:
    """Format -> the bytes of its file. Raises IntoneError where it can't be heard, and soon after `left` is set."""

    def heed() -> None:
        if left.is_set():
            raise BadClip(f"Nobody waits for {name} any more.")

    with TemporaryDirectory(prefix="intone-") as folder:
        # Decoders go by the ending; of the rest of a stranger's name no path is made.
        ending = re.search(r"\.\w{1,16}$", name)
        path = Path(folder) / f"recording{ending[0] if ending else ''}"
        try:
            with path.open("wb") as out:
                shutil.copyfileobj(upload, out)
            analysis = analyzer.analysis(Recording(name, lambda: opened(path)), heed)
            return {format: FORMATS[format].encoded(analysis) for format in formats}
        except IntoneError as problem:
            raise BadClip(str(problem).replace(str(path), name)) from problem
        except OSError as problem:
            raise HTTPException(
                507, f"{name} has no room here ({problem.strerror}): make some where intone runs."
            ) from None
        except Exception as problem:
            if not left.is_set():
                say(f"{name} ({type(problem).__name__}: {problem}); please report this.")
            raise HTTPException(
                500, f"{name} can't be analysed ({type(problem).__name__}): please report this."
            ) from None


def answer(made: Mapping[str, bytes], name: str) -> Response:
    """One format's file as it is, or a JSON object of several."""
    if len(made) == 1:
        [(format, data)] = made.items()
        return Response(data, media_type=FORMATS[format].media_type)
    files = [place.name for place in places(Path(), Path(name).stem, list(made))]
    return JSONResponse(dict(zip(files, (data.decode() for data in made.values()), strict=True)))


class Limit:
    """ASGI middleware: more than `most` MB are refused before they are read, or while they are where nobody said so."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app, self.most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The app, with what it receives counted."""
        announced = Headers(scope=scope).get("content-length", "") if scope["type"] == "http" else ""
        size = int(announced) if announced.isdecimal() else 0
        got = 0

        async def counted() -> Message:
            nonlocal got
            message = await receive() if size <= self.most * MB else {}
            got += len(message.get("body", b""))
            if max(size, got) > self.most * MB:
                raise HTTPException(413, f"The recording has more than {self.most} MB: send it in parts.")
            return message

        await self.app(scope, counted, send)


def app(analyzer: Analyzer, most: int = 500) -> FastAPI:
    """The service of one analyzer; a recording may have `most` MB."""
    service = Service(analyzer, most)
    made = FastAPI(
        title="intone",
        version=intone.__version__,
        # The pages that show /openapi.json would load their scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        telemetry=NO_TELEMETRY,
        exception_handlers={
            IntoneError: _unheard,
            AnyHTTPException: _refused,
            RequestValidationError: _misunderstood,
            Exception: _failed,
        },
    )
    made.add_middleware(Limit, most=most)
    made.add_api_route("/", service.page, response_class=HTMLResponse)
    made.add_api_route("/health", service.health)
    made.add_api_route("/analyze", service.analyze, methods=["POST"], response_class=Response)
    return made


def _error(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status)


async def _unheard(_: Request, problem: Any) -> Response:
    return _error(422, str(problem))


async def _refused(_: Request, problem: Any) -> Response:
    return _error(problem.status_code, f"{problem.detail.rstrip('.')}.")


async def _misunderstood(_: Request, problem: Any) -> Response:
    wrong = problem.errors()[0]
    return _error(422, f"{wrong['loc'][-1]!r} won't do ({wrong['msg'].lower()}): /openapi.json says what is taken.")


async def _failed(_: Request, problem: Any) -> Response:
    say(f"{type(problem).__name__}: {problem}; please report this.")
    return _error(500, f"The service failed ({type(problem).__name__}): please report this.")
