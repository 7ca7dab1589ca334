"""Jobs -> answers, by several processes: short recordings before long ones, and one process that long ones never take.

Nobody blocks anybody: while somebody's hour is analysed, a short recording of somebody else is answered. A job that
crashes, hangs or exceeds a limit costs its own answer alone (child.py).
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final, Protocol

from intone.audio.readers.length import seconds
from intone.inference.serve.job import Answer, Facts, Job, Progress

LONG_S: Final = 120.0
"""Seconds of sound from which a recording counts as long. What its header announces is read here without a decoder
(readers/length.py): only the processes that may crash decode anything. One that turns out longer counts from then
on."""

AGEING: Final = 6.0
"""Seconds of sound by which a waiting recording counts as shorter for each second that it waits, so that none waits for
ever."""


class Worker(Protocol):
    """Analyses one recording at a time."""

    facts: Facts

    def do(self, job: Job, left: threading.Event, told: Callable[[Progress], None] = ...) -> Answer:
        """The answer to a job, which is given up soon after `left` is set."""


def ignore(progress: Progress) -> None:
    """For jobs whose progress nobody watches."""


@dataclass(eq=False)
class Waiting:
    """A job that waits or runs."""

    job: Job
    seconds: float
    """Of sound, as its header announces, or as its size allows."""
    left: threading.Event
    told: Callable[[Progress], None]
    began: Callable[[], None]
    answer: "Future[Answer]" = field(default_factory=Future)
    since: float = field(default_factory=time.monotonic)
    long: bool = field(init=False)
    """Whether it may not take the last free process."""

    def __post_init__(self) -> None:
        self.long = self.seconds >= LONG_S

    def rank(self, now: float) -> float:
        """Lower is sooner."""
        return self.seconds - AGEING * (now - self.since)


class Pool:
    """Threads, each with a worker of its own, that take jobs from one queue."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        self.workers = list(workers)
        self.ready = threading.Condition()
        self.queue: list[Waiting] = []
        self.long, self.running, self.closed = 0, 0, False
        self.answered, self.failed, self.spent = 0, 0, 0.0
        self.threads = [threading.Thread(target=self._work, args=(worker,), daemon=True) for worker in self.workers]
        for thread in self.threads:
            thread.start()

    @property
    def facts(self) -> Facts:
        """The model and options that the workers have loaded."""
        return self.workers[0].facts

    def submit(
        self,
        job: Job,
        left: threading.Event,
        told: Callable[[Progress], None] = ignore,
        began: Callable[[], None] = lambda: None,
    ) -> "Waiting":
        """Put a job into the queue; `began` is called when it is taken, `told` with its progress, in a worker's thread.

        Raises OSError where its recording isn't there.
        """
        new = Waiting(job, seconds(job.path), left, told, began)
        with self.ready:
            self.queue.append(new)
            self.ready.notify_all()
        return new

    def place(self, one: Waiting) -> int | None:
        """Its place in the queue, from 1; None where it isn't waiting any more."""
        with self.ready:
            order = self._order()
        return order.index(one) + 1 if one in order else None

    def withdraw(self, one: Waiting) -> bool:
        """Take a job out of the queue; whether it was still there."""
        with self.ready:
            if one not in self.queue:
                return False
            self.queue.remove(one)
        if one.answer.set_running_or_notify_cancel():
            one.answer.set_result(Answer(status=499, problem=f"Nobody waits for {one.job.name} any more."))
        return True

    def close(self) -> None:
        """Begin no further job; those that wait are never answered."""
        with self.ready:
            self.closed, self.queue = True, []
            self.ready.notify_all()

    def _order(self) -> list[Waiting]:
        now = time.monotonic()
        return sorted(self.queue, key=lambda one: one.rank(now))

    def _next(self) -> Waiting | None:
        """The job that a free worker should take now; None where all that wait are long, and it is the last one."""
        room = self.long < max(1, len(self.workers) - 1)
        return next((one for one in self._order() if room or not one.long), None)

    def _work(self, worker: Worker) -> None:
        while (one := self._taken()) is not None:
            began = time.monotonic()
            # Whoever waited for it may have left meanwhile.
            answer = self._answer(worker, one) if one.answer.set_running_or_notify_cancel() else None
            with self.ready:
                self.running -= 1
                self.long -= one.long
                self.spent += time.monotonic() - began
                self.answered += answer is not None
                self.failed += answer is not None and answer.status >= 500
                self.ready.notify_all()
            if answer is not None:
                one.answer.set_result(answer)

    def _answer(self, worker: Worker, one: Waiting) -> Answer:
        def told(progress: Progress) -> None:
            if not one.long and (progress.seconds or 0.0) >= LONG_S:
                with self.ready:
                    one.long, self.long = True, self.long + 1
            one.told(progress)

        try:
            one.began()
            return worker.do(one.job, one.left, told)
        except Exception as problem:  # a failure of the worker's own must not end its thread
            kind = type(problem).__name__
            sentence = f"{one.job.name} can't be analysed ({kind}): please report this."
            return Answer(
                status=500, problem=sentence, detail=f"{one.job.name} ({kind}: {problem}); please report this."
            )

    def _taken(self) -> Waiting | None:
        """Wait for a job and take it; None when the pool was closed."""
        with self.ready:
            while not self.closed:
                if one := self._next():
                    self.queue.remove(one)
                    self.running += 1
                    self.long += one.long
                    return one
                self.ready.wait()
        return None
