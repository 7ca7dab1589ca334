"""Words come once a clip, never from silence, and are counted against what was said."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

from intone import weights
from intone.asr.alignment import Word
from intone.asr.google import GoogleSpeech
from intone.asr.multilingual import Polyglot
from intone.asr.said import Said, compression, says_again
from intone.asr.transcribe import recogniser_of
from intone.asr.transcripts import transcribe, transcribe_file
from intone.asr.wer import word_error_table
from intone.asr.whisper import Whisper
from intone.audio.clip import to_clip
from intone.audio.segments import Stretch
from intone.data.corpus import Corpus
from intone.errors import BadClip, IntoneError, Missing
from intone.text import normalise

RATE = 16_000


@dataclass
class Echo:
    """Answers with the clip's loudness; counts its work and can be told to break off."""

    settings: dict[str, Any] = field(default_factory=lambda: {"backend": "echo"})
    heard: list[str] = field(default_factory=list)
    stop_after: int = 99

    def words(self, signal: np.ndarray) -> str:
        if len(self.heard) >= self.stop_after:
            raise KeyboardInterrupt
        self.heard.append(f"{np.abs(signal).max():.1f}")
        return self.heard[-1]


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    """Three clips of different loudness and a file that is not audio."""
    monkeypatch.setenv("INTONE_CACHE", str(tmp_path / "cache"))
    paths = {}
    for name, level in {"a.wav": 0.1, "b.wav": 0.2, "c.wav": 0.3}.items():
        soundfile.write(tmp_path / name, level * np.sin(np.arange(RATE) / 9), RATE)
        paths[name] = tmp_path / name
    paths["bad.wav"] = tmp_path / "bad.wav"
    paths["bad.wav"].write_bytes(b"not audio")
    return Corpus("fake", pd.DataFrame({"file": list(paths)}), paths)


def test_a_corpus_becomes_a_table_and_a_bad_clip_is_named(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    table = transcribe(corpus, Echo())
    assert list(table.columns) == ["file", "text"]
    assert dict(table.to_numpy()) == {"a.wav": "0.1", "b.wav": "0.2", "c.wav": "0.3"}
    assert "left out" in (said := capsys.readouterr().err) and "bad.wav" in said


def test_each_clip_is_transcribed_once_for_bytes_and_settings(corpus: Corpus, tmp_path: Path) -> None:
    transcribe(corpus, Echo(), progress=False)
    again = Echo()
    transcribe(corpus, again, progress=False)
    assert again.heard == []
    other = Echo({"backend": "echo", "beam": 5})
    transcribe(corpus, other, progress=False)
    assert len(other.heard) == 3
    (tmp_path / "copy.wav").write_bytes(corpus.paths["a.wav"].read_bytes())
    assert transcribe_file(tmp_path / "copy.wav", again) == "0.1" and again.heard == []


def test_after_ctrl_c_it_goes_on_with_what_is_left(corpus: Corpus) -> None:
    with pytest.raises(KeyboardInterrupt):
        transcribe(corpus, Echo(stop_after=2), progress=False)
    rest = Echo()
    assert len(transcribe(corpus, rest, progress=False)) == 3
    assert rest.heard == ["0.3"]


def test_a_missing_file_is_a_bad_clip(tmp_path: Path) -> None:
    with pytest.raises(BadClip, match="not there"):
        transcribe_file(tmp_path / "none.wav", Echo())


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (" Kids are talking, by the door! ", "kids are talking by the door"),
        ("Don’t — STOP...", "don't stop"),
        ('\'Tis "so" well-known_', "tis so well known"),
        ("Über 20 Hüte?", "über 20 hüte"),
        ("…", ""),
    ],
)
def test_normalise(text: str, plain: str) -> None:
    assert normalise(text) == plain
    assert normalise(plain) == plain


def test_loops_are_noticed() -> None:
    once = "Dogs are sitting by the door."
    assert says_again(f"{once} {once}") and not says_again(once) and not says_again("no no no")
    assert compression(" ".join([once] * 9)) > 2.4 > compression(once)


@pytest.fixture(scope="module")
def whisper() -> Whisper:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(
            "INTONE_CACHE", raising=False
        )  # the weights of whoever runs the tests, not of the tests' own empty cache
        try:
            return Whisper(weights.find("whisper-base"))
        except Missing as reason:
            pytest.skip(str(reason))


