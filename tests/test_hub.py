"""Models of others: what transformers says of a clip is what intone's file of it says, without transformers."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
import transformers as hub
from torch import nn

import intone
from intone.audio.extractors import ExtractorSettings, of_windows
from intone.audio.features import FeatureSettings
from intone.cli import main
from intone.emotions import DIMENSIONS
from intone.errors import IntoneError, Missing
from intone.export import hub as exported
from intone.inference import registry
from intone.inference.card import Card
from intone.inference.model import Model
from intone.inference.saliency import saliency
from intone.models import pretrained
from intone.models.hub_classifier import extractor

LABELS = ("anger", "hap", "Sadness", "bored")
NAMES = ("angry", "happy", "sad", "bored")
SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "id2label": dict(enumerate(LABELS)),
    "initializer_range": 0.5,  # so that answers differ
}
SAMPLES = {
    **SMALL,
    "conv_dim": (8,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
    "classifier_proj_size": 12,
}
LARGE_KIND = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "use_weighted_layer_sum": True}
WHISPER = {"d_model": 16, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 32}

CONFIGS = {
    "wav2vec2": lambda: hub.Wav2Vec2Config(**SAMPLES),
    "wav2vec2-large": lambda: hub.Wav2Vec2Config(**SAMPLES, **LARGE_KIND),
    "hubert": lambda: hub.HubertConfig(**SAMPLES),
    "wavlm": lambda: hub.WavLMConfig(**SAMPLES, num_buckets=32, max_bucket_distance=64),
    "ast": lambda: hub.ASTConfig(**SMALL, max_length=200, num_mel_bins=32),
    "whisper": lambda: hub.WhisperConfig(
        **WHISPER, id2label=SMALL["id2label"], init_std=0.5, max_source_positions=100, classifier_proj_size=12
    ),
}
EXTRACTORS = {
    "wav2vec2": lambda: hub.Wav2Vec2FeatureExtractor(do_normalize=False),
    "ast": lambda: hub.ASTFeatureExtractor(num_mel_bins=32, max_length=200, mean=-3.5, std=4.0),
    "whisper": lambda: hub.WhisperFeatureExtractor(chunk_length=2),
}
"""Where none is named: the default one of networks that take samples."""


def voice(seconds: float) -> np.ndarray:
    """A buzz with a melody and silence around it."""
    at = np.arange(round(seconds * 16_000)) / 16_000
    buzz = sum(np.sin(2 * np.pi * k * (140 + 20 * np.sin(2 * at)) * at) / k for k in range(1, 9))
    sound = 0.1 * buzz * np.clip(np.sin(np.pi * at / seconds) * 2 - 0.5, 0, 1)
    return (sound + np.random.default_rng(0).normal(0, 1e-4, len(at))).astype(np.float32)


def saved(kind: str, folder: Path, card: str = "") -> str:
    """A folder as save_pretrained writes it, with random weights."""
    torch.manual_seed(0)
    hub.AutoModelForAudioClassification.from_config(CONFIGS[kind]()).save_pretrained(folder)
    EXTRACTORS.get(kind, hub.Wav2Vec2FeatureExtractor)().save_pretrained(folder)
    if card:
        (folder / "README.md").write_text(card, encoding="utf-8")
    return str(folder)


@torch.inference_mode()
def logits(where: str, signal: np.ndarray) -> np.ndarray:
    """What transformers itself says of a clip."""
    given = hub.AutoFeatureExtractor.from_pretrained(where)(signal, sampling_rate=16_000, return_tensors="pt")
    network = hub.AutoModelForAudioClassification.from_pretrained(where).eval()
    values = {name: x for name, x in given.items() if name.startswith("input_")}
    return network(**values).logits[0].numpy()


@pytest.fixture(scope="module", params=CONFIGS)
def made(request, tmp_path_factory) -> tuple[str, Path, Card]:
    folder = tmp_path_factory.mktemp(request.param)
    where, out = saved(request.param, folder / "network"), folder / "m.onnx"
    with pytest.MonkeyPatch.context() as shorter:
        shorter.setattr("intone.models.hub_classifier.LONGEST", 2.0)
        return where, out, exported.write(where, out)


def test_a_file_says_of_a_clip_what_transformers_says(made):
    where, out, card = made
    model = Model(out, threads=1)
    assert model.card == card and card.parity <= 1e-4
    for seconds in (0.9, 1.7):
        signal = voice(seconds)
        found = model.predict(signal)
        np.testing.assert_allclose(found.logits, logits(where, signal)[None], atol=1e-4, rtol=1e-4)
        expected = torch.tensor(found.logits[0]).softmax(0).numpy()
        np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)
        assert found.sure and found.sentence is None


def test_a_longer_clip_is_divided_into_windows(made):
    _, out, card = made
    found = Model(out, threads=1).predict(voice(card.window * 1.2))
    assert found.windows.shape == (2, len(LABELS))


def test_what_an_answer_rests_on_lies_within_the_sound_and_not_in_what_pads_it(made):
    _, out, card = made
    model, asked = Model(out, threads=1), []
    run = model.logits
    model.logits = lambda features: asked.append(features) or run(features)
    found = saliency(model, voice(1.2))
    assert np.isfinite(found.falls).all() and np.abs(found.falls).max() > 0
    assert found.times[0] == 0 and found.times[-1] == pytest.approx(1.2)
    assert found.bands[-1] == pytest.approx(8000, rel=0.05)
    assert len(found.bands) == (2 if card.features.rows == 1 else 7)
    whole, changed = asked[0][0], np.concatenate([features[1:] for features in asked[1:]])
    frames = 120 if card.features.frames else whole.shape[1]
    assert (changed[:, :, frames:] == whole[:, frames:]).all() and (changed != whole).any((0, 1))[:frames].mean() > 0.9


def test_its_labels_are_intones_names_where_these_mean_the_same(made):
    card = made[2]
    assert card.labels == NAMES
    assert card.licence == card.trained_on == "unknown" and card.languages == ()
    assert not card.calibrated and any("calibration unknown" in fact for fact in card.facts())


@pytest.mark.parametrize("kind", ["wav2vec2", "hubert", "ast", "whisper"])
@pytest.mark.parametrize("seconds", [0.3, 1.1, 2.0])
def test_the_input_is_that_of_its_own_extractor(kind, seconds, tmp_path):
    where, signal = saved(kind, tmp_path), voice(seconds)[:31_000]
    theirs = hub.AutoFeatureExtractor.from_pretrained(where)(signal, sampling_rate=16_000, return_tensors="np")
    values = next(x for name, x in theirs.items() if name.startswith("input_"))
    ours = of_windows([signal], signal, extractor(where))
    np.testing.assert_allclose(
        ours, values.transpose(0, 2, 1) if kind == "ast" else values.reshape(ours.shape), atol=1e-4
    )
    assert ours.dtype == np.float32


@pytest.mark.parametrize("bands", [80, 128])
def test_real_sizes_of_extractors_are_computed_as_they_do(bands):
    signal = voice(3)
    whisper = hub.WhisperFeatureExtractor(feature_size=bands)(signal, sampling_rate=16_000, return_tensors="np")
    ours = of_windows([signal], signal, ExtractorSettings("whisper_chunk", False, bands, 3000))
    np.testing.assert_allclose(ours, whisper["input_features"], atol=1e-4)
    patches = hub.ASTFeatureExtractor(num_mel_bins=bands)(signal, sampling_rate=16_000, return_tensors="np")
    ours = of_windows([signal], signal, ExtractorSettings("fbank", True, bands, 1024, -4.2677393, 4.5689974))
    np.testing.assert_allclose(ours, patches["input_values"].transpose(0, 2, 1), atol=1e-4)


def test_a_card_keeps_either_kind_of_settings():
    for settings in (FeatureSettings("mfcc"), ExtractorSettings("fbank", True, 64, 99, -3.0, 4.0)):
        card = Card("m", "0", settings, 1.0, "f", "t", "l")
        assert Card.of_json(card.as_json()) == card


FORMATS = "json,csv,html,textgrid"

CORE_ONLY = """
import sys
sys.modules["torch"] = sys.modules["transformers"] = None
import intone
print(list(intone.load("m.onnx", whisper=None, one=True).file("a.wav")["confidence"]))
"""


def test_it_analyses_recordings_with_its_own_labels_and_without_torch(tmp_path):
    where = saved("wav2vec2", tmp_path / "network", "---\nlicense: apache-2.0\nlanguage: [en, de]\n---\n# A model\n")
    main(["export", f"hub:{where}", "--out", str(tmp_path / "m.onnx")])
    card = Model(tmp_path / "m.onnx").card
    assert card.licence == "apache-2.0" and card.languages == ("en", "de")
    soundfile.write(tmp_path / "a.wav", voice(2.0), 16_000)
    main(
        [
            "analyze",
            str(tmp_path / "a.wav"),
            "-m",
            str(tmp_path / "m.onnx"),
            "--no-text",
            "--one",
            "-f",
            FORMATS,
            "-o",
            str(tmp_path / "out"),
        ]
    )
    found = json.loads((tmp_path / "out" / "a.json").read_text())
    (segment,) = found["segments"]
    expected = torch.tensor(logits(where, voice(2.0))).softmax(0).numpy()
    assert list(segment["probabilities"]) == list(NAMES)
    np.testing.assert_allclose(list(segment["probabilities"].values()), expected, atol=2e-3)  # 16-bit samples
    head = (tmp_path / "out" / "a.csv").read_text().splitlines()[0].split(",")
    assert [name for name in head if name in NAMES] == list(NAMES)
    assert '"bored"' in (tmp_path / "out" / "a.html").read_text()
    alone = subprocess.run([sys.executable, "-c", CORE_ONLY], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert len(json.loads(alone.stdout)) == 1


def test_a_licence_can_be_given(tmp_path):
    where = saved("whisper", tmp_path / "network", "---\nlicense: other\nlicense_name: own\nlanguage: xx\n---\n")
    assert exported.licence_of(exported.front_matter(where)) == "own"
    assert exported.languages_of(exported.front_matter(where)) == ()
    assert exported.write(where, tmp_path / "m.onnx", licence="CC-BY-4.0").licence == "CC-BY-4.0"


def test_an_encoder_without_a_trained_classifier_is_refused(tmp_path):
    torch.manual_seed(0)
    hub.Wav2Vec2Model(CONFIGS["wav2vec2"]()).save_pretrained(tmp_path)
    hub.Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    with pytest.raises(IntoneError, match=r"lacks 4 weights .*would be random; name a model that was trained"):
        exported.write(str(tmp_path), tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()


class Head(nn.Module):
    """As checkpoints of the hub were trained with it."""

    def __init__(self, config: hub.Wav2Vec2Config) -> None:
        super().__init__()
        self.dropout = nn.Dropout(config.final_dropout)
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.out_proj = nn.Linear(config.hidden_size, config.num_labels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out_proj(self.dropout(torch.tanh(self.dense(self.dropout(x)))))


class Wav2Vec2ForSpeechClassification(hub.Wav2Vec2PreTrainedModel):
    """A network that transformers has no class for, under the name that it has in configurations."""

    def __init__(self, config: hub.Wav2Vec2Config) -> None:
        super().__init__(config)
        self.wav2vec2, self.classifier = hub.Wav2Vec2Model(config), Head(config)
        self.post_init()


@pytest.mark.parametrize("mode", ["mean", "max", "sum"])
def test_a_dense_head_is_taken_too(mode, tmp_path, monkeypatch):
    monkeypatch.setattr("intone.models.hub_classifier.LONGEST", 2.0)
    torch.manual_seed(0)
    config = hub.Wav2Vec2Config(**SAMPLES)
    config.pooling_mode = mode
    network = Wav2Vec2ForSpeechClassification(config).eval()
    network.save_pretrained(tmp_path)
    hub.Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    assert exported.write(str(tmp_path), tmp_path / "m.onnx").labels == NAMES
    signal = voice(1.2)
    given = hub.Wav2Vec2FeatureExtractor()(signal, sampling_rate=16_000, return_tensors="pt").input_values
    with torch.inference_mode():
        states = network.wav2vec2(given).last_hidden_state
        pooled = {"mean": states.mean(1), "max": states.max(1).values, "sum": states.sum(1)}[mode]
        expected = network.classifier(pooled).numpy()
    found = Model(tmp_path / "m.onnx", threads=1).predict(signal)
    np.testing.assert_allclose(found.logits, expected, atol=1e-4, rtol=1e-4)


def test_what_intone_cant_convert_is_one_sentence(tmp_path, monkeypatch):
    where = saved("wav2vec2", tmp_path / "network")
    with pytest.raises(Missing, match="neither a folder here nor to be had"):
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        exported.write("nobody/nothing", tmp_path / "m.onnx")
    hub.Wav2Vec2FeatureExtractor(sampling_rate=8_000).save_pretrained(where)
    with pytest.raises(IntoneError, match="takes sound at 8000 Hz"):
        exported.write(where, tmp_path / "m.onnx")
    hub.WhisperFeatureExtractor(hop_length=200).save_pretrained(where)
    with pytest.raises(IntoneError, match="WhisperFeatureExtractor of its settings"):
        extractor(where)
    hub.BertModel(hub.BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2)).save_pretrained(where)
    with pytest.raises(IntoneError, match="is no audio classifier"):
        pretrained.classifier(where)
    with pytest.raises(IntoneError, match="smaller model"):
        monkeypatch.setattr(exported, "LARGEST", 100)
        exported.write(saved("ast", tmp_path / "ast"), tmp_path / "m.onnx")


def test_an_extractor_of_another_network_is_one_sentence(tmp_path):
    where = saved("ast", tmp_path / "network")
    hub.ASTFeatureExtractor(num_mel_bins=32, max_length=100).save_pretrained(where)
    with pytest.raises(IntoneError, match="can't be converted"):
        exported.write(where, tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (("neu", "FEAR", "surprised", "Pleasant Surprise"), ("neutral", "fearful", "surprised", "pleasant_surprise")),
        (("joy", "happy", "sad"), ("joy", "happy", "sad")),
        (("0", "1"), ("label_0", "label_1")),
        (("unsure", "text"), ("label_unsure", "label_text")),
    ],
)
def test_labels_become_names_for_tables(labels, names):
    assert exported.named(labels) == names


def test_labels_without_a_meaning_are_reported(tmp_path, capsys):
    config = hub.ASTConfig(**SMALL | {"id2label": {0: "LABEL_0", 1: "LABEL_1"}}, max_length=200, num_mel_bins=32)
    hub.AutoModelForAudioClassification.from_config(config).save_pretrained(tmp_path)
    EXTRACTORS["ast"]().save_pretrained(tmp_path)
    assert exported.write(str(tmp_path), tmp_path / "m.onnx").labels == ("label_0", "label_1")
    assert "doesn't say what its labels mean" in capsys.readouterr().err


def test_labels_of_one_name_are_refused():
    with pytest.raises(IntoneError, match="one name for each output"):
        exported.named(("So so", "so_so"))


def test_flags_that_belong_together(tmp_path, capsys):
    for flags in (["somewhere", "--license", "MIT"], ["hub:somewhere", "--corpora", "emodb"]):
        with pytest.raises(SystemExit):
            main(["export", *flags])
    assert "hub:somewhere" in capsys.readouterr().err


@pytest.fixture(scope="module")
def rating(tmp_path_factory) -> Path:
    """A file that rates dimensions, as audEERING's model for MSP-Podcast is configured."""
    folder = tmp_path_factory.mktemp("rating")
    torch.manual_seed(0)
    scales = {0: "arousal", 1: "dominance", 2: "valence"}
    config = hub.Wav2Vec2Config(**SAMPLES | {"id2label": scales, "initializer_range": 0.1}, problem_type="regression")
    Wav2Vec2ForSpeechClassification(config).save_pretrained(folder)
    hub.Wav2Vec2FeatureExtractor().save_pretrained(folder)
    with pytest.MonkeyPatch.context() as shorter:
        shorter.setattr("intone.models.hub_classifier.LONGEST", 2.0)
        card = exported.write(str(folder), folder / "dim.onnx")
    assert card.dimensions and "rates arousal, dominance, valence, each from 0 to 1" in card.facts()
    assert not any("calibration" in fact for fact in card.facts())
    return folder / "dim.onnx"


