"""The process that analyses: within its limits or replaced, never in the way of the next, gone with its parent."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from test_bad_input import wav
from wedged import Wedged

from intone.audio.recording import Recording
from intone.errors import IntoneError
from intone.inference.analyzer import Analyzer
from intone.inference.batch import Settings
from intone.inference.formats import FORMATS
from intone.inference.model import Model
from intone.inference.serve import child as children
from intone.inference.serve.child import MB, Child, Limits, resident
from intone.inference.serve.job import LEFT, Answer, Job, Progress
from intone.inference.serve.work import Line


@pytest.fixture(scope="module")
def child(model_file: Path) -> Iterator[Child]:
    made = Child(Wedged(model_file, None, None, 1).analyzer)
    made.load()
    yield made
    made.close()


@pytest.fixture
def limits(child: Child) -> Iterator[None]:
    yield
    child.limits = Limits()


def job(tmp_path: Path, name: str) -> Job:
    wav(tmp_path / "a.wav")
    return Job(tmp_path / "a.wav", name, ("json", "csv"))


def alone(child: Child, given: Job) -> Answer:
    return child.do(given, threading.Event())


def test_an_answer_is_the_one_of_this_process(child, tmp_path, model_file):
    given = job(tmp_path, "a.wav")
    analysis = Analyzer(Model(model_file, 1)).analysis(Recording.of_file(given.path, "a.wav"))
    assert alone(child, given) == Answer({name: FORMATS[name].encoded(analysis) for name in given.formats})
    assert (child.facts.licence, child.facts.words) == ("none", False)


def test_a_recording_that_cannot_be_heard_is_named_by_its_sender(child, tmp_path):
    (tmp_path / "b.wav").write_bytes(b"")
    assert alone(child, Job(tmp_path / "b.wav", "b.wav", ("json",))).problem == "b.wav is an empty file."


LIMITS = {
    "asleep": ({"stalled": 0.5}, 413, "asleep can't be decoded: nothing came of it for 0.5 s."),
    "busy": ({"time": 0.5}, 413, "busy takes longer than 0.5 s to analyse: send it in parts."),
    "dead": ({}, 500, "dead can't be analysed (ended by SIGSEGV): please report this."),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_recording_that_passes_a_limit_is_given_up_and_the_next_is_heard(name, child, limits, tmp_path):
    limit, status, said = LIMITS[name]
    before = child.process.pid
    child.limits = replace(Limits(), **limit)
    answer = alone(child, job(tmp_path, name))
    assert (answer.status, answer.problem, answer.files) == (status, said, {})
    child.limits = Limits()
    assert alone(child, job(tmp_path, "a.wav")).status == 200 and child.process.pid != before


def test_a_recording_that_takes_too_much_memory_is_given_up(child, limits, tmp_path):
    if not (used := resident(child.process.pid)):
        pytest.skip("the system doesn't tell how much memory a process has")
    child.limits = replace(Limits(), memory=used // MB + 100)
    answer = alone(child, job(tmp_path, "large"))
    assert answer.status == 413 and "of memory" in answer.problem


def test_what_decoders_write_to_the_terminal_is_not_seen(child, tmp_path, capfd):
    assert alone(child, job(tmp_path, "loud")).status == 200
    assert capfd.readouterr() == ("", "")


def test_who_leaves_ends_the_work_and_the_child_goes_on(child, tmp_path):
    before, left = child.process.pid, threading.Event()
    threading.Timer(0.2, left.set).start()
    assert child.do(job(tmp_path, "busy"), left).status == 499
    assert alone(child, job(tmp_path, "a.wav")).status == 200 and child.process.pid == before


def test_who_leaves_where_nothing_goes_on_has_it_replaced(child, tmp_path, monkeypatch):
    monkeypatch.setattr(children, "GRACE", 0.2)
    before, left = child.process.pid, threading.Event()
    left.set()
    assert child.do(job(tmp_path, "asleep"), left).status == 499
    assert child.process.pid != before


def test_a_child_that_died_meanwhile_is_replaced(child, tmp_path):
    child.process.kill()
    child.process.join()
    assert alone(child, job(tmp_path, "a.wav")).status == 200


def test_closing_ends_whoever_waits(model_file, tmp_path):
    made, answers = Child(Wedged(model_file, None, None, 1).analyzer), []
    waiting = threading.Thread(target=lambda: answers.append(alone(made, job(tmp_path, "asleep"))))
    waiting.start()
    time.sleep(0.2)  # loading or at work: it is the same
    made.close()
    waiting.join(60)
    assert not waiting.is_alive() and answers[0].problem == "intone was stopped."


def test_a_model_that_is_none_is_said_as_by_the_command_line(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"no model")
    made = Child(Settings(tmp_path / "a.onnx", None, None, 1).analyzer)
    with pytest.raises(IntoneError, match=r"a\.onnx is not a model file of intone's"):
        made.load()
    made.close()


def test_a_model_that_needs_more_memory_than_it_may_is_said(child, limits):
    child.limits = replace(Limits(), memory=1)
    child._replace()
    if resident(child.process.pid):
        with pytest.raises(IntoneError, match="give a larger --memory"):
            child.load()


class Pipe:
    """The child's end, with what comes in a list."""

    def __init__(self, *comes: object) -> None:
        self.comes, self.sent = list(comes), []

    def poll(self) -> bool:
        return bool(self.comes)

    def recv(self) -> object:
        return self.comes.pop(0)

    def send(self, what: object) -> None:
        self.sent.append(what)


def test_a_word_that_came_too_late_does_not_end_the_next_job(tmp_path):
    given = Job(tmp_path, "b", ())
    pipe = Pipe(LEFT, given)
    line = Line(pipe)
    assert line.job() is given
    line.step(Progress(seconds=1.0))
    assert len(pipe.sent) == 1
