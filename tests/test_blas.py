"""While sound is judged, numpy's linear algebra has one thread; what it had before comes back."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from intone.audio.recording import Recording
from intone.inference.blas import libraries, one_thread


def threads() -> set[int]:
    return {library.num_threads for library in libraries().lib_controllers if library.user_api == "blas"}


@pytest.fixture
def three():
    """As many as a machine of three cores has."""
    if not threads():
        pytest.skip("numpy's linear algebra has no threads here")
    with threadpool_limits(3, "blas"):
        assert threads() == {3}
        yield


def test_the_last_of_several_gives_them_back(three):
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with one_thread():
            inside.set()
            leave.wait(60)

    thread = threading.Thread(target=other)
    with one_thread():
        thread.start()
        assert inside.wait(60) and threads() == {1}
    assert threads() == {1}
    leave.set()
    thread.join()
    assert threads() == {3}
    with pytest.raises(ZeroDivisionError), one_thread():
        raise ZeroDivisionError
    assert threads() == {3}


def test_recordings_are_analysed_by_one(three, analyzer):
    seen = []
    sound = Recording.of_signal(np.zeros(16_000, np.float32), 16_000)
    analyzer.analysis(sound, lambda: seen.append(threads()))
    assert seen and all(found == {1} for found in seen) and threads() == {3}
