"""One sound has one answer, however it comes in; words, curves, warnings and doubts are where they belong."""

import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

import intone
from intone.asr.alignment import Word
from intone.audio.clip import read_clip
from intone.audio.conditions import measures
from intone.audio.frames import SAMPLE_RATE
from intone.audio.recording import Recording, recordings
from intone.audio.segments import Stretch
from intone.emotions import EMOTIONS
from intone.errors import BadClip, IntoneError, Missing
from intone.inference.analyzer import Analyzer
from intone.inference.formats import FORMATS
from intone.inference.found import Found
from intone.inference.meter import Meter
from intone.inference.model import Model
from intone.inference.ood import spans, strangeness
from intone.inference.registry import find
from intone.inference.result import COLUMNS, UNSURE


@dataclass(frozen=True)
class Parrot:
    """Hears the same words in every stretch, in the language that it is told, and counts how often it was asked."""

    said: str = "Kids are talking. Dogs are"
    language: str = "en"
    asked: list[str] = field(default_factory=list)
    at_once: int = 2

    def hints(self, signal: np.ndarray) -> bool:
        return True

    def speaking(self, language: str) -> "Parrot":
        return replace(self, language=language)

    def languages(self, signal: np.ndarray) -> dict[str, float]:
        self.asked.append("language")
        return {self.language: 0.9, "de": 0.1}

    def sampled_words(self, signal: np.ndarray) -> list[Word]:
        return []

    def timed_words(self, signal: np.ndarray) -> list[Word]:
        words = self.said.split()
        each = len(signal) / SAMPLE_RATE / max(1, len(words))
        return [Word(word=f" {w}", start=i * each, end=(i + 1) * each, probability=0.9) for i, w in enumerate(words)]


