"""Accepted jobs (store.py) -> the pool, their progress while they run, and their answers; resumed after a restart."""

import contextlib
import threading
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final

from intone.inference.serve.job import Answer, Progress
from intone.inference.serve.pool import Pool, Waiting
from intone.inference.serve.store import ATTEMPTS, CANCELLED, DONE, ENDED, FAILED, QUEUED, RUNNING, Entry, Store
from intone.progress import say

SWEEP_S: Final = 30.0
"""Seconds between two looks for answers that are too old."""

AGAIN: Final = "The service ended twice while this recording was analysed: send it in parts."

NO_ROOM: Final = "The answer has no room where intone runs: make some there, and send the recording again."


@dataclass
class Live:
    """A job of this run of the service; worker threads change it, and requests read it."""

    entry: Entry
    waiting: Waiting | None = None
    left: threading.Event = field(default_factory=threading.Event)
    state: str = QUEUED
    seconds_done: float = 0.0
    seconds: float | None = None
    segments: list[Mapping[str, Any]] = field(default_factory=list)
    """Sentences that were found so far."""
    error: str | None = None


class Runner:
    """Runs the jobs of a store, each exactly once to its end."""

    def __init__(self, pool: Pool, store: Store, keep: float = 3600.0) -> None:
        """`keep`: seconds for which answers are kept. Jobs that an earlier service left are begun again."""
        self.pool, self.store, self.keep = pool, store, keep
        self.live: dict[str, Live] = {}
        self.counts: Counter[str] = Counter()
        self.lock, self.ended = threading.Lock(), threading.Event()
        store.tidy()
        store.sweep(keep)
        for entry in store.unfinished():
            self._resumed(entry)
        threading.Thread(target=self._sweeping, daemon=True).start()

    def accept(self, entry: Entry) -> Live:
        """Take a job whose recording is in its folder; from now on it gets an answer."""
        return self._begin(self.store.add(entry))

    def find(self, id: str) -> Live | Entry | None:
        """A job of this run, or one that ended before it; None for an unknown id."""
        return self.live.get(id) or self.store.get(id)

    def busy(self, client: str | None = None) -> int:
        """Jobs without an answer: all, or a client's."""
        with self.lock:
            mine = [live for live in self.live.values() if live.state not in ENDED]
        return len([live for live in mine if client is None or live.entry.client == client])

    def place(self, live: Live) -> int | None:
        """A job's place in the queue, from 1; None where it isn't waiting."""
        return self.pool.place(live.waiting) if live.waiting and live.state == QUEUED else None

    def cancel(self, id: str) -> None:
        """Stop a job if it runs, and forget it."""
        live = self.live.get(id)
        if live is None or live.state in ENDED:
            self._forget(id)
            return
        live.left.set()
        if live.waiting:
            self.pool.withdraw(live.waiting)  # one that runs is given up soon, and then forgotten

    def close(self) -> None:
        """Begin nothing further; jobs without an answer stay in the store."""
        self.ended.set()
        self.pool.close()

    def _resumed(self, entry: Entry) -> None:
        job = self.store.job(entry)
        if entry.attempts >= ATTEMPTS or not job.path.exists():
            error = AGAIN if job.path.exists() else f"{entry.name} was lost: send it again."
            self.store.answered(entry, {}, state=FAILED, status=500, error=error)
            return
        self._begin(entry)

    def _begin(self, entry: Entry) -> Live:
        live = Live(entry)
        with self.lock:
            self.live[entry.id] = live
        self.counts["accepted"] += 1
        live.waiting = self.pool.submit(
            self.store.job(entry), live.left, lambda progress: _heard(live, progress), lambda: self._began(live)
        )
        live.waiting.answer.add_done_callback(lambda answer: self._answered(live, answer))
        return live

    def _began(self, live: Live) -> None:
        live.state = RUNNING
        self.store.change(live.entry.id, state=RUNNING, attempts=live.entry.attempts + 1)

    def _answered(self, live: Live, made: "Future[Answer]") -> None:
        """Keep the answer; called in a worker's thread."""
        answer = made.result()
        if self.ended.is_set():
            return  # the service stops: the next one begins it again
        if answer.detail:
            say(answer.detail)
        state = CANCELLED if live.left.is_set() else DONE if answer.status == 200 else FAILED
        try:
            facts = {"state": state, "status": answer.status, "error": answer.problem or None}
            told = {"seconds": live.seconds_done or live.seconds, "segments": len(live.segments)}
            self.store.answered(live.entry, answer.files, live.segments, **facts, **told)
        except OSError as problem:
            say(f"The answer for a recording can't be kept ({problem}).")
            state, answer = FAILED, Answer(status=507, problem=NO_ROOM)
            with contextlib.suppress(OSError):  # not even for that: the next run of the service begins it again
                self.store.answered(live.entry, {}, state=state, status=507, error=NO_ROOM)
        live.error, live.seconds = answer.problem or None, live.seconds_done or live.seconds
        live.state = state
        self.counts[state] += 1
        if state == CANCELLED:
            self._forget(live.entry.id)

    def _forget(self, id: str) -> None:
        with self.lock:
            self.live.pop(id, None)
        self.store.forget(id)

    def _sweeping(self) -> None:
        while not self.ended.wait(min(SWEEP_S, max(1.0, self.keep))):
            try:
                self._swept()
            except OSError as problem:  # a full disk: there may be room the next time
                say(f"Old answers can't be removed ({problem}): make room where intone runs.")

    def _swept(self) -> None:
        self.store.sweep(self.keep)
        with self.lock:
            over = [id for id, live in self.live.items() if live.state in ENDED]
        for id in over:
            if self.store.get(id) is None:
                self._forget(id)


def _heard(live: Live, progress: Progress) -> None:
    """Note what a worker tells."""
    if progress.seconds is not None:
        live.seconds_done = progress.seconds
    if progress.length is not None:
        live.seconds = progress.length
    if progress.segment is not None:
        live.segments.append(progress.segment)
