"""A tiny corpus in RAVDESS's layout, written as WAV with numpy, and a cache folder that is nobody's."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from intone.data import ravdess
from intone.data.corpus import Corpus

RATE = 22_050
"""Hz; not 16 000, so that every test that reads a clip resamples."""


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """INTONE_CACHE points to a temporary folder while tests run."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTONE_CACHE", str(folder))
        yield folder


def voice(emotion: int, actor: int, seconds: float = 0.6, seed: int = 0) -> np.ndarray:
    """A buzz with silence around it, float32 at `RATE`: its pitch and loudness follow emotion and actor."""
    chance = np.random.default_rng([emotion, actor, seed])
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = (110 if actor % 2 else 200) * (1 + 0.08 * emotion) * chance.uniform(0.97, 1.03)
    buzz = sum(np.sin(2 * np.pi * k * pitch * time) / k for k in range(1, 8))
    speech = 0.02 * (1 + emotion) * buzz * np.hanning(time.size) ** 0.5
    silence = np.zeros(round(0.2 * RATE))
    sound = np.concatenate([silence, speech, silence])
    return (sound + chance.normal(0, 1e-4, sound.size)).astype(np.float32)


@pytest.fixture(scope="session")
def ravdess_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4 actors x 8 emotions x 2 sentences x 1 repetition = 64 clips, named as RAVDESS names them."""
    folder = tmp_path_factory.mktemp("ravdess")
    for actor in range(1, 5):
        (folder / f"Actor_{actor:02d}").mkdir()
        for emotion in range(1, 9):
            for sentence in (1, 2):
                name = f"03-01-{emotion:02d}-01-{sentence:02d}-01-{actor:02d}.wav"
                sound = voice(emotion, actor, seconds=0.5 + 0.1 * sentence)
                soundfile.write(folder / f"Actor_{actor:02d}" / name, sound, RATE, subtype="PCM_16")
    return folder


@pytest.fixture(scope="session")
def corpus(ravdess_folder: Path) -> Corpus:
    """That folder, read."""
    return ravdess.load(ravdess_folder)


@pytest.fixture(scope="session")
def tiny_whisper(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Whisper encoder of three random layers for clips of up to a second, as a folder."""
    import torch
    import transformers

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("whisper")
    config = transformers.WhisperConfig(
        d_model=16, encoder_layers=3, encoder_attention_heads=2, encoder_ffn_dim=32, max_source_positions=50
    )
    transformers.WhisperForAudioClassification(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A BERT of two random layers that knows RAVDESS's words, with its tokenizer, as a folder."""
    import torch
    import transformers

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("bert")
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "kids",
        "dogs",
        "are",
        "talking",
        "sitting",
        "by",
        "the",
        "door",
    ]
    config = transformers.BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    transformers.BertModel(config).save_pretrained(folder)
    transformers.BertTokenizerFast(vocab={w: i for i, w in enumerate(words)}).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network with random weights that hears and reads, as one file."""
    import torch

    from intone.audio.features import FeatureSettings
    from intone.export.onnx import export
    from intone.inference.card import Card, Reading
    from intone.models.cnn import AudioCnn, AudioCnnPreset
    from intone.models.graph import FileGraph, SpectrogramGraph
    from intone.models.graph import SentenceGraph as ReadingNetwork
    from intone.models.rnn import TextRnn, TextRnnPreset

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    words = ("<pad>", "<unknown>", "kids", "dogs", "are", "talking", ".")
    reader = TextRnn(len(words), TextRnnPreset("lstm", "learned", hidden=8, learned=4)).eval()
    card = Card("tiny", "0", FeatureSettings(bands=16), 0.05, "f" * 64, "noise", "none", reading=Reading(words))
    hearing = SpectrogramGraph(AudioCnn(16, AudioCnnPreset(width=8)).eval())
    export(FileGraph(hearing, ReadingNetwork(reader)), card, path)
    return path


@pytest.fixture
def analyzer(model_file: Path):
    """That model, with words that are always the same."""
    from test_predict import Parrot

    from intone.inference.analyzer import Analyzer
    from intone.inference.model import Model

    return Analyzer(Model(model_file, 1), Parrot())


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six seconds in the folder that one is in, all of which counts as speech; by name alone, as a browser sends it."""

    from intone.audio.segments import Stretch

    def all_of_it(blocks, voice, longest):
        yield Stretch(0.0, np.concatenate(list(blocks)))

    monkeypatch.setattr("intone.inference.heard.stretches", all_of_it)
    monkeypatch.chdir(tmp_path)
    at = np.arange(6 * 22_050) / 22_050
    soundfile.write("my talk.wav", 0.2 * np.sin(2 * np.pi * 180 * at + np.sin(5 * at)), 22_050, subtype="PCM_16")
    return Path("my talk.wav")
