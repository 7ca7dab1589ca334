"""A `Job` -> its `Answer`, made in a process that is ended and replaced where a recording exceeds the limits."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from intone.errors import IntoneError
from intone.inference.serve.job import LEFT, Answer, Facts, Job, Progress

if TYPE_CHECKING:
    from intone.inference.analyzer import Analyzer

MB: Final = 1_000_000

TICK: Final = 0.1
"""Seconds between two checks of memory and time; an answer is received at once."""

GRACE: Final = 3.0
"""Seconds that the child has to stop by itself after the client has disconnected."""

LOADING: Final = 300.0
"""Seconds that loading the models may take."""

STOPPED: Final = "intone was stopped."


@dataclass(frozen=True)
class Limits:
    """Limits for one recording."""

    longest: float = 14_400
    """Seconds of sound."""
    time: float = 3_600
    """Seconds of work."""
    memory: float = 4_000
    """MB of the whole process, models included, where the system tells (Linux)."""
    stalled: float = 180
    """Seconds without a step, as of a decoder in an endless loop. A step is at most half a minute of sound."""

    def passed(self, name: str, worked: float, waited: float, memory: int) -> str:
        """The limit that a recording has exceeded, as a sentence; "" where it is within all limits."""
        if memory > self.memory * MB:
            return f"{name} takes more than {self.memory:g} MB of memory: send it in parts."
        if worked > self.time:
            return f"{name} takes longer than {self.time:g} s to analyse: send it in parts."
        return f"{name} can't be decoded: nothing came of it for {self.stalled:g} s." if waited > self.stalled else ""


DEFAULTS: Final = Limits()


class Child:
    """The process that analyses, one recording at a time; a thread may wait in `do` while another calls `close`."""

    def __init__(self, make: "Callable[[], Analyzer]", limits: Limits = DEFAULTS) -> None:
        """Start the process, which calls `make` (picklable) and so loads the models; `load` waits for that."""
        self.make, self.limits = make, limits
        self.lock, self.closed, self.fresh = threading.Lock(), False, True
        self._start()

    def load(self) -> Facts:
        """Wait for the models; returns what was loaded. Raises IntoneError where that fails or exceeds the memory."""
        self.facts = self._loaded()
        return self.facts

    def do(self, job: Job, left: threading.Event, told: Callable[[Progress], None] = lambda progress: None) -> Answer:
        """The answer to a job, which is given up soon after `left` is set; `told` is called with its progress."""
        try:
            return self._done(job, left, told)
        except IntoneError as problem:  # from loading
            return Answer(status=500, problem=str(problem), detail=str(problem))

    def _done(self, job: Job, left: threading.Event, told: Callable[[Progress], None]) -> Answer:
        try:
            if not self.process.is_alive():
                self._replace()
            if self.fresh:
                self._loaded()
            self.pipe.send(job)
            return self._answer(job.name, left, told)
        except (EOFError, OSError):
            self.process.join(GRACE)
            how = _ended(self.process.exitcode)
            self._replace()
            detail = f"{job.name} ended the process that analysed it ({how}); please report this."
            return Answer(
                status=500, problem=f"{job.name} can't be analysed ({how}): please report this.", detail=detail
            )

    def close(self) -> None:
        """End the process, and any call of `do` that waits for it."""
        with self.lock:
            self.closed = True
            self.process.kill()
        self.process.join()

    def _answer(self, name: str, left: threading.Event, told: Callable[[Progress], None]) -> Answer:
        began = stepped = time.monotonic()
        asked: float | None = None
        while True:
            if self._comes():
                message = self.pipe.recv()
                if isinstance(message, Answer):
                    return message
                told(message)
                stepped = time.monotonic()
            now = time.monotonic()
            if left.is_set() and asked is None:
                self.pipe.send(LEFT)
                asked = now
            problem = self.limits.passed(name, now - began, now - stepped, resident(self.process.pid))
            if problem or (asked is not None and now - asked > GRACE):
                self._replace()
                return Answer(status=413 if problem else 499, problem=problem)

    def _loaded(self) -> Facts:
        """Wait until a new child is ready."""
        end = time.monotonic() + LOADING
        while not self._comes():
            if time.monotonic() > end:
                self._replace()
                raise IntoneError(f"The models weren't loaded within {LOADING:g} s: start intone again.")
        try:
            message: Any = self.pipe.recv()
        except (EOFError, OSError) as lost:
            self.process.join(GRACE)
            if self.closed:
                raise IntoneError(STOPPED) from lost
            raise IntoneError(f"The models can't be loaded ({_ended(self.process.exitcode)}): free memory.") from lost
        if isinstance(message, IntoneError):
            raise message
        used = resident(self.process.pid)
        if used > self.limits.memory * MB:
            raise IntoneError(f"The models alone take {used / MB:.0f} MB of memory: give a larger --memory.")
        self.fresh = False
        found: Facts = message
        return found

    def _comes(self) -> bool:
        """Whether there is something to receive, or the end of the child, within a tick."""
        return bool(wait([self.pipe, self.process.sentinel], TICK)) and (
            self.pipe.poll() or not self.process.is_alive()
        )

    def _replace(self) -> None:
        with self.lock:
            self.process.kill()
            self.pipe.close()
        self.process.join()
        self._start()

    def _start(self) -> None:
        with self.lock:
            if self.closed:
                raise IntoneError(STOPPED)
            context = get_context("spawn")
            self.pipe, theirs = context.Pipe()
            given = (self.make, self.limits.longest, theirs)
            self.process = context.Process(target=working, args=given, daemon=True)
            with unsignalled():
                self.process.start()
            theirs.close()
            self.fresh = True


def working(make: "Callable[[], Analyzer]", longest: float, pipe: Connection) -> None:
    """The child's main function; it imports what it needs, so that its parent needn't wait for that."""
    from intone.inference.serve.work import work

    work(make, longest, pipe)


@contextmanager
def unsignalled() -> Iterator[None]:
    """A process started inside gets no Ctrl-C and no SIGTERM: they are meant for the service, which ends its child."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # it would unblock them again as it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def resident(pid: int | None) -> int:
    """Bytes of memory that a process uses; 0 where the system doesn't tell."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


def _ended(code: int | None) -> str:
    """How a process ended, as a phrase."""
    if code == -getattr(signal, "SIGKILL", 9):
        return "ended from outside, for want of memory perhaps"
    try:
        return f"ended by {signal.Signals(-(code or 0)).name}"
    except ValueError:
        return f"exit status {code}"
