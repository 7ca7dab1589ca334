"""A service without its child process, and someone who asks it."""

import tempfile
import threading
from pathlib import Path

from fastapi.testclient import TestClient

from intone.inference.analyzer import Analyzer
from intone.inference.serve.app import Service, app
from intone.inference.serve.guard import Guard, Hosts
from intone.inference.serve.job import Answer, Job
from intone.inference.serve.work import Left, done, facts


class Here:
    """Does what the child does, in this process, where a test can reach it."""

    def __init__(self, analyzer: Analyzer, longest: float = 60) -> None:
        self.analyzer, self.longest, self.facts = analyzer, longest, facts(analyzer)

    def do(self, job: Job, left: threading.Event) -> Answer:
        def step() -> None:
            if left.is_set():
                raise Left("Nobody waits any more.")

        return done(self.analyzer, job, self.longest, step)


def service(analyzer: Analyzer, waiting: int = 16) -> Service:
    """One that takes a megabyte and a minute."""
    return Service(Here(analyzer), Path(tempfile.gettempdir()), most=1, waiting=waiting)


def asking(made: Service, hosts: Hosts | None = None, token: str | None = None) -> TestClient:
    """Someone on this machine."""
    return TestClient(Guard(app(made), hosts or Hosts(), token), "http://127.0.0.1", follow_redirects=False)


def post(client: TestClient, path: Path, name: str | None = None, **query: object):
    return client.post("/analyze", params=query, files={"file": (name or path.name, path.read_bytes())})


def sentence(answer, status: int) -> str:
    """What is wrong: it is one sentence and nothing else."""
    assert answer.status_code == status and list(answer.json()) == ["error"], answer.text
    said = answer.json()["error"]
    assert said.endswith(".") and "Traceback" not in said and tempfile.gettempdir() not in said
    return said
