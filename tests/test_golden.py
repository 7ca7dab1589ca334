"""What stays as it is however the code is arranged: finished runs, caches, model files, and what programs read.

Each of these is somebody's hours or somebody's file. A difference here is either a mistake or a decision: `python
tests/test_golden.py` writes the new state down, and its diff says what the decision costs.
"""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from intone.asr.transcripts import transcribe_file
from intone.asr.whisper import Whisper
from intone.audio.account import Account, LeftOut
from intone.audio.augment.spectrogram import views_of_file
from intone.audio.features import FeatureSettings
from intone.cache import digest
from intone.data.corpus import Corpus
from intone.data.splits import Split
from intone.data.texts import TRACKS
from intone.emotions import EMOTIONS
from intone.inference import registry
from intone.inference.card import METADATA_KEY, Card
from intone.inference.formats import FORMATS, TEXTS
from intone.inference.model import Model
from intone.inference.result import Analysis, Segment, curve, table
from intone.training.encoder_states import EncoderStates
from intone.training.recipes import MODELS
from intone.training.runs import fingerprint
from intone.training.workspace import Workspace

GOLDEN = Path(__file__).parent / "golden"

NEAR = 0.002
"""Of a probability: sums of floats differ by less from one processor to another."""


def kept(name: str):
    return json.loads((GOLDEN / f"{name}.json").read_text())


def noise(path: Path) -> Path:
    """A second of sound that is the same on any machine, by whole numbers alone."""
    samples = np.random.default_rng(5).integers(-9000, 9000, 22_050).astype(np.int16)
    soundfile.write(path, samples, 22_050, subtype="PCM_16")
    return path


def cached(folder: Path) -> list[str]:
    """What lies in a cache folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def fingerprints() -> dict[str, str]:
    """`MODEL TRACK` -> what its finished fold is known by, on six clips of three speakers."""
    clips = pd.DataFrame(
        [(f"{s}/{e}.wav", s, e) for s in "abc" for e in ("sad", "happy")], columns=["file", "speaker", "emotion"]
    )
    split = Split("speakers", "1", *(tuple(clips.loc[clips["speaker"] == s, "file"]) for s in "abc"))
    words = pd.DataFrame({"file": clips["file"], "text": "kids are talking"})
    comments = pd.DataFrame({"id": ["x"], "text": ["oh no"], "emotion": ["sad"], "part": ["train"]})
    space = Workspace(Corpus("small", clips, {}), MODELS, Path("nowhere"), words, comments)
    pairs = [(model, track) for model in MODELS for track in TRACKS]
    return {f"{model} {track}": fingerprint(space.settings(model, track), split, clips) for model, track in pairs}


@pytest.fixture
def fixed_encoders(monkeypatch):
    """Encoders' digests, without the encoders."""
    monkeypatch.setattr("intone.models.pretrained.digest", lambda where: "0" * 64)


def test_finished_runs_of_the_projects_models_stay_what_they_are(fixed_encoders):
    """Whatever changes a fingerprint makes hours of training anew; a new model may come."""
    found, before = fingerprints(), kept("fingerprints")
    assert {name: found.get(name) for name in before} == before


def encoder(folder: Path) -> str:
    """A Whisper encoder of three layers, all of whose weights are a half."""
    import torch
    import transformers

    config = transformers.WhisperConfig(
        d_model=16, encoder_layers=3, encoder_attention_heads=2, encoder_ffn_dim=32, max_source_positions=50
    )
    network = transformers.WhisperForAudioClassification(config)
    with torch.no_grad():
        for weights in network.parameters():
            weights.fill_(0.5)
    network.save_pretrained(folder)
    return str(folder)


def cache_keys(folder: Path) -> list[str]:
    """What a clip's features, states and words leave in the cache, INTONE_CACHE being `folder`/cache."""
    clip = noise(folder / "clip.wav")
    for kind in ("logmel", "mfcc", "spectrogram"):
        views_of_file(clip, FeatureSettings(kind=kind))
    states = EncoderStates(encoder(folder / "encoder"), (1, 2), (1.0, 0.9))
    for one in (states, EncoderStates(states.weights, (1, 2), pooled=True, noisy=("noise",), prominent=True)):
        one.computed(Corpus("one", pd.DataFrame({"file": ["a"], "speaker": "s"}), {"a": clip}))
    (folder / "whisper").mkdir()
    (folder / "whisper" / "model.bin").write_bytes(b"weights")

    class Words:
        settings = Whisper(folder / "whisper").settings

        def words(self, signal):
            return "kids are talking"

    transcribe_file(clip, Words())
    return cached(folder / "cache")


