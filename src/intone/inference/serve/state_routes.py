"""Requests about the service itself: whether it lives, whether it is ready, what it has done, which model it has."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from intone.inference.formats import TEXTS
from intone.inference.serve.contract import refused
from intone.inference.serve.pool import Pool
from intone.inference.serve.runner import Runner
from intone.version import __version__


@dataclass(frozen=True)
class State:
    """The functions behind these addresses."""

    pool: Pool
    runner: Runner
    most: int
    """Largest size of a recording in MB."""

    def model(self) -> JSONResponse:
        """The model that answers: its card, without weights and vocabulary, and what a request may ask for."""
        facts = self.pool.facts
        more = {"words": facts.words, "formats": list(TEXTS), "most": self.most, "version": __version__}
        more["keep"] = self.runner.keep
        return JSONResponse({"model": facts.model, "licence": facts.licence, **facts.card, **more})

    def alive(self) -> PlainTextResponse:
        """The service runs."""
        return PlainTextResponse("ok\n")

    def ready(self) -> PlainTextResponse:
        """The models are loaded, and recordings are taken."""
        if self.pool.closed:
            raise HTTPException(503, "The service stops.", {"Retry-After": "10"})
        return PlainTextResponse("ok\n")

    def metrics(self) -> Response:
        """Numbers in Prometheus's text format."""
        return Response("".join(self._lines()), media_type="text/plain; version=0.0.4")

    def _lines(self) -> list[str]:
        counts = self.runner.counts
        now = {
            "intone_jobs_waiting": ("gauge", "Recordings that wait.", len(self.pool.queue)),
            "intone_jobs_running": ("gauge", "Recordings that are being analysed.", self.pool.running),
            "intone_workers": ("gauge", "Processes that analyse.", len(self.pool.workers)),
            "intone_answers_total": ("counter", "Recordings that were answered.", self.pool.answered),
            "intone_failures_total": ("counter", "Recordings that got an error.", self.pool.failed),
            "intone_work_seconds_total": ("counter", "Seconds of work on recordings.", round(self.pool.spent, 3)),
        }
        lines = [
            f"# HELP {name} {told}\n# TYPE {name} {kind}\n{name} {value}\n" for name, (kind, told, value) in now.items()
        ]
        lines.append("# HELP intone_jobs_total Jobs by what became of them.\n# TYPE intone_jobs_total counter\n")
        return lines + [f'intone_jobs_total{{state="{name}"}} {counts[name]}\n' for name in sorted(counts)]


def add_state_routes(app: FastAPI, state: State) -> None:
    """Add these addresses to an application."""
    every = refused(400, 401, 403, 405, 500)
    ready: Mapping[int | str, dict[str, Any]] = {**every, **refused(503)}
    for path, call, kind, told in (
        ("/v1/model", state.model, JSONResponse, every),
        ("/healthz", state.alive, PlainTextResponse, every),
        ("/readyz", state.ready, PlainTextResponse, ready),
        ("/metrics", state.metrics, PlainTextResponse, every),
    ):
        name = path.strip("/").replace("/", "_")
        app.add_api_route(path, call, methods=["GET"], response_class=kind, responses=dict(told), operation_id=name)
