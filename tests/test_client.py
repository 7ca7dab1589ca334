"""A program that asks the service: what it gets, and what it is told where it gets nothing."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from serving import served_by
from test_bad_input import wav
from test_jobs import Slow
from test_transcriptions import Canned

from intone.client import Client, Refused
from intone.errors import IntoneError
from intone.inference.serve.app import app
from intone.inference.serve.guard import Guard, Hosts


@contextmanager
def running(worker: object, folder, token: str | None = None) -> Iterator[str]:
    """The address of a service with this worker."""
    door = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        Guard(app(served_by([worker], folder)), Hosts(), token), log_level="critical", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([door],), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{door.getsockname()[1]}"
    server.should_exit = True
    thread.join(30)


@pytest.fixture
def recording(tmp_path):
    wav(tmp_path / "a talk.wav")
    return tmp_path / "a talk.wav"


def test_a_recording_is_analysed_or_submitted_watched_and_fetched(recording, tmp_path):
    with running(Canned(), tmp_path) as address:
        client = Client(address)
        assert client.analyze(recording, text=True)["segments"][0]["emotion"] == "angry"
        job = client.submit(recording, "json,srt")
        kinds = [kind for kind, _ in client.events(job["id"])]
        assert kinds[0] == "state" and kinds[-1] == "end"
        assert client.result(job["id"], "srt") == "1\n" and client.job(job["id"])["state"] == "done"
        client.cancel(job["id"])
        with pytest.raises(Refused, match="no such job") as gone:
            client.job(job["id"])
        assert gone.value.status == 404
        assert (
            client.transcribe(recording)["task"] == "transcribe" and client.transcribe(recording, "text") == "Kids.\n"
        )
        assert client.model()["words"] is True


def test_what_is_refused_is_said_in_the_services_sentence(recording, tmp_path):
    worker = Slow()
    with running(worker, tmp_path, token="a-secret") as address:
        with pytest.raises(Refused, match="wants its token") as stranger:
            Client(address).model()
        assert stranger.value.status == 401
        client = Client(address, "a-secret")
        job = client.submit(recording)
        with pytest.raises(Refused, match="isn't done yet") as early:
            client._asked(f"v1/jobs/{job['id']}/result")
        assert (early.value.status, early.value.after) == (409, 1.0)
        worker.may.set()
        assert client.result(job["id"]) == "a talk.wav as json"


def test_no_service_and_no_recording_are_one_sentence(tmp_path):
    with pytest.raises(IntoneError, match=r"doesn't answer .* start `intone serve` there\."):
        Client("http://127.0.0.1:9").model()
    with pytest.raises(IntoneError, match="can't be read"):
        Client().analyze(tmp_path / "nothing.wav")
