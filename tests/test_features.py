"""Features against librosa, and what they must not depend on."""

import librosa
import numpy as np
import pytest
import soundfile

from intone.audio.features import (
    FFT_SAMPLES,
    FRAME_SAMPLES,
    HOP_SAMPLES,
    FeatureSettings,
    deltas,
    extract,
    extract_file,
    log_mel,
    mel_filters,
    mfcc,
    power_spectrum,
    spectrogram,
)
from intone.audio.frames import SAMPLE_RATE
from intone.errors import BadClip


@pytest.fixture(scope="module")
def signal() -> np.ndarray:
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    noise = np.random.default_rng(0).normal(0, 0.01, len(time))
    return (0.3 * np.sin(2 * np.pi * (200 + 300 * time) * time) + noise).astype(np.float32)


def librosa_power(signal: np.ndarray) -> np.ndarray:
    stft = librosa.stft(
        signal, n_fft=FFT_SAMPLES, hop_length=HOP_SAMPLES, win_length=FRAME_SAMPLES, window="hann", pad_mode="constant"
    )
    return np.abs(stft) ** 2


def test_power_spectrum_is_librosas(signal):
    expected = librosa_power(signal)
    assert power_spectrum(signal).shape == expected.shape
    assert np.allclose(power_spectrum(signal), expected, rtol=1e-3, atol=1e-4)


def test_mel_filters_are_librosas():
    ours = mel_filters(64, 50.0, 8000.0)
    assert np.allclose(
        ours, librosa.filters.mel(sr=SAMPLE_RATE, n_fft=FFT_SAMPLES, n_mels=64, fmin=50, fmax=8000), atol=1e-6
    )


def test_log_mel_and_spectrogram_are_librosas(signal):
    settings = FeatureSettings()
    mel = librosa.feature.melspectrogram(S=librosa_power(signal), sr=SAMPLE_RATE, n_mels=64, fmin=50, fmax=8000)
    assert np.allclose(log_mel(signal, settings), np.log(mel + settings.floor), atol=1e-3)
    plain = np.log(librosa_power(signal) + settings.floor)
    assert np.allclose(spectrogram(signal, settings), plain, atol=5e-2)


def test_mfccs_and_their_deltas_are_librosas(signal):
    settings = FeatureSettings(kind="mfcc")
    still = librosa.feature.mfcc(S=log_mel(signal, settings), n_mfcc=20)
    ours = mfcc(signal, settings)
    assert ours.shape[0] == settings.rows == 60
    assert np.allclose(ours[:20], still, atol=1e-3)
    assert np.allclose(ours[20:40], librosa.feature.delta(ours[:20], width=9), atol=1e-3)


def test_deltas_of_a_ramp_are_its_slope():
    ramp = np.outer([1.0, -2.0], np.arange(20)).astype(np.float32)
    assert np.allclose(deltas(ramp), [[1.0] * 20, [-2.0] * 20], atol=1e-5)
    assert (deltas(ramp[:, :5]) == 0).all()  # too short to have a slope


@pytest.mark.parametrize("kind", ["logmel", "mfcc", "spectrogram"])
def test_gain_and_surrounding_silence_change_nothing(signal, kind):
    settings = FeatureSettings(kind=kind)
    once = extract(signal, settings)
    assert once.shape[0] == settings.rows
    assert np.allclose(once, extract(signal * 0.05, settings), atol=1e-2)
    assert extract(np.pad(signal, 4000), settings).shape[1] == pytest.approx(
        once.shape[1], abs=14
    )  # 50 ms of margin on both sides


def test_the_cache_answers_the_second_time_and_knows_settings_apart(tmp_path, signal, monkeypatch):
    path = tmp_path / "clip.wav"
    soundfile.write(path, signal, SAMPLE_RATE)
    first = extract_file(path, FeatureSettings())
    other = extract_file(path, FeatureSettings(bands=40))
    monkeypatch.setattr("intone.audio.features.extract", lambda *_: pytest.fail("computed twice"))
    assert np.array_equal(extract_file(path, FeatureSettings()), first)
    assert other.shape[0] == 40


def test_a_silent_clip_is_refused():
    with pytest.raises(BadClip):
        extract(np.zeros(SAMPLE_RATE, np.float32), FeatureSettings())
