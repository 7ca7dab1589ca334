"""A clip across a room: as long as before, the direct sound as loud, and echoes that last as long as they were to."""

import numpy as np
import pytest

from intone.audio.augment.rooms import in_room
from intone.audio.frames import SAMPLE_RATE


def click(seconds: float = 1.0) -> np.ndarray:
    signal = np.zeros(round(seconds * SAMPLE_RATE))
    signal[0] = 1.0
    return signal


def test_the_direct_sound_comes_first_and_is_the_loudest():
    for seed in range(6):
        heard = in_room(click(), 0.4, np.random.default_rng(seed))
        assert heard.size == SAMPLE_RATE
        assert np.abs(heard).argmax() == 0 and abs(heard[0]) == pytest.approx(1.0)


def test_a_livelier_room_rings_longer():
    def late(seconds: float) -> float:
        heard = in_room(click(), seconds, np.random.default_rng(3))
        return float(np.square(heard[SAMPLE_RATE // 20 :]).sum() / np.square(heard).sum())

    assert late(0.2) < late(0.4) < late(0.8)


def test_the_same_draw_is_the_same_place_and_others_sound_otherwise():
    heard = [in_room(click(), 0.4, np.random.default_rng(seed)) for seed in (0, 0, *range(1, 8))]
    np.testing.assert_array_equal(heard[0], heard[1])
    assert any(not np.array_equal(heard[0], other) for other in heard[2:])
