"""Jobs: accepted, watched, fetched and stopped; short ones first; each gets exactly one answer, whatever ends."""

import json
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from fastapi.testclient import TestClient
from serving import asking, sentence, served_by
from test_bad_input import wav

from intone.errors import IntoneError
from intone.inference.serve.admission import Admission
from intone.inference.serve.app import app
from intone.inference.serve.guard import Guard, Hosts
from intone.inference.serve.job import Answer, Facts, Job, Progress
from intone.inference.serve.log import Log
from intone.inference.serve.pool import LONG_S, Pool
from intone.inference.serve.runner import Runner
from intone.inference.serve.store import DONE, FAILED, QUEUED, RUNNING, Entry, Store


class Slow:
    """Answers a job with its name, once it may."""

    facts = Facts("slow", "none", False)

    def __init__(self) -> None:
        self.may, self.begun = threading.Event(), []

    def do(self, job: Job, left: threading.Event, told: Callable[[Progress], None]) -> Answer:
        self.begun.append(job.name)
        told(Progress(length=2.0))
        told(Progress(seconds=1.0))
        told(Progress(segment={"start": 0.0, "end": 1.0, "emotion": "calm", "text": "<b>"}))
        while not self.may.is_set() and not left.is_set():
            time.sleep(0.01)
        if job.name == "bad.wav":
            return Answer(status=422, problem="bad.wav can't be heard.")
        return Answer({format: f"{job.name} as {format}".encode() for format in job.formats})


@pytest.fixture
def worker() -> Iterator[Slow]:
    made = Slow()
    yield made
    made.may.set()


@pytest.fixture
def client(worker, tmp_path):
    return asking(served_by([worker], tmp_path))


