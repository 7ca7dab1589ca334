"""Tasks -> their results, by several processes, any of which may be killed: another then takes its place.

`concurrent.futures` gives up all tasks when one worker is killed, and doesn't tell which task that worker had.
"""

import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Final, TypeVar, cast

Task = TypeVar("Task")
Value = TypeVar("Value")

TRIES: Final = 2
"""A task that has ended this many processes is given up."""

PATIENCE: Final = 10.0
"""Seconds that a process has to end when it is told to."""


@dataclass
class _Worker:
    """A process that does one task after another."""

    process: SpawnProcess
    pipe: Connection
    task: Any = None
    tries: int = 0

    def end(self) -> str:
        """End the process; returns how it ended, such as `SIGKILL`."""
        self.pipe.close()
        self.process.join(PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        code = self.process.exitcode or 0
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"


def side_by_side(
    start: Callable[[], Callable[[Task], Value]],
    tasks: Sequence[Task],
    workers: int,
    lost: Callable[[Task, str, bool], Value | None],
) -> Iterator[Value]:
    """Each task's result as it is ready, from up to `workers` processes, which call what `start()` returns in them.

    Where a process is ended from outside, its task is tried once more in another one; `lost(task, how it ended, whether
    it is given up)` is called each time, and its last result takes the place of the task's. An exception in `start` or
    in a task ends all processes and is raised here.
    """
    waiting = deque((task, 0) for task in tasks)
    busy: dict[Connection, _Worker] = {}
    try:
        while waiting or busy:
            while waiting and len(busy) < workers:
                worker = _hired(start)
                busy[worker.pipe] = worker
                _give(worker, waiting)
            for pipe in wait(list(busy)):
                worker = busy[cast(Connection, pipe)]
                try:
                    value, problem = worker.pipe.recv()
                except (EOFError, OSError):
                    del busy[worker.pipe]
                    yield from _after(worker, waiting, lost)
                    continue
                if problem:
                    raise problem
                if waiting:
                    _give(worker, waiting)
                else:
                    busy.pop(worker.pipe).end()
                yield value
    finally:
        for worker in busy.values():
            worker.process.terminate()
        for worker in busy.values():
            worker.end()


def _hired(start: Callable[[], Callable[[Task], Value]]) -> _Worker:
    ours, theirs = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_work, args=(start, theirs), daemon=True)
    # Ctrl-C reaches every process of a terminal; only this one reacts to it, and ends the others in order.
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if hasattr(signal, "pthread_sigmask") else None
    try:
        process.start()
    finally:
        if held is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
    theirs.close()
    return _Worker(process, ours)


def _give(worker: _Worker, waiting: deque[tuple[Any, int]]) -> None:
    worker.task, worker.tries = waiting.popleft()
    with suppress(OSError):  # it is gone, which is noticed where its result is awaited
        worker.pipe.send(worker.task)


def _after(
    worker: _Worker, waiting: deque[tuple[Any, int]], lost: Callable[[Any, str, bool], Value | None]
) -> Iterator[Value]:
    """After a worker's end: queue its task again, or give the result of a task that is given up."""
    tries = worker.tries + 1
    said = lost(worker.task, worker.end(), tries == TRIES)
    if tries < TRIES:
        waiting.appendleft((worker.task, tries))
    elif said is not None:
        yield said


def _work(start: Callable[[], Callable[[Task], Value]], pipe: Connection) -> None:
    """The main function of a process: it ends with the pipe, and so with its parent."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that nothing half written stays
    with suppress(EOFError, BrokenPipeError):
        try:
            work = start()
        except Exception as problem:
            pipe.send((None, problem))
            return
        while True:
            task = pipe.recv()
            try:
                done: tuple[Any, Exception | None] = work(task), None
            except Exception as problem:
                done = None, problem
            pipe.send(done)
