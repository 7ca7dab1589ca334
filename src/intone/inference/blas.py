"""An analysis -> the same with one thread in numpy's linear algebra: equal bits on any number of cores, and faster.

OpenBLAS's threads wait in a loop that takes the cores away from onnxruntime's, and their number changes the last bits
of a product. Afterwards the number of threads is what it was before.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

_lock, _held, _inside = threading.Lock(), ExitStack(), 0


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit BLAS to one thread as long as any thread of this process is inside; several may be at once."""
    global _inside
    with _lock:
        if _inside == 0:
            _ours()
            _held.enter_context(libraries().limit(limits=1, user_api="blas"))
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _ours()
                _held.close()


@cache
def libraries() -> Any:
    """Loaded libraries with threads of their own; cached, as looking for them takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _ours() -> None:
    """Let this thread change the number: otherwise only the thread that changed it last may, until it gives that up."""
    for library in libraries().lib_controllers:
        if hasattr(library, "clear_controlling_thread"):
            library.clear_controlling_thread(force=True)