def test_dimensions_have_columns_of_their_own(rating, tmp_path):
    soundfile.write(tmp_path / "a.wav", voice(1.5), 16_000)
    asked = [str(tmp_path / "a.wav"), "--no-text", "--one", "-f", "json,csv,tsv,html,txt,parquet"]
    main(["analyze", *asked, "--dimensions", str(rating), "-o", str(tmp_path / "out")])
    (segment,) = json.loads((tmp_path / "out" / "a.json").read_text())["segments"]
    rated = segment["dimensions"]
    assert list(rated) == list(DIMENSIONS) and all(0 <= value <= 1 for value in rated.values())
    table = pd.read_csv(tmp_path / "out" / "a.csv")
    assert list(table.columns)[-3:] == list(DIMENSIONS) and table["valence"][0] == pytest.approx(rated["valence"])
    parquet = pd.read_parquet(tmp_path / "out" / "a.parquet")
    assert parquet["arousal"][0] == pytest.approx(rated["arousal"], abs=1e-4)
    assert '"dimensions": {"arousal": ' in (tmp_path / "out" / "a.html").read_text()
    main(["analyze", *asked, "-o", str(tmp_path / "without")])
    (plain,) = json.loads((tmp_path / "without" / "a.json").read_text())["segments"]
    assert {name: value for name, value in segment.items() if name != "dimensions"} == plain
    assert "valence" not in (tmp_path / "without" / "a.csv").read_text()


