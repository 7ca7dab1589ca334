"""Requests about jobs -> a recording that is analysed while nobody has to wait: accepted, watched, fetched, stopped.

A job outlives the connection that sent it, a reloaded page and a restart of the service.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, cast

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from intone.inference.formats import FORMATS
from intone.inference.serve.admission import Admission, address
from intone.inference.serve.contract import BODY, FILES, UPLOADS, Asked, JobView, State, refused
from intone.inference.serve.runner import Live, Runner
from intone.inference.serve.store import DONE, ENDED, Entry
from intone.inference.serve.upload import received, unwritten

LOOK_S: Final = 0.25
"""Seconds between two looks at a job that is watched."""

QUIET_S: Final = 15.0
"""Seconds after which a line goes to whoever watches, so that nothing in between takes the connection for dead."""

ONE: Final = "One of the formats that were asked for; default the first of them."


@dataclass(frozen=True)
class Jobs:
    """The functions below `/v1/jobs`."""

    runner: Runner
    admission: Admission
    most: int
    """Largest size of a recording in MB."""

    async def accept(self, request: Request, asked: Annotated[Asked, Query()]) -> Response:
        """Take a recording, and answer at once with the job that will analyse it."""
        wanted = asked.of_request(request, self.runner.pool.facts.words)
        client, id = address(request), secrets.token_urlsafe(16)
        place = self.runner.store.place(id)
        with self.admission.admitted(client):
            try:
                place.mkdir(mode=0o700)
                name, path = await received(request, place, self.most)
                live = await asyncio.to_thread(self.runner.accept, Entry(id, name, path.name, wanted, client))
            except OSError as problem:
                self.runner.store.forget(id)
                raise unwritten(problem) from problem
            except BaseException:
                self.runner.store.forget(id)
                raise
        return JSONResponse(asdict(self._seen(live)), 202, {"Location": f"v1/jobs/{id}"})

    async def state(self, id: str) -> JobView:
        """How far a job is."""
        return self._seen(self._known(id))

    async def result(self, id: str, format: Annotated[str, Query(description=ONE)] = "") -> Response:
        """A format's file, once the job is done."""
        view = self._seen(self._known(id))
        if view.state not in ENDED:
            early = f"{view.name} isn't done yet: ask v1/jobs/{id} how far it is."
            raise HTTPException(409, early, {"Retry-After": "1"})
        if view.state != DONE:
            stored = self.runner.store.get(id)
            raise HTTPException(stored.status if stored else 404, view.error or "It was stopped.")
        wanted = format or view.formats[0]
        data = self.runner.store.answer(id, wanted) if wanted in view.formats else None
        if data is None:
            there = ", ".join(view.formats)
            raise HTTPException(404, f"{view.name} was not asked for as {wanted[:40]!r}: it is there as {there}.")
        return Response(data, media_type=FORMATS[wanted].media_type)

    async def forget(self, id: str) -> Response:
        """Stop a job if it runs, and forget its recording and its answer."""
        self._known(id)
        await asyncio.to_thread(self.runner.cancel, id)
        return Response(status_code=204)

    async def events(self, id: str) -> StreamingResponse:
        """A job's progress as server-sent events: `state`, a `segment` for each sentence, `end`."""
        return StreamingResponse(self._events(self._known(id)), media_type="text/event-stream")

    def _known(self, id: str) -> Live | Entry:
        found = self.runner.find(id)
        if found is None:
            raise HTTPException(404, "There is no such job any more: send the recording again.")
        return found

    def _seen(self, job: Live | Entry) -> JobView:
        """What clients see of a job: one of this run of the service, or one that ended before it."""
        live = job if isinstance(job, Live) else None
        entry = job if isinstance(job, Entry) else job.entry
        return JobView(
            id=entry.id,
            name=entry.name,
            state=cast("State", job.state),
            place=self.runner.place(live) if live else None,
            formats=tuple(entry.asked["formats"]),
            seconds_done=round(live.seconds_done if live else entry.seconds or 0.0, 3),
            seconds=live.seconds if live else entry.seconds,
            segments=len(live.segments) if live else entry.segments,
            error=job.error,
            created=datetime.fromtimestamp(entry.created, UTC).isoformat(timespec="seconds"),
        )

    async def _events(self, job: Live | Entry) -> AsyncIterator[str]:
        sent, last, quiet = 0, None, 0.0
        told = job.segments if isinstance(job, Live) else await asyncio.to_thread(self.runner.store.sentences, job.id)
        while True:
            view = self._seen(job)
            lines = [] if view == last else [event("state", asdict(view))]
            new = told[sent:]
            lines += [event("segment", segment) for segment in new]
            sent, last = sent + len(new), view
            if view.state in ENDED:
                yield "".join([*lines, event("end", asdict(view))])
                return
            quiet += LOOK_S
            if lines or quiet >= QUIET_S:
                yield "".join(lines) or ": still at it\n\n"
                quiet = 0.0
            await asyncio.sleep(LOOK_S)


def event(kind: str, data: object) -> str:
    """One server-sent event."""
    return f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


EVENTS: Final[dict[str, Any]] = {
    "description": "state, segment and end events.",
    "content": {"text/event-stream": {"schema": {}}},
}


def add_job_routes(app: FastAPI, jobs: Jobs) -> None:
    """Add the addresses below `/v1/jobs` to an application."""
    known = refused(400, 401, 403, 404, 405, 422, 500)
    accepted = {202: {"model": JobView, "description": "The job."}, **refused(*UPLOADS)}
    app.add_api_route(
        "/v1/jobs",
        jobs.accept,
        methods=["POST"],
        status_code=202,
        responses=accepted,
        openapi_extra={"requestBody": BODY},
        operation_id="job_accept",
    )
    one = "/v1/jobs/{id}"
    app.add_api_route(one, jobs.state, methods=["GET"], responses=known, operation_id="job_state")
    app.add_api_route(one, jobs.forget, methods=["DELETE"], status_code=204, responses=known, operation_id="job_forget")
    fetched: dict[int | str, dict[str, Any]] = {200: FILES, **refused(409, 413, 507)}
    watched: dict[int | str, dict[str, Any]] = {200: EVENTS}
    for name, call, kind, more in (
        ("result", jobs.result, Response, fetched),
        ("events", jobs.events, StreamingResponse, watched),
    ):
        app.add_api_route(
            f"{one}/{name}",
            call,
            methods=["GET"],
            response_class=kind,
            responses={**known, **more},
            operation_id=f"job_{name}",
        )