@pytest.mark.parametrize("sound", ["loud noise", "tone"])
def test_whisper_alone_hears_no_words_either(whisper: Whisper, sound: str) -> None:
    assert whisper._decode(NO_SPEECH[sound].astype(np.float32)) == ""


TIME = np.arange(4 * RATE) / RATE
NO_SPEECH = {
    "silence": 0 * TIME,
    "faint noise": np.random.default_rng(0).normal(0, 0.01, TIME.size),
    "loud noise": np.random.default_rng(0).normal(0, 0.3, TIME.size),
    "tone": 0.3 * np.sin(2 * np.pi * 440 * TIME),
    "hum": 0.3 * (2 * (120 * TIME % 1) - 1),
    "chirp": 0.3 * np.sin(2 * np.pi * (100 + 200 * TIME) * TIME),
}


@pytest.mark.parametrize("sound", NO_SPEECH)
def test_whisper_hears_no_words_where_nobody_speaks(whisper: Whisper, sound: str) -> None:
    assert whisper.words(NO_SPEECH[sound].astype(np.float32)) == ""


def scripted(monkeypatch: pytest.MonkeyPatch, *answers: tuple[str, float, bool]) -> list[int]:
    """Whisper that gives these answers, in turn, and hears speech everywhere; returns the windows asked for."""
    windows: list[int] = []

    def generate(self: Whisper, signal: np.ndarray, window: int) -> Said:
        windows.append(window)
        return Said(*answers[len(windows) - 1])

    monkeypatch.setattr(Whisper, "_generate", generate)
    monkeypatch.setattr(Whisper, "_stretches", lambda self, signal: [(0, len(signal))])
    return windows


def test_a_short_clip_takes_the_short_window_and_a_repeat_the_long_one(monkeypatch: pytest.MonkeyPatch) -> None:
    windows = scripted(monkeypatch, ("by the door", -0.1, True))
    assert Whisper().words(np.zeros(4 * RATE, np.float32)) == "by the door" and windows == [15]
    windows = scripted(monkeypatch, ("by the door. By the door.", -0.1, True), ("by the door", -0.1, True))
    assert Whisper().words(np.zeros(4 * RATE, np.float32)) == "by the door" and windows == [15, 30]
    windows = scripted(monkeypatch, ("by the door", -0.1, True))
    assert Whisper().words(np.zeros(9 * RATE, np.float32)) == "by the door" and windows == [30]


def test_unsure_words_and_loops_are_no_words(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, ("the", -4.0, True))
    assert Whisper().words(np.zeros(RATE, np.float32)) == ""
    scripted(monkeypatch, ("Buh, " * 20, -0.3, False), ("Buh, " * 40, -0.3, False))
    assert Whisper().words(np.zeros(RATE, np.float32)) == ""