@pytest.fixture
def two_stretches(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Speech from 0.5 s to 2 s and from 3 s to 5 s of anything; a number in the list, and all but so many seconds at
    both ends of each is speech by the stricter threshold too."""
    margins: list[float] = []

    def found(blocks, voice, longest):
        signal = np.concatenate(list(blocks))
        for start, end in ((0.5, 2.0), (3.0, 5.0)):
            part = signal[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
            if len(part):
                yield Stretch(start, part, tuple((start + m, end - m) for m in margins))

    monkeypatch.setattr("intone.inference.heard.stretches", found)
    return margins


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """Six seconds of a wavering tone in two channels at 44.1 kHz."""
    time = np.arange(6 * 44_100) / 44_100
    tone = 0.2 * np.sin(2 * np.pi * 180 * time + np.sin(5 * time)) * (1 + 0.5 * np.sin(9 * time))
    soundfile.write(tmp_path / "a.wav", np.stack([tone, 0.5 * tone], 1), 44_100, subtype="PCM_16")
    return tmp_path / "a.wav"


@pytest.fixture
def analyzer(model_file: Path) -> Analyzer:
    return Analyzer(Model(model_file, 1), Parrot())


def test_segments_are_keyed_by_file_start_and_end(analyzer, sound, two_stretches):
    found = analyzer.file(sound)
    assert list(found.index.names) == ["file", "start", "end"] and list(found.columns) == list(COLUMNS)
    assert list(found["text"]) == ["Kids are talking.", "Dogs are"] * 2
    assert [(s, e) for _, s, e in found.index] == [(0.5, 1.4), (1.4, 2.0), (3.0, 4.2), (4.2, 5.0)]
    np.testing.assert_allclose(found[list(EMOTIONS)].sum(axis=1), 1)
    assert (found["confidence"] == found[list(EMOTIONS)].max(axis=1)).all()
    assert all(found["sentence"]) and all(found["audio"])
    assert found.top(2)[0][0]["label"] == found["emotion"].iloc[0] == found[list(EMOTIONS)].idxmax(axis=1).iloc[0]


def test_path_array_and_command_line_agree_to_the_bit(model_file, sound, two_stretches, capsys, tmp_path):
    from intone.inference.batch import Settings, run
    from intone.inference.tasks import Target, tasks

    analyzer = Analyzer(Model(model_file, 1))
    by_path = analyzer.file(sound)
    samples, rate = soundfile.read(sound)
    by_array = analyzer.signal(samples, rate, name=str(sound))
    pd.testing.assert_frame_equal(by_path, by_array, check_exact=True)
    run(tasks([sound], Target(("json",), tmp_path / "out")), Settings(model_file, None, None, 1), tmp_path / "out", 1)
    import json

    from intone.inference.formats.tables import as_json

    written = json.loads((tmp_path / "out" / "a.json").read_text())
    assert written == json.loads(as_json(analyzer.analysis(Recording.of_file(sound))))
    assert len(written["segments"]) == 2


def test_without_words_stretches_are_the_segments(model_file, sound, two_stretches):
    found = Analyzer(Model(model_file, 1)).analysis(Recording.of_file(sound))
    assert [(s, e) for _, s, e in found.segments.index] == [(0.7, 1.8), (3.2, 4.8)]
    assert list(found.segments["text"]) == ["", ""] and found.language is None
    assert found.duration == pytest.approx(6, abs=0.01)
    assert len(found.peaks) == 600 and 0.1 < found.peaks.max() < 0.4
    assert not any(found.segments["sentence"])


def test_a_long_segment_has_a_curve(model_file, monkeypatch):
    def found(blocks, voice, longest):
        yield Stretch(1.0, np.concatenate(list(blocks)))

    monkeypatch.setattr("intone.inference.heard.stretches", found)
    tone = np.sin(np.arange(12 * SAMPLE_RATE) / 9)
    curve = Analyzer(Model(model_file, 1)).analysis(Recording.of_signal(tone, SAMPLE_RATE, "t")).curve
    assert len(curve) == 4 and list(curve.columns) == list(EMOTIONS)
    times = curve.index.get_level_values("time")
    assert (np.diff(times) > 2).all()
    np.testing.assert_allclose([times[0], times[-1]], [3.5, 10.5], atol=0.1)


def test_what_is_judged_keeps_no_sound(analyzer):
    chapter = np.sin(np.arange(4 * SAMPLE_RATE) / 9).astype(np.float32)
    (judged,) = analyzer._judge([Found(0.0, 1.0, 0.0, chapter[:SAMPLE_RATE])])
    assert judged.found.sound.size == 0 and judged.found.sound.base is None


def test_nobody_speaks_in_silence(analyzer):
    found = analyzer.signal(np.zeros(SAMPLE_RATE), SAMPLE_RATE)
    assert len(found) == 0 and list(found.columns) == list(COLUMNS) and found.top(3) == []


def test_below_the_threshold_it_is_unsure(analyzer, sound, two_stretches):
    card = analyzer.model.card
    analyzer.model.card = replace(card, reading=replace(card.reading, unsure=1.01))
    assert set(analyzer.file(sound)["emotion"]) == {UNSURE}
    analyzer.model.card = replace(card, unsure=1.01)
    assert UNSURE not in set(analyzer.file(sound)["emotion"])
    analyzer.whisper = None
    assert set(analyzer.file(sound)["emotion"]) == {UNSURE}


def test_what_is_farther_than_any_training_clip_is_unsure(analyzer, sound):
    clip, model = read_clip(sound), analyzer.model
    distance = model.predict(clip).distance
    for farthest, sure in ((1.01 * distance, True), (0.99 * distance, False)):
        model.card = replace(model.card, unsure=0.0, known={"distance": (0.0, farthest)})
        assert model.predict(clip).sure == sure
    model.card = replace(model.card, known={})  # a file that says nothing of its training clips
    assert model.predict(clip).sure


def test_a_foreign_language_is_heard_but_not_read(model_file, sound, two_stretches):
    whisper = Parrot(language="fr")
    found = Analyzer(Model(model_file, 1), whisper).analysis(Recording.of_file(sound))
    assert found.language == "fr" and not any(found.segments["sentence"])
    assert set(found.costs) == {"words", "emotion"}
    assert any("language seems to be 'fr'" in warning for warning in found.warnings)
    given = Parrot(language="fr")
    assert Analyzer(Model(model_file, 1), given, "en").analysis(Recording.of_file(sound)).language == "en"
    assert not given.asked


def test_a_conversation_may_change_its_language(model_file, sound, two_stretches):
    @dataclass(frozen=True)
    class Guest(Parrot):
        """Hears French in what is longer than a second and a half, and English else."""

        def languages(self, signal: np.ndarray) -> dict[str, float]:
            return {"fr": 0.99, "en": 0.01} if len(signal) > 1.6 * SAMPLE_RATE else {"fr": 0.01, "en": 0.99}

    found = Analyzer(Model(model_file, 1), Guest()).analysis(Recording.of_file(sound))
    assert list(found.segments["language"]) == ["en", "en", "fr", "fr"] and found.language == "fr"
    assert [bool(said) for said in found.segments["sentence"]] == [True, True, False, False]


def test_speech_without_words_is_judged_by_its_sound(model_file, sound, two_stretches):
    two_stretches.append(0.1)
    found = Analyzer(Model(model_file, 1), Parrot("")).analysis(Recording.of_file(sound))
    assert [(s, e) for _, s, e in found.segments.index] == [(0.6, 1.9), (3.1, 4.9)]
    assert list(found.segments["text"]) == ["", ""] and not any(found.segments["sentence"])
    np.testing.assert_allclose(found.segments[list(EMOTIONS)].sum(axis=1), 1)
    heard = Analyzer(Model(model_file, 1)).analysis(Recording.of_file(sound))  # words off: the same times
    assert list(heard.segments.index) == list(found.segments.index) and heard.segments["language"].isna().all()


def test_a_sentence_with_speech_beside_it_is_judged_as_if_it_were_alone(model_file, sound, two_stretches):
    """Slivers of speech widen a sentence's times, and leave the sound that is judged, and so its emotion, as it is."""
    alone = Analyzer(Model(model_file, 1), Short()).file(sound)
    two_stretches.append(0.15)
    wide = Analyzer(Model(model_file, 1), Short()).file(sound)
    assert [(s, e) for _, s, e in alone.index] == [(0.8, 1.7), (3.3, 4.7)]
    assert [(s, e) for _, s, e in wide.index] == [(0.65, 1.85), (3.15, 4.85)]
    assert (alone[list(EMOTIONS)].to_numpy() == wide[list(EMOTIONS)].to_numpy()).all()


@dataclass(frozen=True)
class Short(Parrot):
    """Hears a word from 0.3 s after the stretch's beginning to 0.3 s before its end."""

    def timed_words(self, signal: np.ndarray) -> list[Word]:
        return [Word(word=" Kids", start=0.3, end=len(signal) / SAMPLE_RATE - 0.3, probability=0.9)]


def test_a_stranger_gets_a_warning_and_a_training_clip_none(sound):
    samples, _ = soundfile.read(sound, dtype="float32")
    talking = np.where(np.arange(len(samples)) // 3000 % 3 > 0, samples[:, 0], samples[:, 0] / 1000)
    clips = [talking[i : i + SAMPLE_RATE] for i in (0, 42_000, 90_000)]
    known = spans([measures(clip) for clip in clips])
    assert strangeness([measures(clips[1])], known, "en", ["en"]) == ()
    quiet = strangeness([measures(clips[1] / 100)], known, None, ["en"])
    assert len(quiet) == 1 and "level" in quiet[0]
    soft = np.hanning(200) / np.hanning(200).sum()
    dull = np.convolve(clips[1], soft).astype(np.float32)
    noisy = clips[1] + np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE).astype(np.float32)
    assert any("bandwidth" in w for w in strangeness([measures(dull)], known, None, ["en"]))
    assert any("signal-to-noise" in w for w in strangeness([measures(noisy)], known, None, ["en"]))


def test_files_and_folders_leave_bad_ones_out(analyzer, sound, two_stretches, capsys):
    (sound.parent / "bad.mp3").write_bytes(b"no sound")
    (sound.parent / "notes.txt").write_text("not a recording")
    (sound.parent / ".hidden.wav").write_bytes(b"")
    assert [p.name for p in recordings(sound.parent)] == ["a.wav", "bad.mp3"]
    found = analyzer.folder(sound.parent)
    assert set(found.index.get_level_values("file")) == {str(sound)} and len(found.top(1)) == len(found)
    assert "bad.mp3" in capsys.readouterr().err
    with pytest.raises(BadClip):
        analyzer.file(sound.parent / "bad.mp3")
    with pytest.raises(IntoneError, match="None of the 1"):
        analyzer.files([sound.parent / "bad.mp3"])
    assert len(analyzer.files([])) == 0
    with pytest.raises(IntoneError, match="No recording lies"):
        recordings(_empty(sound.parent))


def _empty(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def test_peaks_do_not_depend_on_the_blocks():
    signal = np.random.default_rng(0).normal(size=10_007).astype(np.float32)
    one, other = Meter(), Meter()
    list(one.along([signal]))
    list(other.along(np.array_split(signal, 13)))
    np.testing.assert_array_equal(one.heights, other.heights)
    assert one.samples == other.samples == 10_007 and len(one.heights) == 63


def test_load_says_what_is_missing(tmp_path, model_file, monkeypatch):
    monkeypatch.delenv("INTONE_MODELS", raising=False)
    with pytest.raises(Missing, match="intone models get whisper-base"):
        intone.load(model_file)
    assert intone.load(model_file, whisper=None).whisper is None
    with pytest.raises(Missing, match="no model file"):
        intone.load(tmp_path / "none.onnx", whisper=None)
    assert find("some.onnx") == Path("some.onnx")


GUARD = """
import sys
from importlib.abc import MetaPathFinder

class Guard(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BANNED:
            raise AssertionError(f"{name} was imported")

sys.meta_path.insert(0, Guard())
sys.argv = ["intone", "analyze", *sys.argv[1:]]
from intone.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""


def test_no_training_library_is_loaded_to_analyse(model_file, sound, tmp_path):
    """In a process where importing one is an error: every format, the Python API and the command line."""
    banned = {"torch", "lightning", "librosa", "transformers", "sklearn", "scipy", "matplotlib", "numba"}
    command = ["--model", str(model_file), "--no-text", "-o", str(tmp_path / "out"), "-f"]
    formats = ",".join(FORMATS)
    done = subprocess.run(
        [sys.executable, "-c", GUARD.replace("BANNED", repr(banned)), str(sound), *command, formats],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out").glob("a.*"))) == len(FORMATS)


def test_importing_intone_loads_next_to_nothing():
    code = "import sys, intone; print(len(sys.modules), 'numpy' in sys.modules, 'pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[1:] == ["False", "False"]


def test_loading_a_model_leaves_nothing_for_telemetry(model_file, tmp_path):
    """onnxruntime's telemetry, where it is on, begins with an identifier in the temporary and in the home folder."""
    code = "import sys, intone; intone.load(sys.argv[1], whisper=None)"
    settings = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    settings |= {"TMPDIR": str(tmp_path), "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code, str(model_file)], check=True, env=settings)
    assert not list(tmp_path.iterdir())
