"""Any set of labels: a table of one's own is trained on, judged, exported and analysed with under its own names."""

import json

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import RATE, voice
from scipy.special import softmax

import intone
from intone.audio.clip import read_clip
from intone.cli import main
from intone.data import csv_corpus
from intone.data.splits import folds
from intone.emotions import COLOURS, EMOTIONS, colours_of
from intone.errors import IntoneError
from intone.evaluation.metrics import check_predictions, labels_of, score
from intone.export.pack import found, pack
from intone.inference.formats import FORMATS
from intone.inference.formats.html import palette
from intone.inference.model import Model
from intone.models.cnn import AudioCnnPreset
from intone.models.linear_probe import LinearProbePreset
from intone.models.rnn import TextRnnPreset
from intone.training import train
from intone.training.recipes.early_fusion import EarlyRecipe
from intone.training.recipes.fusion import LateRecipe
from intone.training.recipes.linear_probe import LinearProbeRecipe
from intone.training.recipes.spectrogram import SpectrogramRecipe
from intone.training.recipes.text import RnnRecipe
from intone.training.recipes.tfidf import TfidfRecipe
from intone.training.refit import train_everyone
from intone.training.workspace import Workspace

FOUR = ("sad", "angry", "bored", "tired of it")
KEPT = ("sad", "angry", "bored", "tired_of_it")
ELEVEN = (*EMOTIONS, "bored", "proud", "tender")


def table(folder, labels, speakers=4):
    """Two clips of each label by each speaker, as a CSV."""
    rows = []
    for speaker in range(1, speakers + 1):
        for k, label in enumerate(labels):
            for take in (0, 1):
                name = f"{speaker}-{k}-{take}.wav"
                sound = voice(k + 1, speaker, seconds=0.4, seed=take)
                soundfile.write(folder / name, np.clip(sound, -1, 1), RATE, subtype="PCM_16")
                rows.append((name, speaker, label))
    path = folder / "mine.csv"
    pd.DataFrame(rows, columns=["file", "speaker", "emotion"]).to_csv(path, index=False)
    return path


@pytest.fixture
def small(monkeypatch, tmp_path):
    """The CNN as small as it gets, and a cache of its own."""
    monkeypatch.setenv("INTONE_CACHE", str(tmp_path / "cache"))
    recipe = SpectrogramRecipe(network=AudioCnnPreset(width=8), speeds=(1.0,))
    monkeypatch.setattr(train, "MODELS", {"audio_cnn": recipe})
    monkeypatch.setattr(found, "__defaults__", ({"audio_cnn": recipe},))


def test_a_table_with_four_labels_of_its_own_goes_all_the_way(small, tmp_path, capsys):
    csv, runs = table(tmp_path, FOUR), tmp_path / "runs"
    main(["train", "audio_cnn", "--protocol", "speakers", "--table", str(csv), "--runs", str(runs), "--epochs", "2"])
    said = capsys.readouterr()
    assert "bored, tired_of_it stand for themselves" in said.err and said.out.count("validation UAR") == 2
    fold = runs / "audio_cnn__none__speakers" / "fold-1"
    predictions = pd.read_csv(fold / "predictions.csv", dtype={"fold": str})
    assert list(predictions.columns)[6:] == list(KEPT) == labels_of(predictions)
    main(["evaluate", str(fold / "predictions.csv"), "-o", str(tmp_path / "judged")])
    assert "tired_of_it" in capsys.readouterr().out
    metrics = next(iter(json.loads((tmp_path / "judged" / "metrics.json").read_text()).values()))
    assert list(metrics["recalls"]) == list(metrics["by_emotion"]) == list(KEPT)
    model = tmp_path / "m.onnx"
    main(["export", str(fold), "--out", str(model), "--table", str(csv), "--no-eight-bits"])
    assert Model(model).card.labels == KEPT
    talk = tmp_path / "talk.wav"
    soundfile.write(talk, np.concatenate([voice(2, 1, 1.5), voice(1, 2, 1.5)]), RATE)
    main(
        ["analyze", str(talk), "--no-text", "--model", str(model), "-o", str(tmp_path / "out"), "-f", ",".join(FORMATS)]
    )
    written = json.loads((tmp_path / "out" / "talk.json").read_text())
    assert all(list(s["probabilities"]) == list(KEPT) for s in written["segments"])
    page = (tmp_path / "out" / "talk.html").read_text()
    assert '"emotions": ["sad", "angry", "bored", "tired_of_it"]' in page and "--tired_of_it: #" in page
    header = (tmp_path / "out" / "talk.csv").read_text().splitlines()[0]
    assert ",".join(("confidence", *KEPT, "audio")) in header


