"""Real speech, made awkward in ten ways, is read as in the clean recording, at its times, or it is said what is lost.

`INTONE_AWKWARD=30 pytest tests/test_awkward_speech.py` tries thirty of each way in place of three.
"""

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from awkward import CONTAINERS, RATE, damaged, encoded, flac_without_length, mp3_without_xing, wav, with_size

import intone
from intone.audio.frames import SAMPLE_RATE
from intone.audio.recording import Recording
from intone.errors import BadClip
from intone.inference.analyzer import Analyzer

EACH = int(os.environ.get("INTONE_AWKWARD", "3"))
CLIPS = sorted(Path(os.environ.get("INTONE_RAVDESS", "data/ravdess")).glob("Actor_*/*"))
pytestmark = pytest.mark.skipif(not CLIPS, reason="RAVDESS isn't here: INTONE_RAVDESS names its folder")

LATE, LOST = 0.1, 0.2
"""Seconds by which speech may be displaced, and of which nothing need be said."""

LOUD = ("03-02", "05-02", "06-02", "08-02")
"""Happy, angry, fearful and surprised, strongly: as RAVDESS's names have it."""

ALIKE = 0.5
"""Correlation with the clean speech above which it is the same; codecs leave 0.9 of it, and chance makes 0.2."""

Chance = np.random.Generator


@dataclass(frozen=True)
class Case:
    """An awkward file, and where its speech belongs."""

    data: bytes
    ending: str
    parts: tuple[tuple[float, float, float], ...]
    """(from, to, shift): speech from..to of the clean sound stands `shift` seconds later."""


def speech(chance: Chance) -> np.ndarray:
    """Two loud clips with a second of silence around each, mono float32 at 48 kHz."""
    out = [np.zeros(RATE, np.float32)]
    for path in chance.choice([p for p in CLIPS if p.name[6:11] in LOUD], 2):
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
        clip = soxr.resample(sound.mean(1), rate, RATE)
        out += [0.3 * clip / np.abs(clip).max(), np.zeros(RATE, np.float32)]
    return np.concatenate(out).astype(np.float32)


def whole(data: bytes, ending: str) -> Case:
    return Case(data, ending, ((0.0, 1e9, 0.0),))


def lying(sound: np.ndarray, chance: Chance) -> Case:
    sizes = [0, 0x7FFFFFFF, 0x7FFFF000, 0xFFFFFFFF, int(chance.integers(1000, 2 * len(sound))) & ~1, 2 * len(sound) + 1]
    makers: list[Callable[[], Case]] = [lambda size=size: whole(with_size(wav(sound), size), "wav") for size in sizes]
    makers += [lambda: whole(flac_without_length(sound), "flac"), lambda: whole(mp3_without_xing(sound), "mp3")]
    return makers[chance.integers(len(makers))]()


def joined(sound: np.ndarray, chance: Chance) -> Case:
    ending = str(chance.choice(list(CONTAINERS)))
    length = len(sound) / RATE
    return Case(encoded(ending, sound) * 2, ending, ((0.0, length, 0.0), (0.0, length, length)))


def late(sound: np.ndarray, chance: Chance) -> Case:
    ending = str(chance.choice(["m4a", "mka", "mov", "ts", "flv"]))
    by = float(chance.uniform(0.5, 20))
    return Case(encoded(ending, sound, late=by, video=by + 3), ending, ((0.0, 1e9, by),))


def gapped(sound: np.ndarray, chance: Chance) -> Case:
    ending, by = str(chance.choice(["m4a", "mka", "webm", "ts"])), float(chance.uniform(0.5, 9))
    at = len(sound) / RATE - 0.5  # in the silence at the end of the second clip
    data = encoded(ending, np.concatenate([sound, sound]), gap=(at, by))
    return Case(data, ending, ((0.0, at, 0.0), (0.0, 1e9, len(sound) / RATE + by)))


def tracks(sound: np.ndarray, chance: Chance) -> Case:
    return whole(encoded(str(chance.choice(["mka", "m4a"])), sound, tracks=[0 * sound]), "mka")


def out_of_phase(sound: np.ndarray, chance: Chance) -> Case:
    out = io.BytesIO()
    soundfile.write(out, np.stack([sound, -chance.uniform(0.7, 1.2) * sound], 1), RATE, format="FLAC")
    return whole(out.getvalue(), "flac")


