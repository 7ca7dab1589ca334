"""A pool of workers -> a web service: a recording comes in by POST, and what `intone analyze -o` writes goes out.

A recording is in a folder only until it is analysed. Every error is `{"error": sentence}`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Annotated, Any, Final

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.routing import Match

from intone.errors import IntoneError
from intone.inference.formats import FORMATS, places
from intone.inference.serve.admission import Admission, address
from intone.inference.serve.assets import add_assets, asset
from intone.inference.serve.contract import BODY, FILES, UPLOADS, Asked, Health, refused
from intone.inference.serve.guard import error
from intone.inference.serve.job import Answer, Job
from intone.inference.serve.job_routes import Jobs, add_job_routes
from intone.inference.serve.pool import Pool
from intone.inference.serve.runner import Runner
from intone.inference.serve.saliency_routes import add_saliency
from intone.inference.serve.state_routes import State, add_state_routes
from intone.inference.serve.stream import Streams
from intone.inference.serve.transcription_routes import add_transcriptions
from intone.inference.serve.upload import received, unwritten
from intone.progress import say
from intone.version import __version__

NO_TELEMETRY: Final[TelemetryConfig] = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""FastAPI sends nothing from this machine, whatever the environment variables say."""


@dataclass(frozen=True)
class Service:
    """The functions of the service, one per URL."""

    pool: Pool
    folder: Path
    """For recordings while a request waits for their answer."""
    most: int
    """Largest size of a recording in MB."""
    admission: Admission
    runner: Runner
    streams: Streams
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    """Requests that are being answered."""

    def page(self) -> HTMLResponse:
        """The page."""
        return HTMLResponse(asset("index.html").decode())

    def health(self) -> Health:
        """Who answers here, and what a recording may have."""
        facts = self.pool.facts
        return Health(__version__, facts.model, facts.licence, facts.words, self.most)

    async def analyze(self, request: Request, asked: Annotated[Asked, Query()]) -> Response:
        """The file that `intone analyze -o` writes; of several formats one JSON object, file name -> content."""
        wanted = asked.of_request(request, self.pool.facts.words)
        return response(*await self.answered(request, lambda name, path: Job(path, name, **wanted)))

    async def answered(
        self, request: Request, job: Callable[[str, Path], Job], fields: dict[str, list[str]] | None = None
    ) -> tuple[Answer, str]:
        """Receive a recording, and wait for the answer to the job that is made of its name and path; also its name.

        Values of other fields of the form go into `fields`. Raises HTTPException where it can't be taken, or where the
        service stops meanwhile.
        """
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            with (
                self.admission.admitted(address(request)),
                TemporaryDirectory(dir=self.folder, ignore_cleanup_errors=True) as folder,
            ):
                name, path = await received(request, Path(folder), self.most, fields)
                made = await self._done(request, job(name, path))
        except OSError as problem:
            raise unwritten(problem) from problem
        except asyncio.CancelledError as stopped:
            sentence = "intone was stopped before the recording was done: start it, and send it again."
            raise HTTPException(503, sentence) from stopped
        finally:
            self.tasks.discard(task)
        if made.detail:
            say(made.detail)
        return made, name

    def stop(self) -> None:
        """Cancel all requests; each still gets an error as its response."""
        for task in self.tasks:
            task.cancel()

    async def _done(self, request: Request, job: Job) -> Answer:
        """The answer to a job, unless its client disconnects before."""
        left = Event()
        waiting = await asyncio.to_thread(self.pool.submit, job, left)
        work: asyncio.Future[Any] = asyncio.wrap_future(waiting.answer)
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
    if made.status != 200:
        return error(made.status, made.problem)
    if len(made.files) == 1:
        [(format, data)] = made.files.items()
        return Response(data, media_type=FORMATS[format].media_type)
    files = [place.name for place in places(Path(), Path(name).stem, list(made.files))]
    return JSONResponse(dict(zip(files, (data.decode() for data in made.files.values()), strict=True)))


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
    for path in ("/analyze", "/v1/analyze"):
        made.add_api_route(
            path,
            service.analyze,
            methods=["POST"],
            response_class=Response,
            responses={200: FILES, **refused(*UPLOADS)},
            openapi_extra={"requestBody": BODY},
            operation_id=f"analyze{path.replace('/', '_')}",
        )
    add_job_routes(made, Jobs(service.runner, service.admission, service.most))
    add_state_routes(made, State(service.pool, service.runner, service.most))
    add_assets(made)
    add_transcriptions(made, service)
    add_saliency(made, service)
    made.add_api_websocket_route("/v1/stream", service.streams.serve)
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