@pytest.fixture(scope="module")
def space(tiny_whisper, tmp_path_factory):
    folder = tmp_path_factory.mktemp("eleven")
    corpus = csv_corpus.load(table(folder, ELEVEN, 5))
    words = pd.DataFrame({"file": corpus.clips["file"], "text": "kids are talking"})
    models = {
        "probe": LinearProbeRecipe(weights=tiny_whisper, layers=(1, 2), probe=LinearProbePreset(widest=2, inner=2)),
        "cnn": SpectrogramRecipe(network=AudioCnnPreset(width=8), speeds=(1.0,)).with_epochs({"audio_epochs": 1}),
        "words": RnnRecipe(network=TextRnnPreset("lstm", "learned", hidden=8)).with_epochs({"text_epochs": 1}),
        "bag": TfidfRecipe(),
        "early": EarlyRecipe(("cnn", "words"), joint=False).with_epochs({"joint_epochs": 1}),
        "late": LateRecipe("fusion_late_weighted", ("probe", "bag")),
    }
    return Workspace(corpus, models, folder / "runs", words)


@pytest.mark.parametrize("model", ["probe", "cnn", "words", "bag", "early", "late"])
def test_every_kind_of_model_learns_eleven_labels(space, model):
    fold = space.fold(model, "asr", folds(space.corpus.clips, "speakers")[0])
    assert list(fold.logits.columns) == list(ELEVEN) == list(fold.labels)
    assert score(fold.predictions).recalls.keys() == dict.fromkeys(ELEVEN).keys()


def test_what_learnt_from_everyone_answers_with_eleven_labels(space, tmp_path):
    run = found(train_everyone(space, "probe", "none", "speakers"), space.models)
    pack(run, space.corpus, tmp_path / "m.onnx", eight_bits=False, window=1.0)
    file = space.corpus.clips["file"].iloc[0]
    answered = Model(tmp_path / "m.onnx", 1).predict(read_clip(space.corpus.paths[file]))
    expected = softmax(run.recipe.predictor(run)([read_clip(space.corpus.paths[file])])[0] / run.record.temperature)
    np.testing.assert_allclose(answered.audio, expected, atol=0.1)
    (top,) = intone.load(tmp_path / "m.onnx", whisper=None).signal(np.tile(voice(1, 1), 3), RATE).top(11)[:1] or [[]]
    assert {one["label"] for one in top} in (set(), set(ELEVEN))


def test_two_labels_are_enough_for_a_probe(tiny_whisper, tmp_path):
    corpus = csv_corpus.load(table(tmp_path, ("bored", "proud"), 5))
    probe = LinearProbeRecipe(weights=tiny_whisper, layers=(1,), probe=LinearProbePreset(inner=2))
    space = Workspace(corpus, {"probe": probe}, tmp_path / "runs")
    fold = space.fold("probe", "none", folds(corpus.clips, "speakers")[0])
    files = list(fold.logits.index[:5])
    again = fold.recipe.predictor(fold)([read_clip(corpus.paths[f]) for f in files])
    np.testing.assert_allclose(softmax(again, 1), softmax(fold.logits.loc[files].to_numpy(), 1), atol=1e-3)


def test_words_made_from_the_label_are_there_for_the_eight_alone(space):
    split = folds(space.corpus.clips, "speakers")[0]
    with pytest.raises(IntoneError, match=r"says (bored|proud|tender) outright"):
        space.fold("bag", "simulated", split)


def test_labels_that_make_no_fold_of_ravdess_another(space):
    assert space.settings("cnn", "none")["labels"] == list(ELEVEN)


def predictions(labels, extra=()):
    draw = np.random.default_rng(0)
    p = draw.dirichlet(np.ones(len(labels)), 40)
    rows = [
        (f"{k}.wav", f"s{k % 4}", "1", "test", labels[k % len(labels)], labels[int(p[k].argmax())], *p[k])
        for k in range(40)
    ]
    columns = ["file", "speaker", "fold", "split", "emotion", "predicted", *labels]
    return pd.DataFrame(rows, columns=columns).assign(**dict.fromkeys(extra, 0.5))


def test_a_predictions_table_says_which_labels_it_has():
    assert labels_of(check_predictions(predictions(EMOTIONS, extra=("sure",)))) == list(EMOTIONS)
    assert labels_of(check_predictions(predictions(ELEVEN))) == list(ELEVEN)
    assert labels_of(check_predictions(predictions(KEPT))) == list(KEPT)
    with pytest.raises(IntoneError, match="don't sum to one"):
        check_predictions(predictions(KEPT, extra=("sure",)))


def test_every_label_has_a_colour_of_its_own():
    assert colours_of(EMOTIONS) == COLOURS
    for labels in (KEPT, ELEVEN, tuple(f"label{k}" for k in range(16))):
        assert len(set(colours_of(labels).values())) == len(labels)
    assert palette("#ffffff", ELEVEN).count("#") == len(ELEVEN) + 1