def test_a_long_recording_is_cut_in_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    vad = pytest.importorskip("faster_whisper.vad")
    found = [{"start": a * RATE, "end": b * RATE} for a, b in ((1, 10), (12, 27), (31, 58), (80, 81))]
    monkeypatch.setattr(vad, "get_speech_timestamps", lambda *_, **__: found)
    stretches = Whisper()._stretches(np.zeros(90 * RATE, np.float32))
    assert [(a // RATE, b // RATE) for a, b in stretches] == [(1, 27), (31, 58), (80, 81)]


def test_one_sound_is_encoded_once_for_language_and_words(whisper: Whisper, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = []
    encode = whisper._model.encode
    monkeypatch.setattr(whisper._model, "encode", lambda mel: encoded.append(mel.shape[-1]) or encode(mel))
    sound = NO_SPEECH["hum"].astype(np.float32)
    whisper.languages(sound)
    whisper.speaking("de").timed_words(sound)
    assert encoded == [1500]
    whisper.languages(sound.copy())  # another array may hold another sound
    assert len(encoded) == 2


def test_words_that_are_drawn_are_drawn_the_same_each_time(whisper: Whisper, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("espeakng_loader")
    from intone.data.espeak import Line, say

    ([pcm], rate) = say([Line("en-us", "Kids are talking.", 170, 50, 50)])
    sound = to_clip(np.frombuffer(pcm, "<i2").astype(np.float32) / 32768, rate)
    monkeypatch.setattr("intone.asr.whisper.TEMPERATURES", (1.0,))
    drawn = [[(w["word"], w["start"]) for w in whisper.sampled_words(sound)] for _ in range(2)]
    assert drawn[0] == drawn[1]
    again = Whisper(whisper.folder, threads=2)
    again.timed_words(sound)
    assert [w["word"] for w in again.sampled_words(sound)] == [word for word, _ in drawn[0]]


def test_the_second_try_goes_through_the_temperatures_until_words_are_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    models = pytest.importorskip("ctranslate2.models")
    monkeypatch.setattr(models, "Whisper", lambda *_, **__: "fresh weights")
    monkeypatch.setattr(Whisper, "folder", Path("nowhere"))
    monkeypatch.setattr(Whisper, "_encoded", lambda self, signal, window: None)
    monkeypatch.setattr("intone.asr.whisper.TEMPERATURES", (0.2, 0.6, 1.0))
    asked: list[tuple[float, Any]] = []

    def generate(self: Whisper, signal: np.ndarray, window: int, temperature: float, weights: Any) -> Said:
        asked.append((temperature, weights))
        return (Said("Buh, " * 20, -0.3, True), Said("by", -2.0, True), Said("by the door", -0.3, True))[len(asked) - 1]

    def timed(self: Whisper, said: Said, signal: np.ndarray) -> list[Word]:
        return [Word(word=f" {w}", start=i, end=i + 0.5, probability=0.9) for i, w in enumerate(said.text.split())]

    monkeypatch.setattr(Whisper, "_generate", generate)
    monkeypatch.setattr(Whisper, "_timed", timed)
    words = Whisper().sampled_words(np.zeros(4 * RATE, np.float32))
    assert [w["word"] for w in words] == [" by", " the", " door"]
    assert [t for t, _ in asked] == [0.2, 0.6, 1.0] and {w for _, w in asked} == {"fresh weights"}


def test_transcribe_without_a_language_finds_it_out_as_analyze_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A German and an English stretch: the words of each come in its own language."""
    found = [Stretch(0.0, np.zeros(2 * RATE, np.float32)), Stretch(3.0, np.zeros(3 * RATE, np.float32))]
    monkeypatch.setattr("intone.asr.multilingual.stretches", lambda blocks, voice, longest: iter(found))

    class Two:
        def __init__(self, language: str = "") -> None:
            self.language = language
            self.settings = {"weights": "w", "language": "en"}

        def languages(self, signal: np.ndarray) -> dict[str, float]:
            return {"de": 0.99, "en": 0.01} if len(signal) == 2 * RATE else {"de": 0.01, "en": 0.99}

        def speaking(self, language: str) -> "Two":
            return Two(language)

        def timed_words(self, signal: np.ndarray) -> list[Word]:
            return [Word(word=f" {self.language}.", start=0.0, end=1.0, probability=0.9)]

    backend = Polyglot(Two())  # type: ignore[arg-type]
    assert backend.words(np.zeros(RATE, np.float32)) == "de. en."
    assert backend.settings["language"] is None and backend.settings["weights"] == "w"


@pytest.mark.parametrize("written", ["de", "DE", "German"])
def test_transcribe_takes_a_language_by_code_and_name(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setattr(Whisper, "check_language", lambda self, language: None)
    assert recogniser_of("whisper", written) == Whisper(language="de")
    assert isinstance(recogniser_of("whisper", None), Polyglot)
    assert recogniser_of("google", written) == GoogleSpeech(language="de")


def test_google_gets_a_region_for_english() -> None:
    languages = {given: recogniser_of("google", given).language for given in (None, "en", "English", "en-GB")}
    assert languages == {None: "en-US", "en": "en-US", "English": "en-US", "en-GB": "en-GB"}


def test_google_says_what_it_needs_and_reads_its_answer() -> None:
    best = SimpleNamespace(transcript=" kids are talking")
    asked: dict[str, Any] = {}

    def recognize(config: dict[str, Any], audio: dict[str, Any]) -> object:
        asked.update(config=config, audio=audio)
        return SimpleNamespace(results=[SimpleNamespace(alternatives=[best]), SimpleNamespace(alternatives=[])])

    google = GoogleSpeech(client=SimpleNamespace(recognize=recognize))
    assert google.words(np.array([0, 0.5, -1, 1], np.float32)) == "kids are talking"
    assert asked["audio"]["content"] == np.array([0, 16384, -32768, 32767], "<i2").tobytes()
    assert asked["config"]["sample_rate_hertz"] == RATE
    with pytest.raises(BadClip, match="60 s"):
        google.words(np.zeros(61 * RATE, np.float32))
    with pytest.raises(IntoneError, match="refused the clip"):
        GoogleSpeech(client=SimpleNamespace()).words(np.zeros(RATE, np.float32))


def test_google_without_its_library_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "google.auth.exceptions", None)
    with pytest.raises(Missing, match=r"\.\[google\]"):
        GoogleSpeech().words(np.zeros(RATE, np.float32))


def test_google_without_credentials_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoCredentials(Exception):
        pass

    def client() -> None:
        raise NoCredentials

    modules = {"google": SimpleNamespace(), "google.auth": SimpleNamespace()}
    modules["google.auth.exceptions"] = SimpleNamespace(DefaultCredentialsError=NoCredentials)
    modules["google.cloud"] = SimpleNamespace(speech_v1=SimpleNamespace(SpeechClient=client))
    for name, module in modules.items():
        monkeypatch.setitem(__import__("sys").modules, name, module)
    with pytest.raises(Missing, match="GOOGLE_APPLICATION_CREDENTIALS"):
        GoogleSpeech().words(np.zeros(RATE, np.float32))


CLIPS = pd.DataFrame(
    [
        ("a", "calm", "normal", "female", "01"),
        ("b", "calm", "strong", "male", "02"),
        ("c", "neutral", "normal", "male", "01"),
        ("d", "neutral", "normal", "male", "03"),
    ],
    columns=["file", "emotion", "intensity", "sex", "statement"],
)
SENTENCES = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}


def test_word_errors_by_hand() -> None:
    pytest.importorskip("jiwer")
    heard = {"a": "Kids are talking by the door!", "b": "The dogs are setting by door.", "c": "", "d": "no sentence"}
    texts = pd.DataFrame(heard.items(), columns=["file", "text"])
    table = word_error_table(texts, CLIPS, SENTENCES)
    # b: one inserted, one substituted, one deleted of six words; c: all six deleted.
    expected = [
        ("all", "all", 3, 100 * 9 / 18, 100 / 3),
        ("emotion", "neutral", 1, 100.0, 0.0),
        ("emotion", "calm", 2, 100 * 3 / 12, 50.0),
        ("intensity", "normal", 2, 50.0, 50.0),
        ("intensity", "strong", 1, 50.0, 0.0),
        ("sex", "female", 1, 0.0, 100.0),
        ("sex", "male", 2, 75.0, 0.0),
    ]
    pd.testing.assert_frame_equal(table, pd.DataFrame(expected, columns=["group", "value", "clips", "wer", "exact"]))
    shuffled = word_error_table(texts.sample(frac=1, random_state=1), CLIPS[::-1], SENTENCES)
    pd.testing.assert_frame_equal(table, shuffled)


def test_word_errors_refuse_what_cannot_be_joined() -> None:
    texts = pd.DataFrame({"file": ["a", "a"], "text": ["x", "y"]})
    with pytest.raises(IntoneError, match="twice"):
        word_error_table(texts, CLIPS, SENTENCES)
    with pytest.raises(IntoneError, match="No clip"):
        word_error_table(texts[:1], CLIPS, {})


def test_whisper_settings_know_the_weights_and_not_the_threads(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights")
    one, other = Whisper(tmp_path, threads=1), Whisper(tmp_path, threads=2)
    assert one.settings == other.settings != Whisper(tmp_path, beam=5).settings
    assert json.dumps(one.settings)


def test_the_key_of_transcripts_that_lie_in_caches_stays(tmp_path: Path) -> None:
    """Committed results stand on transcripts with just these settings: whoever changes them makes all anew."""
    (tmp_path / "model.bin").write_bytes(b"weights")
    assert Whisper(tmp_path).settings == {
        "backend": "whisper",
        "weights": hashlib.sha256(b"weights").hexdigest(),
        "windows": [30, 15, 6, 28, 8, 224],
        "language": "en",
        "beam": 1,
        "voice": 0.3,
        "shortest_voice": 0.15,
        "lowest_log_probability": -1.2,
        "highest_compression": 2.4,
    }
