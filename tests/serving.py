"""A service without its child process, and someone who asks it."""

import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from fastapi.testclient import TestClient

from intone.inference.analyzer import Analyzer
from intone.inference.serve.admission import Admission
from intone.inference.serve.app import Service, app
from intone.inference.serve.guard import Guard, Hosts
from intone.inference.serve.job import Answer, Job, Progress
from intone.inference.serve.pool import Pool, Worker
from intone.inference.serve.runner import Runner
from intone.inference.serve.store import Store
from intone.inference.serve.stream import Streams
from intone.inference.serve.work import Left, done, facts

STATES = tempfile.TemporaryDirectory()
"""Outside of the folder that tests look into."""


class Here:
    """Does what the child does, in this process, where a test can reach it."""

    def __init__(self, analyzer: Analyzer, longest: float = 60) -> None:
        self.analyzer, self.longest, self.facts = analyzer, longest, facts(analyzer)

    def do(self, job: Job, left: threading.Event, told=lambda progress: None) -> Answer:
        def step(progress: Progress) -> None:
            if left.is_set():
                raise Left("Nobody waits any more.")
            told(progress)

        return done(self.analyzer, job, self.longest, step)


def service(analyzer: Analyzer, waiting: int = 16, most: int = 1, longest: float = 60) -> Service:
    """One that takes a megabyte and a minute, unless told otherwise."""
    return served_by([Here(analyzer, longest)], Path(tempfile.gettempdir()), waiting, most)


def served_by(
    workers: Sequence[Worker],
    folder: Path,
    waiting: int = 16,
    most: int = 1,
    model: Path = Path("none.onnx"),
    store: Store | None = None,
) -> Service:
    """A service with these workers, a model file for streams, and the jobs of a store."""
    pool = Pool(workers)
    runner = Runner(pool, store or Store(Path(tempfile.mkdtemp(dir=STATES.name)) / "jobs"))
    return Service(pool, folder, most, Admission(waiting, waiting, busy=runner.busy), runner, Streams(model))


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
