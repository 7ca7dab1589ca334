"""Processes side by side: one that is killed is replaced, its task is tried once more, and the others are done."""

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from intone.errors import IntoneError
from intone.inference.processes import side_by_side


def starts(folder: Path) -> Callable[[str], str]:
    """Each start leaves a file, so that they can be counted."""
    (folder / f"start-{os.getpid()}").touch()
    return partial(work, folder)


def work(folder: Path, task: str) -> str:
    """What is asked for: to be killed always, or once; to fail; else the task's own name."""
    first = not (folder / f"seen-{task}").exists()
    (folder / f"seen-{task}").touch()
    if task == "killed" or (task == "killed once" and first):
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "fails":
        raise IntoneError("It can't be done.")
    if task == "slow":
        try:
            time.sleep(60)
        finally:
            (folder / "cleaned").touch()
    return task


def all_of(folder: Path, *tasks: str, workers: int = 2) -> tuple[list[str], list[tuple[str, str, bool]]]:
    ends: list[tuple[str, str, bool]] = []

    def lost(task: str, how: str, given_up: bool) -> str:
        ends.append((task, how, given_up))
        return f"{task} is lost"

    return list(side_by_side(partial(starts, folder), tasks, workers, lost)), ends


def test_the_others_go_on(tmp_path):
    got, ends = all_of(tmp_path, "a", "killed", "b", "killed once", "c")
    assert sorted(got) == ["a", "b", "c", "killed is lost", "killed once"]
    assert sorted(ends) == [
        ("killed", "SIGKILL", False),
        ("killed", "SIGKILL", True),
        ("killed once", "SIGKILL", False),
    ]


def test_one_process_does_many_tasks(tmp_path):
    got, ends = all_of(tmp_path, *"abcdef", workers=1)
    assert got == [*"abcdef"] and not ends and len(list(tmp_path.glob("start-*"))) == 1


def test_what_a_task_raises_is_raised_here(tmp_path):
    with pytest.raises(IntoneError, match="can't be done"):
        all_of(tmp_path, "fails", "a")


def test_whoever_stops_leaves_no_process_and_nothing_half_done(tmp_path):
    made = side_by_side(partial(starts, tmp_path), ["slow", "a"], 2, lambda *_: None)
    assert next(made) == "a"
    while not (tmp_path / "seen-slow").exists():
        time.sleep(0.01)
    made.close()
    assert (tmp_path / "cleaned").exists()
    for start in tmp_path.glob("start-*"):
        with pytest.raises(ProcessLookupError):
            os.kill(int(start.name.removeprefix("start-")), 0)
