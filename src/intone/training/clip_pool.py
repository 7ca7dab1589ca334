"""A function and clips -> its result for each clip; several at a time, one core each, with a progress bar on stderr.

Nothing heavy is imported here: a worker imports what its function needs, and no more.
"""

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Final, TypeVar

from threadpoolctl import threadpool_limits

from intone.errors import IntoneError
from intone.progress import track as with_bar

Item = TypeVar("Item")
Value = TypeVar("Value")

LOST: Final = "A worker was ended from outside, for want of memory perhaps: the same command goes on, try --workers 1."


def one_core() -> None:
    """Use one thread in all libraries, so that workers don't compete, and end this worker when its parent ends."""
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")  # for torch, where it is imported later
    threadpool_limits(1)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End a worker whose parent was killed, instead of training on; the next run resumes its fold."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def over_all(call: Callable[[Item], Value], clips: Sequence[Item], what: str, workers: int) -> list[Value]:
    """Results of `call` on every clip: several at a time, with a bar; one by one inside a worker."""
    if multiprocessing.parent_process() is not None:
        return [call(clip) for clip in clips]
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), one_core) as pool:
        try:
            return list(with_bar(pool.map(call, clips, chunksize=8), what, len(clips)))
        except BrokenProcessPool as lost:
            raise IntoneError(LOST) from lost
