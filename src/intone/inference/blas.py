"""Sound is judged while numpy's linear algebra has one thread: the same bits on any number of cores, and faster.

OpenBLAS's threads wait in a loop that takes the cores away from onnxruntime's, and how many there are changes the last
bits of a product. Whatever the number was before comes back afterwards.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

_lock, _held, _inside = threading.Lock(), ExitStack(), 0


@contextmanager
def one_thread() -> Iterator[None]:
    """For as long as anybody in this process is inside; several threads may be."""
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
    """Libraries with threads of their own that numpy has loaded; looking for them takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _ours() -> None:
    """threadpoolctl lets one thread alone change the number, until that thread says that it is done."""
    for library in libraries().lib_controllers:
        if hasattr(library, "clear_controlling_thread"):
            library.clear_controlling_thread(force=True)
