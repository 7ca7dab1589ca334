"""A clip under noise and voices: as loud as drawn, its ends lost, the same from the same draw, nobody else's voice."""

import numpy as np
import pytest

from intone.audio.augment.noise import HISS, KINDS, LOST, SNR, noisy_copy
from intone.audio.frames import SAMPLE_RATE
from intone.audio.trimming import speech_span


def tone(hertz: float, seconds: float, silence: float = 0.3) -> np.ndarray:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    still = np.zeros(round(silence * SAMPLE_RATE))
    return np.concatenate([still, 0.3 * np.sin(2 * np.pi * hertz * time), still]).astype(np.float32)


def share(signal: np.ndarray, low: float, high: float) -> float:
    """Of a signal's power that lies between two frequencies (Hz)."""
    power, hertz = np.abs(np.fft.rfft(signal)) ** 2, np.fft.rfftfreq(signal.size, 1 / SAMPLE_RATE)
    return float(power[(hertz >= low) & (hertz < high)].sum() / power.sum())


OTHERS = [tone(hertz, 1.5) for hertz in (2000, 2200, 2400)]


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_copy_is_shorter_and_the_same_from_the_same_draw(kind):
    signal = tone(300, 2.0)
    start, end = speech_span(signal, margin=0)
    for seed in range(8):
        copy = noisy_copy(signal, kind, OTHERS, np.random.default_rng(seed))
        np.testing.assert_array_equal(copy, noisy_copy(signal, kind, OTHERS, np.random.default_rng(seed)))
        assert copy.dtype == np.float32 and np.isfinite(copy).all()
        assert end - start - 2 * LOST * SAMPLE_RATE - 2 <= copy.size < end - start


@pytest.mark.parametrize("kind", ["noise", "babble"])
def test_what_lies_under_the_speech_is_as_loud_as_drawn(kind):
    signal = tone(300, 2.0)
    for seed in range(8):
        copy = noisy_copy(signal, kind, OTHERS, np.random.default_rng(seed))
        clean = share(copy, 290, 310)
        ratio = 10 * np.log10(clean / (1 - clean))
        # The ends of a cut tone leak over its neighbours, and noise lies under it as well.
        assert SNR[0] - 1 < ratio < SNR[1] + 1


def test_babble_is_made_of_the_voices_that_are_given_and_of_nothing_else():
    for seed in range(8):
        copy = noisy_copy(tone(300, 2.0), "babble", OTHERS, np.random.default_rng(seed))
        # At 0.8 to 1.25 times their speed, 2000 to 2400 Hz become 1600 to 3000.
        assert share(copy, 150, 450) + share(copy, 1500, 3100) > 0.995


def test_a_short_clip_loses_nothing_but_may_be_alone():
    signal = tone(300, 0.5)
    copy = noisy_copy(signal, "babble", [signal], np.random.default_rng(0))
    assert copy.size == signal.size


def test_a_room_adds_echoes_and_a_hiss_that_is_as_faint_as_drawn():
    spoken = np.concatenate([tone(300, 1.0, silence=0.0), np.zeros(SAMPLE_RATE // 2), tone(300, 0.5, silence=0.0)])
    behind = []
    for seed in range(8):
        copy = noisy_copy(spoken.astype(np.float32), "room", OTHERS, np.random.default_rng(seed))
        behind.append(share(copy[SAMPLE_RATE:][: SAMPLE_RATE // 10], 250, 350))
        hiss = share(copy, 4000, 8000) * 2  # white: half of it lies here
        assert HISS[0] - 1 < -10 * np.log10(hiss) < HISS[1] + 1
    assert max(behind) > 0.9  # where the tone has ended, a lively room goes on with it
