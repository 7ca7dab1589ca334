"""Voices that are known before: what is kept of them, what they fit, and what `--voice` does."""

import numpy as np
import pytest
import soundfile
from test_speakers import RATE, adaptive, by_second, noise

from intone.audio.recording import Recording
from intone.errors import BadClip, IntoneError
from intone.inference import profiles
from intone.inference.analyzer import Analyzer
from intone.inference.microphone import Live
from intone.inference.model import Model
from intone.inference.registry import own
from intone.inference.speakers import Speakers
from intone.inference.voice_commands import voice_add, voice_list, voice_remove

__all__ = ["adaptive"]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("INTONE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def ear(adaptive, monkeypatch) -> Model:
    """The model that adapts, in place of every file."""
    monkeypatch.setattr("intone.inference.voice_commands.Model", lambda path: adaptive)
    monkeypatch.setattr("intone.inference.heard.stretches", by_second)
    return adaptive


@pytest.fixture
def clips(tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    for k in range(3):
        sound = np.concatenate([noise(k, 1), np.zeros(RATE, np.float32), noise(k + 10, 1)])
        soundfile.write(folder / f"{k}.wav", sound, RATE)
    return folder


def test_a_voice_is_made_listed_used_and_forgotten(ear, clips, capsys, tmp_path):
    voice_list()
    assert "No voice is known" in capsys.readouterr().out
    voice_add("anna", (clips,))
    told = capsys.readouterr().out
    assert told.startswith("anna: 6 sentences, 0:0") and "no sound and no words" in told
    voice_list()
    assert capsys.readouterr().out.startswith("anna: 6 sentences, 0:0")
    (path,) = (tmp_path / "cache" / "profiles").iterdir()
    assert path.stat().st_size < 40_000

    known = {"anna": profiles.fitting("anna", ear)}
    assert known["anna"].count == 6
    found = Analyzer(ear, speakers=Speakers.of("one", ("anna",)), known=known).analysis(
        Recording.of_signal(noise(7, 1), RATE)
    )
    assert (
        list(found.segments["speaker"]) == ["anna"]
        and list(found.segments["adapted"]) == [6]
        and not [note for note in found.warnings if "one sentence" in note]
    )
    voice_remove("anna")
    with pytest.raises(IntoneError, match="No voice is known as anna: `intone voice add NAME RECORDING` makes one"):
        profiles.find("anna")


def test_what_is_kept_is_what_was_known_in_half_precision(ear):
    voice = ear.voice(ear.predict(noise(1, 1)))
    profiles.keep(profiles.made("tom", ear, [(voice, 1.0)]))
    again = profiles.find("tom")
    assert again.seconds == 1.0 and again.voice.count == 1 and again.digest() == profiles.find("tom").digest()
    for name in profiles.ARRAYS:
        assert np.allclose(getattr(again.voice, name), getattr(voice, name), rtol=2e-3, atol=2e-3)


def test_a_profile_of_another_model_is_refused(ear):
    profiles.keep(profiles.made("tom", ear, [(ear.voice(ear.predict(noise(1, 1))), 1.0)]))
    other = Model(own(), threads=1)
    other.voices = None
    with pytest.raises(IntoneError, match="can't adapt to a voice"):
        profiles.fitting("tom", other)
    other.voices = ear.voices.of_arrays({**ear.voices.arrays(), "mean": ear.voices.mean + 1})
    with pytest.raises(IntoneError, match=r"The voice tom was made by .* makes it anew"):
        profiles.fitting("tom", other)


def test_bad_voices_get_a_sentence(ear, tmp_path, monkeypatch, capsys):
    with pytest.raises(IntoneError, match="Nothing tells the voice of tom"):
        voice_add("tom", ())
    soundfile.write(tmp_path / "still.wav", np.zeros(RATE), RATE)
    with pytest.raises(BadClip, match="No speech was found for tom"):
        voice_add("tom", (tmp_path / "still.wav",))
    with pytest.raises(IntoneError, match="can't be a voice's name"):
        profiles.find("../tom")
    with pytest.raises(IntoneError, match="anna and tom can't both be the only voice"):
        Speakers.of("one", ("anna", "tom"))
    path = profiles.keep(profiles.made("tom", ear, [(ear.voice(ear.predict(noise(1, 1))), 1.0)]))
    whole = path.read_bytes()
    for damaged in (b"PK", whole[: len(whole) // 2], whole[:600] + bytes(200) + whole[800:]):
        path.write_bytes(damaged)
        with pytest.raises(IntoneError, match="is damaged: `intone voice remove tom`"):
            profiles.find("tom")
    voice_list()
    assert "is damaged" in capsys.readouterr().err


def test_the_microphone_adapts_to_what_was_said_before(ear, monkeypatch):
    spans = iter([[(0, RATE // 2)], [], [(0, RATE // 2)], []])
    monkeypatch.setattr("intone.inference.microphone.speech_spans", lambda *given: next(spans))
    live = Live(ear)
    first = live.answer(noise(1, 0.5))
    assert live.answer(np.zeros(RATE // 2, np.float32)) == "…" and live.voice.count == 1
    live.recent = np.zeros(0, np.float32)
    assert live.answer(noise(1, 0.5)) != first
    assert live.answer(np.zeros(RATE // 2, np.float32)) == "…" and live.voice.count == 2
