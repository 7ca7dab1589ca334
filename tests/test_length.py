"""How long a recording says it is: right in each format that says it, a bound in others, and never an exception."""

import io
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from awkward import RATE, beeps, encoded
from hypothesis import given, settings
from hypothesis import strategies as st

from intone.audio.readers.length import COMPRESSED, PLAIN, seconds

SAYING = ("wav", "flac", "mp3", "aac", "opus", "m4a", "alac.m4a", "mov", "webm", "mka")
RATES = {"aac": 0.02}
"""Formats that say only how many bytes their first frames take."""
OTHERS = ("aiff", "caf", "au", "w64", "avi", "flv", "ts", "mpg")


class OneWay(io.BytesIO):
    """What can't be sought in, as a browser's recorder or a pipe."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation


def said(tmp_path: Path, data: bytes, name: str = "a") -> float:
    (tmp_path / name).write_bytes(data)
    return seconds(tmp_path / name)


@pytest.mark.parametrize("ending", SAYING)
@pytest.mark.parametrize("length", [3.0, 130.0])
def test_what_a_format_says_is_read(tmp_path, ending, length):
    assert said(tmp_path, encoded(ending, beeps(length))) == pytest.approx(length, abs=0.15, rel=RATES.get(ending, 0))


@pytest.mark.parametrize("ending", OTHERS)
def test_of_other_formats_it_is_a_bound(tmp_path, ending):
    assert said(tmp_path, encoded(ending, beeps(130.0), video=1.0 if ending == "mpg" else 0.0)) > 120


def test_an_hour_of_opus_is_long_and_a_minute_of_loud_wav_is_short(tmp_path):
    hour = encoded("opus", np.zeros(3600 * RATE, np.float32))
    assert len(hour) < 4_000_000 and said(tmp_path, hour) == pytest.approx(3600, abs=0.1)
    soundfile.write(tmp_path / "b", np.zeros((60 * 96_000, 2)), 96_000, subtype="PCM_24", format="WAV")
    assert (tmp_path / "b").stat().st_size > 4_000_000 and seconds(tmp_path / "b") == pytest.approx(60)


def test_a_recorder_that_cannot_seek_back_is_understood(tmp_path):
    for container, codec in (("webm", "libopus"), ("wav", "pcm_s16le"), ("flac", "flac")):
        out = OneWay()
        with av.open(out, "w", format=container) as file:
            stream = file.add_stream(codec, rate=RATE, layout="mono")
            sound = np.random.default_rng(0).normal(0, 0.1, (1, 150 * RATE))
            frame = av.AudioFrame.from_ndarray(sound.astype(np.float32), format="fltp", layout="mono")
            frame.sample_rate = RATE
            fitting = av.AudioResampler(stream.format, "mono", RATE, frame_size=stream.frame_size or 1024)
            for piece in [*fitting.resample(frame), *fitting.resample(None)]:
                file.mux(stream.encode(piece))
            file.mux(stream.encode(None))
        assert said(tmp_path, out.getvalue()) > 120, container


def test_an_mp3_with_a_picture_in_its_tags_or_without_a_count_of_frames_is_measured(tmp_path):
    data = encoded("mp3", beeps(130.0))
    start = 10 + sum(byte << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))
    picture = b"ID3\x04\0\0\0\x10\0\0" + bytes(16 << 14)
    assert said(tmp_path, picture + data[start:]) == pytest.approx(130, abs=0.2)
    plain = data[start:].replace(b"Xing", b"\0\0\0\0").replace(b"Info", b"\0\0\0\0")
    assert said(tmp_path, plain) == pytest.approx(130, abs=2)


def test_what_says_nothing_is_judged_by_its_size(tmp_path):
    assert said(tmp_path, bytes(30_000)) == 30_000 / COMPRESSED and said(tmp_path, b"") == 0
    assert said(tmp_path, b"FORM" + bytes(31_996)) == 32_000 / PLAIN
    with pytest.raises(OSError):
        seconds(tmp_path / "none")


BEGINNINGS = [encoded(ending, beeps(0.5))[:3000] for ending in SAYING]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(BEGINNINGS), st.integers(0, 3000), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255))))
def test_nothing_that_is_sent_raises_or_takes_long(tmp_path_factory, data, end, changes):
    changed = bytearray(data[:end])
    for place, value in changes:
        if place < len(changed):
            changed[place] = value
    path = tmp_path_factory.getbasetemp() / "changed"
    path.write_bytes(changed)
    assert seconds(path) >= 0
