"""Channels of a recording: which hold a voice of their own, and where one leaks into another."""

import numpy as np
import pytest

from intone.audio.crosstalk import GATED, listened, without_leaks
from intone.audio.recording import Recording
from intone.inference.speakers import Speakers

RATE = 16_000


def noise(seed: int, seconds: float = 2.0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def voices(seconds: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Two voices that speak by turns, a second each, with syllables of 200 ms; each rests where the other speaks."""
    time = np.arange(seconds * RATE) / RATE
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 5 * time)
    first = (time % 2 < 1).astype(float)
    return noise(1, seconds) * syllables * first, noise(2, seconds) * syllables * (1 - first)


def recording(*channels: np.ndarray) -> Recording:
    return Recording.of_signal(np.stack(channels, 1), RATE, "call")


def test_copies_and_empty_channels_have_no_voice_of_their_own():
    a, b = voices()
    assert listened(recording(a, b)).own == (0, 1) and listened(recording(a, b)).count == 2
    for other in (0.3 * a, -a, 0 * b, np.roll(a, RATE // 100), a + 1e-3 * noise(3, 8)):
        assert listened(recording(a, other)).own == (0,)
    assert listened(recording(a + 0.3 * b, b + 0.3 * a)).own == (0, 1)


@pytest.mark.parametrize("late", [0, RATE // 50])
def test_a_leak_is_faint_and_what_is_said_itself_is_not(late):
    a, b = voices()
    left, right = a + 1e-4 * noise(3, 8), b + 0.05 * np.roll(a, late) + 1e-4 * noise(4, 8)
    found = listened(recording(left, right))
    assert set(found.leaks) == {1} and found.seconds(1) == pytest.approx(4, abs=0.6)
    mono = np.concatenate(list(without_leaks(recording(left, right), 1, found).blocks()))
    power = (mono.reshape(8, RATE) ** 2).mean(1) / (right.reshape(8, RATE) ** 2).mean(1)
    assert np.all(power[1::2] > 0.9) and np.all(power[2::2] < 0.2)
    assert np.array_equal(
        np.concatenate(list(without_leaks(recording(left, right), 0, found).blocks())), left.astype(np.float32)
    )


def test_soft_speech_of_ones_own_while_the_other_speaks_is_kept():
    a, b = voices()
    soft = 0.1 * noise(5, 8) * (0.55 + 0.45 * np.sin(2 * np.pi * 3.3 * np.arange(8 * RATE) / RATE))
    found = listened(recording(a + 1e-4 * noise(3, 8), b + np.where(np.abs(a) > 0, soft, 0) + 1e-4 * noise(4, 8)))
    assert not found.leaks


def test_a_sentence_says_how_much_was_counted_to_the_loud_channel_alone():
    a, b = voices()
    parts, notes = Speakers.of("channels").parts(recording(a, b + 0.05 * a))
    assert [part.speaker for part in parts] == ["channel 1", "channel 2"]
    assert notes == [
        "Channel 2 holds the other voice faintly for 4 s: that was counted to the channel in which it is loud."
    ]
    assert 0 < GATED < 0.1
