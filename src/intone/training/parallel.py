"""Independent folds (model, track, split, seed) -> finished on disk, several at a time, one core each.

Two folds on one core each finish sooner than two folds, one after the other, on two cores. Workers share only the runs
folder and the caches, where a fold or an entry appears complete or not at all.
"""

import multiprocessing
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import TypeVar

from intone.data.splits import Split
from intone.errors import IntoneError
from intone.inference.cluster import Cluster
from intone.training.clip_pool import LOST, one_core
from intone.training.finished_fold import FinishedFold
from intone.training.recipe import Recipe
from intone.training.workspace import Workspace

Item = TypeVar("Item")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Task:
    """One fold to make."""

    model: str
    track: str
    split: Split
    seed: int = 0
    recipe: Recipe | None = None
    """How the model is trained on this fold alone; None for as the workspace says."""

    def done(self, space: Workspace) -> FinishedFold:
        """Its finished fold, which is made now where it isn't there."""
        models = {**space.models, self.model: self.recipe} if self.recipe else space.models
        return replace(space, seed=self.seed, models=models).fold(self.model, self.track, self.split)


_space: Workspace | None = None


def _start(space: Workspace) -> None:
    """Set a worker's own workspace."""
    global _space
    one_core()
    _space = space


def _make(task: Task) -> None:
    assert _space is not None
    task.done(_space)


def make_all(space: Workspace, tasks: Sequence[Task], workers: int, cluster: Cluster | None = None) -> Iterator[Task]:
    """Each task as soon as its fold is finished, here or on a cluster; the first error cancels the rest and is raised
    here."""
    for wave in waves(tasks):
        yield from _together(space, wave, workers, cluster)


def waves(tasks: Sequence[Task]) -> list[list[Task]]:
    """Tasks in groups, each of which waits for the one before it, as a model of paired sentences is trained once on
    comments, for all of its folds: its first fold does that, and with recipes of their own each fold in its turn."""
    found: list[list[Task]] = [[]]
    begun = Counter[tuple[str, int]]()
    for task in tasks:
        place = 0
        if task.track == "natural":
            before = begun[task.model, task.seed]
            place = before if task.recipe else min(before, 1)
            begun[task.model, task.seed] += 1
        found += [[] for _ in range(place + 1 - len(found))]
        found[place].append(task)
    return found


def _together(space: Workspace, tasks: Sequence[Task], workers: int, cluster: Cluster | None) -> Iterator[Task]:
    if not tasks:
        return
    if cluster:
        from intone.training.on_cluster import make_on

        yield from make_on(cluster, space, tasks)
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
