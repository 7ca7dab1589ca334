"""Path and array give the same blocks; long recordings take little memory; odd samples are one sentence."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from intone.audio.clip import read_clip
from intone.audio.decoding import opened
from intone.audio.frames import SAMPLE_RATE
from intone.audio.recording import Recording
from intone.errors import BadClip, IntoneError


def noise(seconds: float, rate: int, channels: int = 1) -> np.ndarray:
    shape = (round(seconds * rate), channels)
    return np.random.default_rng(0).normal(0, 0.1, shape).astype(np.float32)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 96_000, 192_000])
@pytest.mark.parametrize("kind", ["PCM_16", "FLOAT"])
def test_file_array_and_clip_hold_the_same_sound(tmp_path: Path, rate: int, kind: str) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(0.7, rate, 2), rate, subtype=kind)
    from_file = np.concatenate(list(Recording.of_file(path).blocks()))
    for dtype in ("float64", "float32", *(["int16"] if kind == "PCM_16" else [])):
        samples, _ = soundfile.read(path, dtype=dtype, always_2d=True)
        from_array = np.concatenate(list(Recording.of_signal(samples, rate).blocks()))
        np.testing.assert_array_equal(from_array, from_file)
    np.testing.assert_allclose(from_file, read_clip(path), atol=1e-6)


@pytest.mark.parametrize("rate", [8_000, 44_100])
def test_blocks_of_a_long_file_are_one_sound(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.flac", noise(25, rate), rate)
    blocks = list(Recording.of_file(tmp_path / "a.flac").blocks())
    assert len(blocks) > 2
    np.testing.assert_allclose(np.concatenate(blocks), read_clip(tmp_path / "a.flac"), atol=1e-5)


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", 8_000, 1, "PCM_16") as f:
        for _ in range(20):
            f.write(noise(60, 8_000))
    tracemalloc.start()
    samples = sum(len(block) for block in Recording.of_file(path).blocks())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert samples == pytest.approx(20 * 60 * SAMPLE_RATE, abs=2)
    assert peak < 10e6 < samples * 4


@settings(max_examples=40, deadline=None)
@given(
    samples=arrays.arrays(
        st.sampled_from([np.int16, np.int32, np.uint8, np.float32, np.float64]),
        st.tuples(st.integers(0, 3000), st.integers(1, 8)),
        elements=None,
        fill=st.nothing(),
    )
    | arrays.arrays(np.float32, st.integers(0, 3000), elements=st.floats(width=32)),
    rate=st.sampled_from([1_000, 8_000, 22_050, 192_000]),
)
def test_any_samples_are_sound_or_one_sentence(samples, rate):
    try:
        found = np.concatenate(list(Recording.of_signal(samples, rate).blocks()))
    except IntoneError as problem:
        assert str(problem).endswith(".") and "\n" not in str(problem)
        return
    assert found.dtype == np.float32 and found.ndim == 1 and len(found) >= 0.09 * SAMPLE_RATE


@pytest.mark.parametrize("bad", [np.zeros((2, 16_000)), np.zeros(9, complex), np.array(["a"]), np.zeros((1, 2, 3))])
def test_what_is_no_signal_is_refused(bad):
    with pytest.raises(IntoneError, match=r"give \[samples\]"):
        Recording.of_signal(bad, 16_000)


def test_an_impossible_rate_is_refused():
    for rate in (0, -1, 10**9):
        with pytest.raises(IntoneError, match="sampling rate"):
            Recording.of_signal(np.zeros(9), rate)


def test_a_header_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(1, 8_000), 8_000)
    data = bytearray(path.read_bytes())
    data[24:28] = (4_000_000_000).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(BadClip, match=r"damaged|not audio"):
        opened(path)
