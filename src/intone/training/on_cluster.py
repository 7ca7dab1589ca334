"""Independent folds (model, track, split, seed) -> finished on disk, by the machines of a Ray cluster.

Each fold is one task of Ray on one processor, as each is one worker's on one machine (parallel.py), so that it becomes
the same. All machines see the runs folder, the clips and the weights at the same paths. A fold appears there complete
or not at all: where a machine is lost, another one goes on from its last epoch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from intone.data.corpus import Corpus
from intone.errors import IntoneError
from intone.inference.cluster import Cluster, connected, other_version
from intone.inference.processes import TRIES
from intone.training.clip_pool import one_core
from intone.training.parallel import Task
from intone.training.workspace import Workspace
from intone.version import __version__

LOST: Final = "The Ray cluster lost fold {fold} of {model} twice: the same command goes on, with more memory perhaps."


def make_on(cluster: Cluster, space: Workspace, tasks: Sequence[Task]) -> Iterator[Task]:
    """Each task as soon as its fold is finished; the first error cancels the rest and is raised here.

    Raises Missing without Ray, IntoneError where no cluster answers and where a fold is lost `TRIES` times.
    """
    if not tasks:
        return
    with connected(cluster) as ray:
        limits = {"num_cpus": 1, "num_gpus": cluster.gpus, "max_retries": TRIES - 1}
        remote, shared = ray.remote(**limits)(_made), ray.put(_everywhere(space.bare()))
        waiting = {remote.remote(shared, task, __version__): task for task in tasks}
        try:
            while waiting:
                (done, *_), _ = ray.wait(list(waiting), num_returns=1)
                task = waiting.pop(done)
                try:
                    ray.get(done)
                except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError) as lost:
                    raise IntoneError(LOST.format(fold=task.split.fold, model=task.model)) from lost
                except ray.exceptions.RayTaskError as problem:
                    raise problem.cause from problem
                yield task
        finally:
            for left in waiting:
                ray.cancel(left, force=True)


def _made(space: Workspace, task: Task, version: str) -> None:
    problem = other_version(version)
    if problem:
        raise problem
    one_core()
    task.done(space)


def _everywhere(space: Workspace) -> Workspace:
    """The workspace with paths that hold in any folder."""
    corpus: Corpus = replace(space.corpus, paths={file: path.absolute() for file, path in space.corpus.paths.items()})
    glove = space.glove.absolute() if space.glove else None
    return replace(space, corpus=corpus, glove=glove, runs=space.runs.absolute())
