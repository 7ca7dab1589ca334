from pathlib import Path

import numpy as np
import pytest

from intone.audio.pitch import contour
from intone.data import ravdess
from intone.report.figures import corpus


@pytest.mark.parametrize("hertz", [80.0, 120.0, 220.0, 400.0, 600.0])
def test_the_pitch_of_a_buzz_in_noise(hertz: float) -> None:
    time = np.arange(16_000) / 16_000
    buzz = sum(np.sin(2 * np.pi * k * hertz * time) / k for k in range(1, 6))
    signal = 0.1 * buzz + np.random.default_rng(0).normal(0, 0.005, time.size)
    assert np.nanmedian(contour(signal)) == pytest.approx(hertz, rel=0.01)
    assert np.isfinite(contour(signal)).mean() > 0.95


def test_noise_silence_and_a_blink_have_no_pitch() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 16_000)
    assert np.isfinite(contour(noise)).mean() < 0.05
    assert not np.isfinite(contour(np.zeros(16_000))).any()
    assert not np.isfinite(contour(np.ones(100))).any()


def test_a_glide_is_followed() -> None:
    time = np.arange(16_000) / 16_000
    glide = np.sign(np.sin(2 * np.pi * (100 * time + 50 * time**2)))  # 100 Hz at the start, 200 Hz at the end
    found = contour(glide.astype(np.float32))
    centres = np.arange(found.size) * 0.01 + 0.02
    voiced = np.isfinite(found)
    assert voiced.mean() > 0.9
    np.testing.assert_allclose(found[voiced], 100 + 100 * centres[voiced], rtol=0.03)


def test_five_pictures(ravdess_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    paths = corpus.draw(ravdess.load(ravdess_folder, actors=[1, 2]), tmp_path / "figures")
    assert [p.stem for p in paths] == [
        f"ravdess-{what}" for what in ("counts", "durations", "loudness", "pitch", "spectrograms")
    ]
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in paths)


def test_measured_values_are_those_of_the_clips(ravdess_folder: Path) -> None:
    measured = corpus.measure(ravdess.load(ravdess_folder, actors=[1, 2])).set_index("file")
    assert len(measured) == 32
    assert measured["speech"].between(0.3, 0.9).all()
    loudness = measured.groupby("emotion")["loudness"].mean()
    assert loudness["surprised"] > loudness["neutral"] + 10
    assert (measured.loc[measured["sex"] == "female", "pitch"] > 190).all()
    assert (measured.loc[measured["sex"] == "male", "pitch"] < 190).all()
