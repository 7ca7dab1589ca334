"""A cluster of three machines, as processes: whatever of it is lost, each task is done, and comes once."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_bad_input import TONE, wav

from intone.errors import IntoneError, Missing, Partly
from intone.inference import cluster as module
from intone.inference.batch import analyze
from intone.inference.cluster import BYTES_TOGETHER, Cluster, Job, on_cluster, together
from intone.inference.ledger import Ledger

pytest.importorskip("ray", reason="Ray isn't installed")

HERE = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])

PATIENCE = 120
"""Seconds that something is waited for."""

SOON = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 1000, "health_check_failure_threshold": 5}
"""How soon Ray counts a machine that doesn't answer as lost."""


@pytest.fixture(scope="module")
def machines() -> Iterator[Any]:
    """Three of them; the first holds what Ray needs, and no actor, and the others have a processor each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", HERE)  # of what the actors do
        from ray.cluster_utils import Cluster as Machines

        small = {"include_dashboard": False, "object_store_memory": 80 << 20}
        made = Machines(initialize_head=True, head_node_args={"num_cpus": 0, "_system_config": SOON, **small})
        for _ in range(2):
            made.add_node(num_cpus=1, **small)
        yield made
        made.shutdown()


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def jobs(*tasks: str) -> list[Job]:
    return [Job(task.replace(" ", "-"), 1, task) for task in tasks]


def starts(folder: Path) -> Callable[[str], str]:
    return partial(work, folder)


def work(folder: Path, task: str) -> str:
    """What is asked for: to be killed always, or once; to fail; to wait; else the task's own name. It is counted."""
    with (folder / f"begun-{task}").open("a") as file:
        file.write(f"{os.getpid()}\n")
    begun = len((folder / f"begun-{task}").read_text().splitlines())
    if task == "killed" or (task == "killed once" and begun == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "no room" and not (folder / "room").exists():
        raise IntoneError("It can't be written: make room.")
    until = time.monotonic() + PATIENCE
    while task.startswith("waits") and not (folder / "go").exists() and time.monotonic() < until:
        time.sleep(0.05)
    with (folder / f"done-{task}").open("a") as file:
        file.write("x")
    return task


def counts(folder: Path, what: str) -> dict[str, int]:
    files = folder.glob(f"{what}-*")
    return {f.name.removeprefix(f"{what}-"): len(f.read_text().splitlines() or "") for f in files}


def all_of(folder: Path, address: str, ledger: Ledger, *tasks: str) -> tuple[list[str], list[tuple[str, bool]]]:
    ends: list[tuple[str, bool]] = []

    def lost(task: str, how: str, given_up: bool) -> str:
        ends.append((task, given_up))
        return f"{task} is lost"

    return list(on_cluster(partial(starts, folder), jobs(*tasks), Cluster(address), ledger, lost)), ends


def waited_for(what: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_process_that_is_killed_costs_only_what_it_held(tmp_path, machines, ledger):
    tasks = ["a", "killed", "b", "killed once", *(f"t{k}" for k in range(40))]
    got, ends = all_of(tmp_path, machines.address, ledger, *tasks)
    assert sorted(got) == sorted(["killed is lost" if task == "killed" else task for task in tasks])
    assert sorted(ends) == [("killed", False), ("killed", True), ("killed once", False)]
    begun = counts(tmp_path, "begun")
    assert {task: n for task, n in begun.items() if n > 1} == {"killed": 2, "killed once": 2}
    assert not ledger.folder.exists()


def test_a_machine_that_is_lost_costs_only_what_it_held(tmp_path, machines, ledger):
    more = machines.add_node(num_cpus=1, object_store_memory=80 << 20)
    tasks = ["waits 1", "waits 2", "waits 3", *(f"t{k}" for k in range(40))]
    got: list[str] = []
    made = on_cluster(partial(starts, tmp_path), jobs(*tasks), Cluster(machines.address), ledger, lambda *_: None)
    got.append(next(made))
    machines.remove_node(more, allow_graceful=False)
    (tmp_path / "go").touch()
    got.extend(made)
    assert sorted(got) == sorted(tasks)
    assert sum(counts(tmp_path, "begun").values()) <= len(tasks) + 1  # it had one processor


DRIVER = """
import sys
from functools import partial
from pathlib import Path
from test_cluster import all_of
from intone.inference.ledger import Ledger
folder, address, *tasks = sys.argv[1:]
all_of(Path(folder), address, Ledger(Path(folder) / "ledger"), *tasks)
"""


def test_a_driver_that_is_killed_is_followed_by_the_same_command(tmp_path, machines, ledger):
    tasks = ["a", "b", "c", "waits", *(f"t{k}" for k in range(20))]
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(tmp_path), machines.address, *tasks],
        env=os.environ | {"PYTHONPATH": HERE},
        stderr=subprocess.PIPE,
    )
    waited_for(lambda: len(counts(tmp_path, "done")) >= 10 and (tmp_path / "begun-waits").exists())
    driver.kill()
    driver.communicate()
    kept = [path.stem for path in ledger.folder.glob("*.finished")]
    finished = counts(tmp_path, "done")
    (tmp_path / "go").touch()
    got, ends = all_of(tmp_path, machines.address, ledger, *tasks)
    assert sorted(got) == sorted(tasks) and not ends
    # What hadn't arrived was kept, and isn't done again; the driver of a test keeps nothing of what has arrived.
    assert kept and all(counts(tmp_path, "done")[task] == finished[task] for task in kept)


