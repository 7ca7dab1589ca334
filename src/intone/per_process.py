"""A function that loads an object -> the object, loaded once in each process that uses it.

A network's threads don't survive a fork, and its memory can't be pickled. An object that the parent loaded hangs in the
child, even in its destructor. So each process loads the object again when it first uses it; the function that loads it
must be picklable, such as a `functools.partial`.
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
    """Loads an object with `load` when `get` is first called; only `load` is pickled and copied."""

    def __init__(self, load: Callable[[], Value]) -> None:
        self.load, self._lock, self._loaded = load, Lock(), list[Value]()
        _ALL.add(self)

    def get(self) -> Value:
        """The loaded object, shared by all threads of this process. Raises what `load` raises."""
        with self._lock:
            if not self._loaded:
                self._loaded.append(in_a_thread(self.load))
            return self._loaded[0]

    def abandon(self) -> None:
        """Forget the parent's object without its destructor, which would wait for threads that don't exist here."""
        for value in self._loaded:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))
        self._lock, self._loaded = Lock(), []

    def __reduce__(self) -> tuple[type["PerProcess[Value]"], tuple[Callable[[], Value]]]:
        return PerProcess, (self.load,)


def in_a_thread(load: Callable[[], Value]) -> Value:
    """Call `load` in a thread of its own and return its result. OpenMP keeps a pool of threads for each thread that
    calls it, and a forked process inherits the broken pool of the thread that forked."""
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


if hasattr(os, "register_at_fork"):  # missing on systems that can't fork
    os.register_at_fork(after_in_child=_abandon_all)