def until(true: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it didn't happen"
        time.sleep(0.01)


def sent(client, name: str = "a.wav", data: bytes = b"RIFF", **query: object) -> dict:
    answer = client.post("/v1/jobs", params=query, files={"file": (name, data)})
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"v1/jobs/{answer.json()['id']}"
    return answer.json()


def state(client, id: str) -> dict:
    return client.get(f"/v1/jobs/{id}").json()


def test_a_job_is_accepted_watched_and_fetched(client, worker):
    first, second = sent(client, format="json,csv"), sent(client, "b.wav")
    assert first["formats"] == ["json", "csv"] and second["formats"] == ["json"]
    until(lambda: state(client, first["id"])["segments"])
    now = state(client, first["id"])
    assert (now["state"], now["place"], now["seconds_done"], now["seconds"]) == ("running", None, 1.0, 2.0)
    assert (state(client, second["id"])["state"], state(client, second["id"])["place"]) == ("queued", 1)
    early = client.get(f"/v1/jobs/{first['id']}/result")
    assert "isn't done yet" in sentence(early, 409) and early.headers["retry-after"] == "1"
    worker.may.set()
    until(lambda: state(client, first["id"])["state"] == "done")
    assert client.get(f"/v1/jobs/{first['id']}/result").content == b"a.wav as json"
    fetched = client.get(f"/v1/jobs/{first['id']}/result", params={"format": "csv"})
    assert fetched.content == b"a.wav as csv" and fetched.headers["content-type"].startswith("text/csv")
    assert "was not asked for" in sentence(client.get(f"/v1/jobs/{first['id']}/result", params={"format": "srt"}), 404)
    assert "no such job" in sentence(client.get("/v1/jobs/other"), 404)


def test_what_happens_is_told_as_it_happens_and_again_to_whoever_comes_later(client, worker):
    job = sent(client)
    threading.Timer(0.5, worker.may.set).start()
    for _ in range(2):
        told = client.get(f"/v1/jobs/{job['id']}/events")
        assert told.headers["content-type"].startswith("text/event-stream")
        blocks = [block.split("\n") for block in told.text.strip().split("\n\n")]
        kinds = [block[0].removeprefix("event: ") for block in blocks]
        assert kinds[-1] == "end" and kinds.count("segment") == 1 and "state" in kinds
        assert json.loads(blocks[-1][1].removeprefix("data: "))["state"] == "done"
        [segment] = [json.loads(b[1].removeprefix("data: ")) for b in blocks if b[0] == "event: segment"]
        assert segment["emotion"] == "calm" and segment["text"] == "<b>"


def test_a_job_that_fails_says_why(client, worker):
    worker.may.set()
    job = sent(client, "bad.wav")
    until(lambda: state(client, job["id"])["state"] == "failed")
    assert state(client, job["id"])["error"] == "bad.wav can't be heard."
    assert sentence(client.get(f"/v1/jobs/{job['id']}/result"), 422) == "bad.wav can't be heard."


def test_a_job_can_be_stopped_while_it_waits_and_while_it_runs(client, worker):
    running, waiting = sent(client), sent(client, "b.wav")
    until(lambda: worker.begun)
    for job in (waiting, running):
        assert client.delete(f"/v1/jobs/{job['id']}").status_code == 204
        until(lambda job=job: client.get(f"/v1/jobs/{job['id']}").status_code == 404)
    assert worker.begun == ["a.wav"]
    third = sent(client, "c.wav")
    worker.may.set()
    until(lambda: state(client, third["id"])["state"] == "done")


def test_too_many_jobs_are_refused_and_how_long_to_wait_is_said(worker, tmp_path):
    client = asking(served_by([worker], tmp_path, waiting=2))
    first = sent(client)
    sent(client, "b.wav")
    full = client.post("/v1/jobs", files={"file": ("c.wav", b"RIFF")})
    assert "waiting already" in sentence(full, 503) and int(full.headers["retry-after"]) > 0
    client.delete(f"/v1/jobs/{first['id']}")
    until(lambda: client.get(f"/v1/jobs/{first['id']}").status_code == 404)
    sent(client, "c.wav")


def test_each_client_and_its_rate_have_bounds_of_their_own(monkeypatch):
    from fastapi import HTTPException

    many = Admission(waiting=10, per_client=1, rate=2)
    with many.admitted("a"), many.admitted("b"):
        with pytest.raises(HTTPException) as much, many.admitted("a"):
            pass
        assert much.value.status_code == 429
    with many.admitted("a"):
        pass
    with pytest.raises(HTTPException, match="2 recordings in a minute") as fast, many.admitted("a"):
        pass
    assert int(fast.value.headers["Retry-After"]) > 50
    later = time.monotonic() + 61
    monkeypatch.setattr(time, "monotonic", lambda: later)
    with many.admitted("a"):
        assert list(many.held) == ["a"]


def entry(store: Store, id: str, seconds: float = 0.1) -> Entry:
    store.place(id).mkdir()
    wav(store.place(id) / "recording.wav", np.zeros(round(seconds * 8_000), np.float32), 8_000)
    asked = {"formats": ["json"], "text": True, "language": None, "track": None, "speakers": None}
    return Entry(id, f"{id}.wav", "recording.wav", asked)


def test_short_ones_come_first_and_long_ones_never_take_the_last_worker(tmp_path):
    workers = [Slow(), Slow()]
    store = Store(tmp_path / "jobs")
    runner = Runner(Pool(workers), store)
    lives = [runner.accept(entry(store, name, LONG_S)) for name in ("long", "longer")]
    until(lambda: any(worker.begun for worker in workers))
    for name in ("short", "shorter"):
        lives.append(runner.accept(entry(store, name, 2.0 if name == "short" else 1.0)))
        until(lambda: sum(len(worker.begun) for worker in workers) == 2)
    assert sorted(name for worker in workers for name in worker.begun) == ["long.wav", "short.wav"]
    assert runner.place(lives[3]) == 1 and runner.place(lives[1]) == 2
    for worker in workers:
        worker.may.set()
    until(lambda: all(live.state == DONE for live in lives))
    assert sum(len(worker.begun) for worker in workers) == 4


class Lying(Slow):
    """Has read more than two minutes of what announced a second."""

    def do(self, job: Job, left: threading.Event, told: Callable[[Progress], None]) -> Answer:
        told(Progress(seconds=LONG_S + 1 if job.name == "lies.wav" else 0.5))
        told(Progress(seconds=LONG_S + 2 if job.name == "lies.wav" else 1.0))
        return Slow.do(self, job, left, lambda progress: None)


def test_one_that_turns_out_long_leaves_the_last_worker_to_short_ones(tmp_path):
    workers, store = [Lying(), Lying()], Store(tmp_path / "jobs")
    runner = Runner(Pool(workers), store)
    lives = [runner.accept(entry(store, "lies"))]
    until(lambda: runner.pool.long == 1)
    lives.append(runner.accept(entry(store, "long", LONG_S)))
    lives.append(runner.accept(entry(store, "short")))
    until(lambda: sum(len(worker.begun) for worker in workers) == 2)
    assert sorted(name for worker in workers for name in worker.begun) == ["lies.wav", "short.wav"]
    for worker in workers:
        worker.may.set()
    until(lambda: all(live.state == DONE for live in lives))
    until(lambda: runner.pool.long == runner.pool.running == 0)


def test_one_that_waits_comes_before_shorter_ones_in_the_end(tmp_path, monkeypatch):
    pool = Pool([Slow()])
    wav(tmp_path / "a.wav")
    job, none = Job(tmp_path / "a.wav", "a", ()), threading.Event()
    pool.submit(job, none)
    until(lambda: pool.running == 1)
    old = pool.submit(job, none)
    new = pool.submit(job, none)
    assert (pool.place(old), pool.place(new)) == (1, 2) and old.rank(time.monotonic()) < new.rank(time.monotonic())
    pool.workers[0].may.set()


def test_after_a_restart_each_accepted_job_gets_exactly_one_answer(tmp_path):
    """One had begun, one waited, one was done, of one the recording is lost, and one had begun twice."""
    store = Store(tmp_path / "jobs")
    for id, facts in {
        "begun": {"state": RUNNING, "attempts": 1},
        "waited": {},
        "lost": {},
        "twice": {"state": RUNNING, "attempts": 2},
    }.items():
        store.add(entry(store, id))
        if facts:
            store.change(id, **facts)
    done = store.add(entry(store, "done"))
    store.answered(done, {"json": b"kept"}, state=DONE)
    (store.place("lost") / "recording.wav").unlink()
    (tmp_path / "jobs" / "half an upload").mkdir()
    store.close()

    worker = Slow()
    worker.may.set()
    client = asking(made := served_by([worker], tmp_path / "arriving"))
    made.runner.close()
    again = Store(tmp_path / "jobs")
    runner = Runner(Pool([worker]), again)
    until(lambda: not runner.busy())
    states = {id: again.get(id).state for id in ("begun", "waited", "lost", "twice", "done")}
    assert states == {"begun": DONE, "waited": DONE, "lost": FAILED, "twice": FAILED, "done": DONE}
    assert sorted(worker.begun) == ["begun.wav", "waited.wav"]
    assert again.answer("done", "json") == b"kept" and again.answer("waited", "json") == b"waited.wav as json"
    assert "twice" in again.get("twice").error and "lost" in again.get("lost").error
    assert not list((tmp_path / "jobs").glob("*/recording*")) or not again.unfinished()
    assert not (tmp_path / "jobs" / "half an upload").exists() and client is not None


class Talkative(Slow):
    """Finds three sentences before it answers."""

    def do(self, job: Job, left: threading.Event, told: Callable[[Progress], None]) -> Answer:
        for start in (0.0, 1.5, 3.0):
            told(Progress(segment={"start": start, "text": "Grüße"}))
        return Slow.do(self, job, left, lambda progress: None)


def test_after_a_restart_the_sentences_of_a_job_that_ended_are_told_again_in_order(tmp_path):
    worker = Talkative()
    worker.may.set()
    first = served_by([worker], tmp_path)
    jobs = [sent(asking(first), name, format="csv") for name in ("a.wav", "bad.wav")]
    before = [asking(first).get(f"/v1/jobs/{job['id']}/events").text for job in jobs]
    first.runner.close()
    first.runner.store.close()
    again = asking(served_by([Slow()], tmp_path, store=Store(first.runner.store.folder)))
    for job, told, ended in zip(jobs, before, ("done", "failed"), strict=True):
        events = again.get(f"/v1/jobs/{job['id']}/events").text.strip().split("\n\n")
        kinds = [event.split("\n")[0].removeprefix("event: ") for event in events]
        assert kinds == ["state", "segment", "segment", "segment", "end"]
        found = [event for event in events if event.startswith("event: segment")]
        assert found == [event for event in told.strip().split("\n\n") if event.startswith("event: segment")]
        assert [json.loads(event.split("data: ")[1])["start"] for event in found] == [0.0, 1.5, 3.0]
        assert json.loads(events[-1].split("data: ")[1])["state"] == ended
        assert again.delete(f"/v1/jobs/{job['id']}").status_code == 204
    assert not list(first.runner.store.folder.glob("*/sentences.json"))


def test_a_folder_is_one_services_at_a_time_and_only_its_users(tmp_path):
    store = Store(tmp_path / "jobs")
    assert (tmp_path / "jobs").stat().st_mode & 0o077 == 0
    with pytest.raises(IntoneError, match="Another service uses"):
        Store(tmp_path / "jobs")
    store.close()
    Store(tmp_path / "jobs").close()
    (tmp_path / "file").write_text("")
    with pytest.raises(IntoneError, match="can't hold the queue"):
        Store(tmp_path / "file")


def test_sound_goes_when_it_is_analysed_and_the_answer_when_it_is_old(tmp_path):
    worker, store = Slow(), Store(tmp_path / "jobs")
    worker.may.set()
    runner = Runner(Pool([worker]), store, keep=0.5)
    live = runner.accept(entry(store, "a"))
    until(lambda: live.state == DONE)
    assert not (store.place("a") / "recording.wav").exists() and store.answer("a", "json")
    until(lambda: store.get("a") is None)
    assert not store.place("a").exists()
    until(lambda: runner.find("a") is None)


def test_an_answer_without_room_is_an_error_of_its_own(tmp_path, monkeypatch):
    worker, store = Slow(), Store(tmp_path / "jobs")
    runner = Runner(Pool([worker]), store)
    live = runner.accept(entry(store, "a"))
    until(lambda: worker.begun)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("intone.inference.serve.store.write_whole", full)
    worker.may.set()
    until(lambda: live.state == FAILED)
    assert store.get("a").status == 507 and "no room" in store.get("a").error


def full_table(store: Store) -> None:
    """The table may not grow by a page any more, as on a full disk."""
    pages = store.table.execute("PRAGMA page_count").fetchone()[0]
    store.table.execute(f"PRAGMA max_page_count = {pages}")


def test_a_queue_without_room_is_said_and_takes_nothing(worker, tmp_path):
    client = asking(made := served_by([worker], tmp_path))
    full_table(store := made.runner.store)
    long = {"file": ("a" * 3000 + ".wav", b"RIFF")}
    answers = [client.post("/v1/jobs", files=long) for _ in range(4)]
    assert "no room" in sentence(answers[-1], 507)
    taken = {answer.json()["id"] for answer in answers if answer.status_code == 202}
    assert len(taken) < 4 and made.runner.busy() == len(taken)
    assert {place.name for place in store.folder.iterdir() if place.is_dir()} == taken


def test_an_end_that_cannot_be_noted_still_ends_the_job(tmp_path, monkeypatch):
    worker, store = Slow(), Store(tmp_path / "jobs")
    runner = Runner(Pool([worker]), store)
    live = runner.accept(entry(store, "a"))
    until(lambda: worker.begun)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "database or disk is full")

    monkeypatch.setattr(store, "change", full)
    worker.may.set()
    until(lambda: live.state == FAILED)
    assert "no room" in live.error and not runner.busy()


def test_a_service_that_stops_leaves_its_jobs_to_the_next(tmp_path):
    worker, store = Slow(), Store(tmp_path / "jobs")
    runner = Runner(Pool([worker]), store)
    for id in ("runs", "waits"):
        runner.accept(entry(store, id))
    until(lambda: worker.begun)
    runner.close()
    worker.do = None
    assert [found.state for found in store.unfinished()] == [RUNNING, QUEUED]


def test_a_line_for_each_request_has_no_name_and_no_address_of_a_job(worker, tmp_path, capsys):
    made = served_by([worker], tmp_path)
    client = TestClient(Log(Guard(app(made), Hosts())), "http://127.0.0.1")
    job = client.post("/v1/jobs", files={"file": ("my secret.wav", b"RIFF")}).json()
    client.get(f"/v1/jobs/{job['id']}", params={"x": "y"})
    client.get("/nothing")
    told = capsys.readouterr().err
    lines = [json.loads(line.removeprefix("intone: ")) for line in told.splitlines()]
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("POST", "/v1/jobs", 202),
        ("GET", "/v1/jobs/ID", 200),
        ("GET", "/nothing", 404),
    ]
    assert "secret" not in told and job["id"] not in told and all(line["bytes"] > 0 for line in lines)
