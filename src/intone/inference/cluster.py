"""Tasks -> their results, from the machines of a Ray cluster, any of which may be lost: Ray Data does its work again.

Each machine's actors keep the models loaded, and write results themselves, into a folder that all machines share. What
an actor has finished stands in a ledger there until it has arrived, so that work that is done again isn't done twice.
"""

import logging
import os
import pickle
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from intone.errors import IntoneError, Missing, brought_by
from intone.inference.ledger import Ledger
from intone.inference.processes import TRIES
from intone.version import __version__

LOCAL: Final = "local"
"""In place of an address: a cluster of this machine alone, which ends with the command."""

CLIENT: Final = "ray://"
"""Begins the address of a cluster that this machine isn't part of."""

MOST_TOGETHER: Final = 16
"""Tasks that are handed out together: each such block costs the driver some memory until the end."""

BYTES_TOGETHER: Final = 64 << 20
"""Largest sum of sizes of recordings that are handed out together, so that the last hour isn't one block."""

BLOCKS_EACH: Final = 4
"""Blocks for each actor, at least: then all end at about the same time."""

STORE: Final = 256 << 20
"""Bytes of Ray's object store on this machine alone: only names and results pass through it."""


@dataclass(frozen=True)
class Cluster:
    """Where work is done."""

    address: str
    """`ray://HOST:PORT`, `auto` (the cluster that this machine is part of), or `local`."""
    workers: int | None = None
    """Actors; None for as many as there are processors."""
    threads: int = 1
    """Processors of each actor."""
    gpus: int = 0
    """GPUs of each actor."""


@dataclass(frozen=True)
class Job:
    """One task, as it is handed out."""

    key: str
    """Names it, its recording's state and the settings: a file name."""
    size: int
    """Bytes of its recording."""
    task: Any


@dataclass(frozen=True)
class Outcome:
    """What became of a job."""

    key: str
    value: Any = None
    lost: int = 0
    """How many processes were lost with it."""
    problem: Exception | None = None
    """Why nothing more can be done at all."""


def on_cluster(
    start: Callable[[], Callable[[Any], Any]],
    jobs: Sequence[Job],
    cluster: Cluster,
    ledger: Ledger,
    lost: Callable[[Any, str, bool], Any],
) -> Iterator[Any]:
    """Each job's result as it is ready, from actors that call what `start()` returns; jobs come largest first.

    A job whose process or machine is lost is tried once more elsewhere: `lost(task, how, whether it is given up)` is
    called each time, and its last result takes the place of the job's. Raises Missing without Ray, IntoneError where no
    cluster answers, where it gives up, and as `start` and jobs raise.
    """
    ledger.open()
    todo = list[Job]()
    for job in jobs:
        value = ledger.result(job.key)
        if value is None:
            todo.append(job)
        else:
            yield value
            ledger.take(job.key)
    known = {job.key: job.task for job in todo}
    if todo:
        with _connected(cluster) as ray:
            for outcome in _outcomes(ray, (start, ledger, __version__), todo, cluster):
                if outcome.problem:
                    raise outcome.problem
                if outcome.key not in known:  # it came before its machine was lost
                    continue
                task, value = known.pop(outcome.key), outcome.value
                for before in range(outcome.lost):
                    given_up = before + 1 == TRIES
                    said = lost(task, "its process or its machine was lost", given_up)
                    value = said if given_up else value
                yield value
                ledger.take(outcome.key)
    if known:
        raise IntoneError(f"The cluster lost {len(known)} recordings: the same command does them.")
    ledger.close()


class _Actor:
    """Does jobs in a process of the cluster."""

    def __init__(self, start: Callable[[], Callable[[Any], Any]], ledger: Ledger, version: str) -> None:
        self.ledger = ledger
        self.problem: Exception | None = _other_version(version)
        try:
            self.work = start()
        except Exception as problem:  # it is raised by the driver, and not once for each try of an actor
            self.problem = self.problem or problem

    def __call__(self, block: Any) -> Any:
        """Pickled jobs [jobs] -> pickled outcomes [jobs], as tables of Arrow."""
        import pyarrow

        outcomes = [self._outcome(pickle.loads(job)) for job in block["job"].to_pylist()]
        return pyarrow.table({"outcome": [pickle.dumps(outcome) for outcome in outcomes]})

    def _outcome(self, job: Job) -> Outcome:
        if self.problem:
            return Outcome(job.key, problem=self.problem)
        try:
            value = self.ledger.result(job.key)
            if value is not None:
                return Outcome(job.key, value)
            before = self.ledger.begin(job.key)
            if before >= TRIES:
                return Outcome(job.key, lost=TRIES)
            value = self.work(job.task)
            self.ledger.finish(job.key, value)
            return Outcome(job.key, value, before)
        except OSError as problem:
            said = f"{socket.gethostname()} can't write into {self.ledger.folder} ({problem.strerror}): make room there"
            return Outcome(job.key, problem=IntoneError(f"{said}, and let all machines see that folder at that path."))
        except Exception as problem:
            return Outcome(job.key, problem=problem)


