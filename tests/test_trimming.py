"""Where a clip's speech begins and ends: by its loudness in silence, by its voice in noise."""

import numpy as np
import pytest

from intone.audio.augment.perturbations import mixed
from intone.audio.clip import read_clip
from intone.audio.frames import FRAME_SAMPLES, SAMPLE_RATE
from intone.audio.trimming import speech_span, trim_silence
from intone.errors import BadClip


def tone(seconds: float = 1.0) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * 220 * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)).astype(np.float32)


def test_trimming_keeps_the_speech_its_pauses_and_50_ms_around_it() -> None:
    silence = np.random.default_rng(0).normal(0, 1e-4, SAMPLE_RATE).astype(np.float32)
    signal = np.concatenate([silence, tone(), silence, tone(), silence])
    trimmed = trim_silence(signal)
    assert trimmed.size == pytest.approx(3.1 * SAMPLE_RATE, abs=2 * FRAME_SAMPLES)
    np.testing.assert_array_equal(trim_silence(trimmed), trimmed)  # nothing is left to trim


def test_trimming_does_not_depend_on_loudness() -> None:
    signal = np.concatenate([np.zeros(5000), tone(), np.zeros(7000)]).astype(np.float32)
    assert trim_silence(signal).size == trim_silence(signal / 100).size


def test_trimming_silence_is_refused() -> None:
    for nothing in (np.zeros(16_000, np.float32), np.zeros(0, np.float32)):
        with pytest.raises(BadClip, match="silent"):
            trim_silence(nothing)


@pytest.fixture
def spoken(corpus):
    """A clip with a second of silence on either side, and where its speech is."""
    speech = trim_silence(read_clip(next(iter(corpus.paths.values()))))
    silence = np.zeros(SAMPLE_RATE, np.float32)
    return np.concatenate([silence, speech, silence]), (SAMPLE_RATE, SAMPLE_RATE + speech.size)


@pytest.mark.parametrize("snr", [30, 20, 10])
def test_noise_around_speech_is_cut_where_it_stands_in_the_place_of_silence(spoken, snr):
    clean, (first, last) = spoken
    noisy = mixed(clean, np.random.default_rng(0).standard_normal(clean.size), snr).astype(np.float32)
    start, end = speech_span(noisy)
    assert abs(start - first) < 0.3 * SAMPLE_RATE and abs(end - last) < 0.3 * SAMPLE_RATE


def test_a_clip_in_silence_is_cut_by_loudness_alone(spoken, monkeypatch):
    monkeypatch.setattr("intone.audio.trimming.speech_spans", lambda *_: pytest.fail("the detector was asked"))
    clean, (first, last) = spoken
    start, end = speech_span(clean)
    assert abs(start - first) <= 0.06 * SAMPLE_RATE and abs(end - last) <= 0.06 * SAMPLE_RATE


def test_what_no_detector_takes_for_a_voice_is_kept_where_it_is_loud(spoken, monkeypatch):
    clean, _ = spoken
    noise = 0.01 * np.random.default_rng(0).standard_normal(clean.size + 2 * SAMPLE_RATE)
    shout = np.concatenate([tone(), clean, tone()]) + noise.astype(np.float32)
    assert speech_span(shout) == (0, shout.size)
    monkeypatch.setattr("intone.audio.trimming.speech_spans", lambda *_: [])
    assert speech_span(noise.astype(np.float32)) == (0, noise.size)