def test_what_was_computed_once_is_found_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("INTONE_CACHE", str(tmp_path / "cache"))
    assert cache_keys(tmp_path) == kept("cache")


def shipped() -> tuple[Model, str]:
    model = Model(registry.own(), threads=1)
    return model, model.session.get_modelmeta().custom_metadata_map[METADATA_KEY]


def test_the_packages_card_is_read_and_written_as_it_stands_in_the_file():
    model, text = shipped()
    assert digest(text) == kept("answers")["card"]
    again = json.loads(Card.of_json(text).as_json())
    assert {key: again[key] for key in json.loads(text)} == json.loads(text)
    assert model.card == Card.of_json(text)


def answers() -> dict[str, list[float]]:
    """What the package's model makes of two seconds of a buzz that rises, alone and with words."""
    at = np.arange(2 * 16_000) / 16_000
    buzz = sum(np.sin(2 * np.pi * k * (140 + 30 * at) * at) / k for k in range(1, 9))
    signal = (0.1 * buzz * np.sin(np.pi * at / 2)).astype(np.float32)
    model, _ = shipped()
    found = {text: model.predict(signal, text).probabilities for text in ("", "Kids are talking by the door.")}
    return {text: [round(float(p), 5) for p in values] for text, values in found.items()}


def test_the_packages_model_answers_as_it_did():
    got, want = answers(), kept("answers")["answers"]
    assert list(got) == list(want)
    for text, values in got.items():
        assert values == pytest.approx(want[text], abs=NEAR), text


def recording() -> Analysis:
    """Two sentences in eight seconds, of which half a second is damaged."""

    def chances(first: str) -> dict[str, float]:
        return {e: 0.65 if e == first else 0.05 for e in EMOTIONS}

    words = [{"word": " Über", "start": 0.5, "end": 1.0, "probability": 0.9}]
    words += [{"word": ' "ice"', "start": 1.0, "end": 2.25, "probability": 0.8}]
    segments = (
        Segment(0.5, 2.25, chances("angry"), "angry", 'Über "ice"', words, chances("calm"), chances("sad"), "en"),
        Segment(6.0, 7.5, chances("sad"), "unsure", "", (), chances("sad"), {}, "de"),
    )
    wave = np.tile(np.arange(-50, 50, dtype=np.float32) / 500, 1280)
    rows = [np.array(list(s.probabilities.values())) for s in segments]
    return Analysis(
        "talks/a b.mp3",
        8.0,
        "tiny 1",
        "en",
        table("talks/a b.mp3", segments),
        curve("talks/a b.mp3", [1.375, 6.75], rows),
        ("It is quiet.",),
        np.abs(wave).reshape(-1, 160).max(1),
        lambda: iter(np.split(wave, 4)),
        account=Account(8.0, 7.5, 3.25, 1.5, (LeftOut(7.5, 8.0, "damaged"),)),
        windows=(1, 1),
    )


def written(name: str) -> str:
    """The recording in a format; of a page its data, without sound and spectrogram, which depend on the processor."""
    text = FORMATS[name].encoded(recording()).decode()
    if name != "html":
        return text
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    data["sound"] = data["spectrogram"]["levels"] = ""
    return json.dumps(data, indent=1) + "\n"


def formatted(name: str) -> Path:
    return GOLDEN / "formats" / f"recording{FORMATS[name].ending}"


@pytest.mark.parametrize("name", TEXTS)
def test_a_recording_is_written_to_the_byte_as_it_was(name):
    assert written(name) == formatted(name).read_bytes().decode()


def _write_down() -> None:
    import os
    import tempfile
    from unittest import mock

    def put(name: str, value: object) -> None:
        (GOLDEN / f"{name}.json").write_text(json.dumps(value, indent=1) + "\n")

    with mock.patch("intone.models.pretrained.digest", lambda where: "0" * 64):
        put("fingerprints", fingerprints())
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, INTONE_CACHE=f"{folder}/cache"):
        put("cache", cache_keys(Path(folder)))
    put("answers", {"card": digest(shipped()[1]), "answers": answers()})
    for name in FORMATS:
        formatted(name).write_bytes(written(name).encode())


if __name__ == "__main__":
    sys.exit(_write_down())