def test_a_full_disk_is_one_sentence_and_the_same_command_goes_on(tmp_path, machines, ledger):
    tasks = ["a", "b", "no room", "c"]
    with pytest.raises(IntoneError, match="make room"):
        all_of(tmp_path, machines.address, ledger, *tasks)
    (tmp_path / "room").touch()
    got, _ = all_of(tmp_path, machines.address, ledger, *tasks)
    assert "no room" in got and set(got) <= set(tasks)


def test_what_an_actor_can_t_do_at_all_is_one_sentence(tmp_path, machines, ledger, monkeypatch):
    monkeypatch.setattr(Ledger, "open", lambda ledger: None)  # this machine's folder isn't there for the others
    with pytest.raises(IntoneError, match="let all machines see that folder"):
        all_of(tmp_path, machines.address, Ledger(tmp_path / "no" / "folder"), "a")
    monkeypatch.setattr(module, "__version__", "0.0")
    with pytest.raises(IntoneError, match=r"this machine 0\.0: install the same one"):
        all_of(tmp_path, machines.address, ledger, "a")


def test_the_answers_are_those_of_one_machine_byte_for_byte(tmp_path, machines, model_file, monkeypatch, capsys):
    """From a list with a missing, a doubled and a broken recording, parts, and a long recording among short ones."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    wav(Path("in/0.wav"))
    for k in range(1, 12):
        shutil.copy("in/0.wav", f"in/{k}.wav")
    wav(Path("in/long.wav"), np.tile(TONE, 30))
    Path("in/broken.wav").write_bytes(b"RIFF")
    names = [*(f"in/{k}.wav" for k in range(12)), "in/long.wav", "in/0.wav", "in/missing.wav", "in/broken.wav"]
    parts = ["in/long.wav,1.5,4", "in/long.wav,20,", "in/long.wav,40,50"]
    Path("all.csv").write_text("\n".join(["file,start,end", *(f"{name},," for name in names), *parts]))

    def go(out: str, **more: Any) -> None:
        with pytest.raises(Partly, match="3 of 18 files were left out"):
            analyze((), out, "parquet,json", str(model_file), text=False, speakers="none", list=Path("all.csv"), **more)

    go("plain", workers=2)
    go("cluster", cluster=machines.address)
    made = {path.name: path.read_bytes() for path in Path("plain").glob("*.[jp]*")}
    assert len(made) == 30 and made == {path.name: path.read_bytes() for path in Path("cluster").glob("*.[jp]*")}
    assert not list(Path("cluster").glob(".intone-cluster*"))
    capsys.readouterr()
    go("cluster", cluster=machines.address)
    assert "15 of 18 are finished already" in capsys.readouterr().err


def test_work_is_handed_out_in_blocks_that_end_at_about_the_same_time():
    found = [Job(str(k), size, None) for k, size in enumerate([BYTES_TOGETHER * 2, BYTES_TOGETHER // 2, 9, 9, 9, 9])]
    assert [[job.key for job in block] for block in together(found, 3)] == [["0"], ["1", "2", "3"], ["4", "5"]]


def test_no_cluster_and_no_ray_are_one_sentence_each(tmp_path, ledger, monkeypatch):
    import ray

    def unanswered(*_: object, **__: object) -> None:
        raise ConnectionError("no answer")

    monkeypatch.setattr(ray, "init", unanswered)
    with pytest.raises(IntoneError, match="No Ray cluster answers at auto"):
        all_of(tmp_path, "auto", ledger, "a")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(Missing, match=r"\[cluster\]"):
        all_of(tmp_path, "auto", ledger, "a")
    with pytest.raises(IntoneError, match="a folder for the results"):
        analyze((str(tmp_path / "a.wav"),), cluster="auto")