def _other_version(version: str) -> IntoneError | None:
    if version == __version__:
        return None
    return IntoneError(
        f"{socket.gethostname()} has intone {__version__}, and this machine {version}: install the same one."
    )


class _Run:
    """A data set of jobs under way; an actor of the cluster where this machine isn't part of it."""

    def __init__(self, made_of: tuple[Any, ...], blocks: Sequence[Sequence[bytes]], cluster: Cluster) -> None:
        import pyarrow
        import ray.data

        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = context.print_on_execution_start = False
        size = cluster.workers or _fitting(ray.cluster_resources(), cluster)

        made = ray.data.from_blocks([pyarrow.table({"job": block}) for block in blocks]).map_batches(
            _Actor,
            fn_constructor_args=made_of,
            batch_size=None,
            batch_format="pyarrow",
            num_cpus=cluster.threads,
            num_gpus=cluster.gpus,
            compute=ray.data.ActorPoolStrategy(min_size=1, initial_size=size, max_size=cluster.workers),
        )
        self.batches: Iterator[Any] = iter(
            made.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
        )

    def next(self) -> list[bytes] | None:
        """Pickled outcomes of one block; None after the last."""
        block = next(self.batches, None)
        return None if block is None else block["outcome"].to_pylist()


def _fitting(resources: dict[str, float], cluster: Cluster) -> int:
    """The number of actors for which there are processors, and GPUs where they need them."""
    fitting = int(resources.get("CPU", 1)) // cluster.threads
    if cluster.gpus:
        fitting = min(fitting, int(resources.get("GPU", 0)) // cluster.gpus)
    return max(1, fitting)


def _outcomes(ray: Any, made_of: tuple[Any, ...], jobs: Sequence[Job], cluster: Cluster) -> Iterator[Outcome]:
    at_once = cluster.workers or _fitting(ray.cluster_resources(), cluster)
    blocks = together(jobs, max(1, min(MOST_TOGETHER, len(jobs) // (BLOCKS_EACH * at_once))))
    pickled = [[pickle.dumps(job) for job in block] for block in blocks]
    try:
        if cluster.address.startswith(CLIENT):  # Ray Data doesn't run on a client
            remote = ray.remote(num_cpus=0)(_Run).remote(made_of, pickled, cluster)
            batches: Iterator[Any] = iter(lambda: ray.get(remote.next.remote()), None)
        else:
            batches = iter(_Run(made_of, pickled, cluster).next, None)
        for batch in batches:
            yield from map(pickle.loads, batch)
    except (ray.exceptions.RayError, ConnectionError) as problem:
        if "No module named 'intone" in str(problem):
            raise IntoneError(
                "A machine of the cluster has no intone: install the same one on all of them."
            ) from problem
        said = str(problem).strip().splitlines()[0][:200]
        raise IntoneError(f"The Ray cluster gave up ({said}): the same command goes on.") from problem


def together(jobs: Sequence[Job], most: int) -> list[list[Job]]:
    """Jobs in blocks of at most `most`, none of which is larger than `BYTES_TOGETHER` unless it is a single job."""
    blocks: list[list[Job]] = []
    for job in jobs:
        fits = blocks and len(blocks[-1]) < most and sum(one.size for one in blocks[-1]) + job.size <= BYTES_TOGETHER
        if fits:
            blocks[-1].append(job)
        else:
            blocks.append([job])
    return blocks


@contextmanager
def _connected(cluster: Cluster) -> Iterator[Any]:
    """Ray, connected with a cluster until the end of the block."""
    for name, value in (("RAY_USAGE_STATS_ENABLED", "0"), ("RAY_DATA_LOG_LEVEL", "ERROR")):
        os.environ.setdefault(name, value)  # nothing is reported to anybody, and a person reads this terminal
    try:
        import ray
        import ray.data
    except ImportError as problem:
        raise Missing(f"A cluster needs ray: {brought_by('cluster')}.") from problem
    own = cluster.address == LOCAL
    cpus = cluster.workers * cluster.threads if own and cluster.workers else None
    local: dict[str, Any] = {"num_cpus": cpus, "include_dashboard": False, "object_store_memory": STORE} if own else {}
    try:
        ray.init(cluster.address, log_to_driver=False, logging_level=logging.ERROR, **local)
    except (ConnectionError, ValueError, RuntimeError) as problem:
        raise IntoneError(
            f"No Ray cluster answers at {cluster.address}: name ray://HOST:10001, or auto on one of its machines."
        ) from problem
    try:
        yield ray
    finally:
        ray.shutdown()