def quiet(sound: np.ndarray, chance: Chance) -> Case:
    out = io.BytesIO()
    soundfile.write(out, sound * 10 ** (chance.uniform(-65, -45) / 20), RATE, format="FLAC", subtype="PCM_24")
    return whole(out.getvalue(), "flac")


def broken(sound: np.ndarray, chance: Chance) -> Case:
    ending = str(chance.choice(["m4a", "mka", "flac", "opus", "ts", "flv", "mpg", "mp3", "webm", "aac"]))
    data = damaged(encoded(ending, sound), float(chance.uniform(0.1, 0.9)), seed=int(chance.integers(99)))
    return whole(data, ending)


def cut(sound: np.ndarray, chance: Chance) -> Case:
    ending = str(chance.choice(["wav", "flac", "mp3", "opus", "webm", "mka", "aac", "ts", "aiff"]))
    data, share = encoded(ending, sound), float(chance.uniform(0.5, 0.95))
    return whole(data[: round(share * len(data))], ending)


def misnamed(sound: np.ndarray, chance: Chance) -> Case:
    ending = str(chance.choice([e for e in CONTAINERS if e != "aac"]))
    return whole(
        encoded(ending, sound, int(chance.integers(1, 3))), str(chance.choice(["wav", "mp3", "bin", "mp4", "flac"]))
    )


WAYS = [lying, joined, late, gapped, tracks, out_of_phase, quiet, broken, cut, misnamed]


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return intone.load(whisper=None, threads=1)


@pytest.mark.parametrize("number", range(EACH))
@pytest.mark.parametrize("way", WAYS)
def test_speech_is_where_it_was_or_it_is_said(way, number, analyzer, tmp_path):
    chance = np.random.default_rng([WAYS.index(way), number])
    sound = speech(chance)
    # What lasts for half a second alone is found at one time and not at another.
    expected = [(start, end) for _, start, end in analyzer.signal(sound, RATE).index if end - start >= 0.8]
    case = way(sound, chance)
    path = tmp_path / f"a.{case.ending}"
    path.write_bytes(case.data)
    try:
        found = analyzer.analysis(Recording.of_file(path))
    except BadClip as refused:
        pytest.fail(f"refused: {refused}")
    account = found.account
    lost = sum(part.seconds for part in account.left_out)
    assert account.heard + lost == pytest.approx(account.length, abs=0.05)
    assert account.length == pytest.approx(found.duration, abs=0.05)
    assert not lost > LOST or found.warnings or account.left_out[0].start == 0
    spans = [(start, end) for _, start, end in found.segments.index]
    signal = np.concatenate(list(found.sound()))
    clean = soxr.resample(sound, RATE, SAMPLE_RATE)
    for low, high, by in case.parts:
        for start, end in ((a, b) for a, b in expected if low <= a and b <= high):
            if way is cut and end + by > account.length - 0.5:
                continue
            if way is broken and any(p.start - 0.1 < end + by and start + by < p.end + 0.1 for p in account.left_out):
                continue
            off, alike = displaced(clean, signal, start, end, by)
            assert abs(off) <= LATE and alike >= ALIKE, (start, end, by, off, alike, found.warnings, account)
    assert spans or not expected


def displaced(clean: np.ndarray, signal: np.ndarray, start: float, end: float, by: float) -> tuple[float, float]:
    """Seconds that the speech from start to end of one signal lies off `start + by` in another, both at 16 kHz, and
    their correlation there."""
    wanted = clean[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
    first = round((start + by - 0.5) * SAMPLE_RATE)
    near = np.pad(signal, (SAMPLE_RATE, SAMPLE_RATE))[first + SAMPLE_RATE :][: len(wanted) + SAMPLE_RATE]
    size = len(wanted) + len(near)
    match = np.fft.irfft(np.fft.rfft(near, size) * np.conj(np.fft.rfft(wanted, size)), size)[:SAMPLE_RATE]
    best = int(np.abs(match).argmax())
    there = near[best : best + len(wanted)]
    alike = abs(match[best]) / max(1e-9, float(np.linalg.norm(wanted) * np.linalg.norm(there)))
    return best / SAMPLE_RATE - 0.5, float(alike)
