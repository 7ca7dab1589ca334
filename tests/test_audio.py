from pathlib import Path

import numpy as np
import pytest
import soundfile

from intone.audio.clip import decode, duration, pcm_digest, read_clip, samples_digest, to_clip
from intone.audio.frames import FRAME_SAMPLES, HOP_SAMPLES, SAMPLE_RATE, frame_energy
from intone.errors import BadClip


def tone(rate: int = SAMPLE_RATE, seconds: float = 1.0, hertz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_any_rate_becomes_the_same_tone_at_16_khz(tmp_path: Path, rate: int, suffix: str) -> None:
    path = tmp_path / f"tone.{suffix}"
    soundfile.write(path, tone(rate), rate, subtype="PCM_16")
    clip = read_clip(path)
    assert clip.dtype == np.float32 and clip.shape == (SAMPLE_RATE,)
    middle = slice(2000, 14000)  # a resampler's first and last milliseconds are its own
    np.testing.assert_allclose(clip[middle], tone()[middle], atol=2e-3)


def test_channels_are_averaged(tmp_path: Path) -> None:
    left, right = tone(hertz=300), tone(hertz=500)
    soundfile.write(tmp_path / "two.wav", np.stack([left, right], axis=1), SAMPLE_RATE, subtype="FLOAT")
    np.testing.assert_allclose(read_clip(tmp_path / "two.wav"), (left + right) / 2, atol=1e-6)


def test_file_and_array_give_the_same_clip(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(48_000), 48_000, subtype="PCM_16")
    samples, rate = decode(tmp_path / "a.wav")
    assert samples.dtype == np.int16 and samples.shape == (48_000, 1) and rate == 48_000
    np.testing.assert_array_equal(to_clip(samples[:, 0], rate), read_clip(tmp_path / "a.wav"))


@pytest.mark.parametrize(("name", "codec"), [("a.m4a", "aac"), ("a.webm", "libopus"), ("a.mp4", "aac")])
def test_containers_that_libsndfile_cannot_read(tmp_path: Path, name: str, codec: str) -> None:
    av = pytest.importorskip("av")
    path = tmp_path / name
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=48_000)
        stream.layout = "stereo"
        sound = np.stack([tone(48_000)] * 2)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound), format="fltp", layout="stereo")
        frame.sample_rate = 48_000
        resampler = av.AudioResampler(stream.format, "stereo", 48_000, frame_size=stream.frame_size)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    clip = read_clip(path)
    assert abs(clip.size / SAMPLE_RATE - 1) < 0.1
    spectrum = np.abs(np.fft.rfft(clip))
    assert abs(np.argmax(spectrum) * SAMPLE_RATE / clip.size - 440) < 5


def write_truncated(path: Path, suffix: str) -> None:
    whole = path.with_name(f"whole.{suffix}")
    soundfile.write(whole, np.random.default_rng(0).normal(0, 0.1, 48_000), 48_000, subtype="PCM_16")
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_of_a_truncated_file_what_is_there_is_read_and_said_once(tmp_path: Path, suffix: str, capsys) -> None:
    path = tmp_path / f"cut.{suffix}"
    write_truncated(path, suffix)
    first, again = read_clip(path), read_clip(path)
    assert first.size / SAMPLE_RATE == pytest.approx(2 / 3, abs=0.1) == duration(path)
    np.testing.assert_array_equal(first, again)
    [said] = capsys.readouterr().err.splitlines()
    assert said.startswith(f"{path}: It is truncated")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda p: None, "is not there"),
        (lambda p: p.write_bytes(b""), "empty file"),
        (lambda p: p.write_text("Kids are talking by the door. " * 50), "not audio"),
        (lambda p: soundfile.write(p, np.zeros(0), 16_000), "no sound"),
        (lambda p: soundfile.write(p, np.zeros(16_000), 16_000), "silent"),
        (lambda p: soundfile.write(p, tone(seconds=0.05), 16_000), "0.050 s"),
        (lambda p: soundfile.write(p, np.full(16_000, np.nan), 16_000, subtype="FLOAT"), "not numbers"),
    ],
)
def test_a_bad_file_is_refused_in_one_sentence_that_names_it(tmp_path: Path, make, reason: str) -> None:
    path = tmp_path / "clip.wav"
    make(path)
    with pytest.raises(BadClip) as caught:
        read_clip(path)
    text = str(caught.value)
    assert reason in text and str(path) in text and "\n" not in text and text.endswith(".")


def test_frame_energy_equals_the_plain_sum() -> None:
    signal = np.random.default_rng(0).normal(size=1234).astype(np.float32)
    energy = frame_energy(signal)
    padded = np.pad(signal.astype(np.float64), (0, FRAME_SAMPLES))
    plain = [np.mean(padded[k * HOP_SAMPLES : k * HOP_SAMPLES + FRAME_SAMPLES] ** 2) for k in range(energy.size)]
    np.testing.assert_allclose(energy, plain)
    assert (energy.size - 1) * HOP_SAMPLES + FRAME_SAMPLES >= signal.size  # the last sample is in a frame


def test_digest_tells_samples_not_packing(tmp_path: Path) -> None:
    sound = np.random.default_rng(0).integers(-9000, 9000, (5000, 2)).astype(np.int16)
    for name in ("a.wav", "a.flac"):
        soundfile.write(tmp_path / name, sound, 48_000, subtype="PCM_16")
    digest = pcm_digest(tmp_path / "a.wav")
    assert digest == pcm_digest(tmp_path / "a.flac") == samples_digest(sound, 48_000)
    assert digest != samples_digest(sound, 44_100)
    assert digest != samples_digest(sound.reshape(-1, 1), 48_000)
    sound[17, 1] += 1
    assert digest != samples_digest(sound, 48_000)
