"""A function that loads something -> that, loaded once in each process that asks for it.

A network's threads don't survive a fork, nor does its memory a pickle: what the parent loaded hangs in the child, even
as it is thrown away. So it is loaded again where it is asked for next; a `functools.partial`, say, can travel.
"""

import ctypes
import os
from collections.abc import Callable
from threading import Lock, Thread
from typing import Any, Generic, TypeVar
from weakref import WeakSet

Value = TypeVar("Value")

_ALL: "WeakSet[PerProcess[Any]]" = WeakSet()


class PerProcess(Generic[Value]):
    """What `load` gives, from `get`; pickles, and is copied, as `load` alone."""

    def __init__(self, load: Callable[[], Value]) -> None:
        self.load, self._lock, self._loaded = load, Lock(), list[Value]()
        _ALL.add(self)

    def get(self) -> Value:
        """What was loaded, one for every thread of this process. Raises what `load` does."""
        with self._lock:
            if not self._loaded:
                self._loaded.append(in_a_thread(self.load))
            return self._loaded[0]

    def abandon(self) -> None:
        """Forget what a parent loaded, without the destructor that would wait for threads that aren't here."""
        for value in self._loaded:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))
        self._lock, self._loaded = Lock(), []

    def __reduce__(self) -> tuple[type["PerProcess[Value]"], tuple[Callable[[], Value]]]:
        return PerProcess, (self.load,)


def in_a_thread(load: Callable[[], Value]) -> Value:
    """What a function gives, called in a thread of its own: OpenMP keeps threads for each that calls it, and a fork
    takes those of the one that forks."""
    made: list[Value] = []
    wrong: list[BaseException] = []

    def run() -> None:
        try:
            made.append(load())
        except BaseException as problem:
            wrong.append(problem)

    thread = Thread(target=run)
    thread.start()
    thread.join()
    if wrong:
        raise wrong[0]
    return made[0]


def _abandon_all() -> None:
    for one in _ALL:
        one.abandon()


if hasattr(os, "register_at_fork"):  # systems that can't fork have none
    os.register_at_fork(after_in_child=_abandon_all)