def test_ratings_are_the_networks_and_lie_on_the_scale(rating):
    model, signal = Model(rating, threads=1), voice(1.5)
    given = of_windows([signal], signal, model.card.features)
    expected = model.session.run(None, {"features": given})[0][0].clip(0, 1)
    np.testing.assert_allclose(list(model.rated(signal).values()), expected, atol=1e-6)


def test_a_file_of_the_other_kind_is_refused(rating, tmp_path):
    with pytest.raises(IntoneError, match="give it with --dimensions"):
        intone.load(rating, whisper=None, speakers="none")
    with pytest.raises(IntoneError, match="give it with --model"):
        intone.load(whisper=None, speakers="none", dimensions=registry.own())
    with pytest.raises(IntoneError, match="give it with --dimensions"):
        Model(rating, threads=1).predict(voice(1))


@pytest.mark.parametrize(
    ("problem", "labels"), [("regression", LABELS), ("multi_label_classification", LABELS), ("regression", ("mos",))]
)
def test_what_neither_classifies_nor_rates_is_refused(problem, labels, tmp_path):
    config = hub.Wav2Vec2Config(**SAMPLES | {"id2label": dict(enumerate(labels))}, problem_type=problem)
    hub.AutoModelForAudioClassification.from_config(config).save_pretrained(tmp_path)
    with pytest.raises(IntoneError, match="neither chooses one of several labels nor rates arousal"):
        pretrained.classifier(str(tmp_path))
