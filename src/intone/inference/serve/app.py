"""A `Worker` -> a web service: a recording comes in by POST, and the file that `intone analyze -o` writes goes out.

A recording is in a temporary folder only while it is analysed. Every error is `{"error": sentence}`.
"""

import asyncio
import errno
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Annotated, Any, Final, Protocol

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.routing import Match

from intone.asr.languages import code
from intone.errors import IntoneError, Missing
from intone.inference.formats import FORMATS, chosen, places
from intone.inference.serve.contract import BODY, FILES, REFUSED, Asked, Health, refused
from intone.inference.serve.guard import error
from intone.inference.serve.job import Answer, Facts, Job
from intone.inference.serve.upload import received
from intone.progress import say
from intone.version import __version__

NO_TELEMETRY: Final[TelemetryConfig] = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""FastAPI sends nothing from this machine, whatever the environment variables say."""

FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a disk that is full."""


class Worker(Protocol):
    """Analyses one recording at a time."""

    facts: Facts

    def do(self, job: Job, left: Event) -> Answer:
        """The answer to a job, which is given up soon after `left` is set."""


@dataclass(frozen=True)
class Service:
    """The functions of the service, one per URL."""

    worker: Worker
    folder: Path
    most: int
    """Largest size of a recording in MB."""
    waiting: int
    """Most recordings that may be uploaded, waiting and analysed at once."""
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    """Requests that are being answered."""
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    """One: an analysis takes every core that it may have."""

    def page(self) -> HTMLResponse:
        """The page."""
        return HTMLResponse(
            resources.files("intone.inference.serve").joinpath("page/index.html").read_text(encoding="utf-8")
        )

    def health(self) -> Health:
        """Who answers here, and what a recording may have."""
        facts = self.worker.facts
        return Health(__version__, facts.model, facts.licence, facts.words, self.most)

    async def analyze(self, request: Request, asked: Annotated[Asked, Query()]) -> Response:
        """The file that `intone analyze -o` writes; of several formats one JSON object, file name -> content."""
        formats = self._understood(request, asked)
        language = code(asked.language) if asked.language is not None else None
        if len(self.tasks) >= self.waiting:
            full = f"{self.waiting} recordings are waiting already: send it again in a minute."
            raise HTTPException(503, full, {"Retry-After": "60"})
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            with TemporaryDirectory(dir=self.folder, ignore_cleanup_errors=True) as folder:
                name, path = await received(request, Path(folder), self.most)
                job = Job(path, name, formats, asked.text is not False, language, asked.track, asked.speakers)
                return response(await self._done(request, job), name)
        except OSError as problem:
            raise unwritten(problem) from problem
        except asyncio.CancelledError:
            return error(503, "intone was stopped before the recording was done: start it, and send it again.")
        finally:
            self.tasks.discard(task)

    def stop(self) -> None:
        """Cancel all requests; each still gets an error as its response."""
        for task in self.tasks:
            task.cancel()

    def _understood(self, request: Request, asked: Asked) -> tuple[str, ...]:
        """The formats that are wanted. Raises IntoneError, or HTTPException, for an impossible request."""
        given = [name for name, _ in request.query_params.multi_items()]
        if twice := next((name for name in given if given.count(name) > 1), None):
            raise HTTPException(422, f"{twice!r} is given twice: give it once.")
        if asked.text and not self.worker.facts.words:
            raise Missing("Words are off: start the service without --no-text, with Whisper's weights on this machine.")
        return chosen(asked.format)

    async def _done(self, request: Request, job: Job) -> Answer:
        """The answer to a job, unless its client disconnects before."""
        left = Event()
        work: asyncio.Future[Any] = asyncio.wrap_future(self.thread.submit(self.worker.do, job, left))
        gone: asyncio.Future[Any] = asyncio.ensure_future(_gone(request))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise HTTPException(499, "Nobody waits for the answer.")
            made: Answer = work.result()
            return made
        finally:
            left.set()
            work.cancel()
            gone.cancel()


async def _gone(request: Request) -> None:
    """Wait until the client has disconnected; the body was read before."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def response(made: Answer, name: str) -> Response:
    """One format's file as it is, or a JSON object of several, or the error."""
    if made.detail:
        say(made.detail)
    if made.status != 200:
        return error(made.status, made.problem)
    if len(made.files) == 1:
        [(format, data)] = made.files.items()
        return Response(data, media_type=FORMATS[format].media_type)
    files = [place.name for place in places(Path(), Path(name).stem, list(made.files))]
    return JSONResponse(dict(zip(files, (data.decode() for data in made.files.values()), strict=True)))


def unwritten(problem: OSError) -> HTTPException:
    """The error for a recording that can't be stored."""
    reason = (problem.strerror or type(problem).__name__).lower()
    if problem.errno in FULL:
        return HTTPException(507, f"The recording has no room here ({reason}): make some where intone runs.")
    say(f"A recording can't be laid down ({problem}).")
    return HTTPException(500, f"The recording can't be laid down ({reason}): look at intone's terminal.")


def app(service: Service) -> FastAPI:
    """The web application of a service."""
    made = FastAPI(
        title="intone",
        version=__version__,
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
    every = refused(400, 401, 403, 405, 500)
    for path, call, kind in (("/", service.page, HTMLResponse), ("/health", service.health, JSONResponse)):
        for method in ("GET", "HEAD"):
            name = f"{call.__name__}_{method.lower()}"
            made.add_api_route(path, call, methods=[method], response_class=kind, responses=every, operation_id=name)
    made.add_api_route(
        "/analyze",
        service.analyze,
        methods=["POST"],
        response_class=Response,
        responses={200: FILES, **refused(*REFUSED)},
        openapi_extra={"requestBody": BODY},
    )
    return made


async def _unheard(_: Request, problem: Any) -> Response:
    return error(422, str(problem))


async def _refused(request: Request, problem: Any) -> Response:
    answer = error(problem.status_code, f"{problem.detail.rstrip('.')}.")
    answer.headers.update(problem.headers or {})
    if problem.status_code == 405:
        routes = [r for r in request.app.routes if r.matches(request.scope)[0] != Match.NONE]
        answer.headers["Allow"] = ", ".join(sorted({method for route in routes for method in route.methods}))
    return answer


async def _misunderstood(_: Request, problem: Any) -> Response:
    wrong = problem.errors()[0]
    return error(422, f"{wrong['loc'][-1]!r} won't do ({wrong['msg'].lower()}): /openapi.json says what is taken.")


async def _failed(_: Request, problem: Any) -> Response:
    say(f"{type(problem).__name__}: {problem}; please report this.")
    return error(500, f"The service failed ({type(problem).__name__}): please report this.")
