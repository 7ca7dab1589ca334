"""Independent folds (model, track, split, seed) -> finished on disk, several at a time, one core each.

Two folds on one core each finish sooner than two after one another on two cores. Workers share nothing but the runs
folder and the caches, where a fold or an entry appears whole or not at all.
"""

import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace

from intone.lab import Lab
from intone.splits import Split


@dataclass(frozen=True)
class Task:
    """One fold to make."""

    model: str
    track: str
    split: Split
    seed: int = 0


_lab: Lab | None = None


def _start(lab: Lab) -> None:
    """A worker's own lab; one thread, so that workers don't get in one another's way."""
    global _lab
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _lab = lab


def _end_with_parent() -> None:
    """A worker whose parent was killed ends too, instead of training on for nobody; its fold is gone on with later."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _make(task: Task) -> None:
    assert _lab is not None
    _lab.with_seed(task.seed).fold(task.model, task.track, task.split)


def make_all(lab: Lab, tasks: Sequence[Task], workers: int) -> Iterator[Task]:
    """Each task as soon as its fold is finished; the first error ends the rest and is raised here."""
    if not tasks:
        return
    spawn = multiprocessing.get_context("spawn")
    bare = replace(lab, memory={})  # what the lab keeps is large, and each worker finds it in the cache
    with ProcessPoolExecutor(workers, spawn, _start, (bare,)) as pool:
        jobs = {pool.submit(_make, task): task for task in tasks}
        try:
            for job in as_completed(jobs):
                job.result()
                yield jobs[job]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
