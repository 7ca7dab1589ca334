"""Independent folds (model, track, split, seed) -> finished on disk, several at a time, one core each; clips likewise.

Two folds on one core each finish sooner than two after one another on two cores. Workers share nothing but the runs
folder and the caches, where a fold or an entry appears whole or not at all.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Final, TypeVar

from intone.data.splits import Split
from intone.errors import IntoneError
from intone.progress import track as with_bar
from intone.training.workspace import Workspace

Item = TypeVar("Item")
Value = TypeVar("Value")

LOST: Final = "A worker was ended from outside, for want of memory perhaps: the same command goes on, try --workers 1."


@dataclass(frozen=True)
class Task:
    """One fold to make."""

    model: str
    track: str
    split: Split
    seed: int = 0


_space: Workspace | None = None


def _start(space: Workspace) -> None:
    """A worker's own workspace."""
    global _space
    _one_core()
    _space = space


def _one_core() -> None:
    """One thread, so that workers don't get in one another's way; an end when the parent ends."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed ends too, instead of training on for nobody; its fold is gone on with later."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _make(task: Task) -> None:
    assert _space is not None
    _space.with_seed(task.seed).fold(task.model, task.track, task.split)


def make_all(space: Workspace, tasks: Sequence[Task], workers: int) -> Iterator[Task]:
    """Each task as soon as its fold is finished; the first error ends the rest and is raised here."""
    if not tasks:
        return
    if workers < 1:
        raise IntoneError(f"{workers} workers can do nothing: give --workers 1 or more.")
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawn, _start, (space.bare(),)) as pool:
        jobs = {pool.submit(_make, task): task for task in tasks}
        try:
            for job in as_completed(jobs):
                job.result()
                yield jobs[job]
        except BrokenProcessPool as lost:
            raise IntoneError(LOST) from lost
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def over_all(call: Callable[[Item], Value], clips: Sequence[Item], what: str, workers: int) -> list[Value]:
    """`call` on every clip, several at a time, with a bar; one after another inside a worker, which has one core."""
    if multiprocessing.parent_process() is not None:
        return [call(clip) for clip in clips]
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _one_core) as pool:
        try:
            return list(with_bar(pool.map(call, clips, chunksize=8), what, len(clips)))
        except BrokenProcessPool as lost:
            raise IntoneError(LOST) from lost
