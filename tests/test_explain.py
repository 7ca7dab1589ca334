"""Explanations: what they point at, and that the report shows them."""

import numpy as np
import pandas as pd
import pytest

from intone.audio.clip import read_clip
from intone.data.splits import folds
from intone.emotions import EMOTIONS
from intone.errors import IntoneError
from intone.experiments.explain import attended, words
from intone.experiments.saliency import Picture, gallery, integrated, levels, saliency, write_pictures
from intone.models.cnn import AudioCnnPreset
from intone.models.rnn import TextRnnPreset
from intone.report.figures import attention_figure, shares_figure, spectrograms_figure
from intone.report.sections.saliency import pictures
from intone.training.recipes import in_epochs
from intone.training.recipes.choice import TextChoice
from intone.training.recipes.encoder_head import HeadRecipe
from intone.training.recipes.spectrogram import SpectrogramRecipe
from intone.training.recipes.text import RnnRecipe
from intone.training.workspace import Workspace


@pytest.fixture
def space(corpus, tiny_whisper, tmp_path, monkeypatch) -> Workspace:
    monkeypatch.setenv("INTONE_CACHE", str(tmp_path / "cache"))
    models = {
        "audio_cnn": SpectrogramRecipe(network=AudioCnnPreset(width=8), speeds=(1.0,)),
        "head": HeadRecipe(weights=tiny_whisper, layers=(1, 2)),
        "text_lstm-learned": RnnRecipe(network=TextRnnPreset("lstm", "learned", hidden=8)),
        "text_lstm": TextChoice(("text_lstm-learned",)),
    }
    budget = {"audio_epochs": 1, "text_epochs": 8, "head_epochs": 1}
    return Workspace(corpus, in_epochs(models, budget), tmp_path / "runs")


def test_saliency_has_the_clip_s_shape_and_names_what_was_said(space):
    split = folds(space.corpus.clips, "speakers")[0]
    done = space.fold("audio_cnn", "none", split)
    logits = np.sort(done.logits.loc[list(split.test)].to_numpy())
    # Of the test clips the one that is told with the most distance: kept features are rounded to 16 bits.
    file = split.test[int((logits[:, -1] - logits[:, -2]).argmax())]
    signal = read_clip(space.corpus.paths[file])
    weights, said = integrated(*done.recipe.spectrogram_network(done), signal, steps=8)
    assert weights.shape == levels(signal).shape
    assert weights.min() >= 0 and weights.max() == pytest.approx(1)
    assert EMOTIONS[said] == done.predictions.set_index("file").loc[file, "predicted"]


def test_the_gallery_is_one_actor_and_sentence_in_every_emotion(corpus):
    rows = gallery(corpus.clips)
    assert rows["emotion"].tolist() == list(EMOTIONS)
    assert rows["speaker"].nunique() == rows["statement"].nunique() == 1


def test_attention_averages_to_even(space):
    splits = folds(space.corpus.clips, "speakers")
    for split in splits:
        space.fold("head", "none", split)
    rows = attended(space, splits, "head")
    assert len(rows) == 8 * 20
    assert rows.groupby("emotion")["weight"].mean().to_numpy() == pytest.approx(1, abs=0.1)
    assert attention_figure(rows).axes


def test_words_that_give_the_emotion_away_are_worth_most(space):
    splits = folds(space.corpus.clips, "speakers")
    for split in splits:
        space.fold("text_lstm", "simulated", split)
    rows = words(space, splits, "text_lstm", track="simulated")
    assert set(rows["emotion"]) <= set(EMOTIONS) and (rows["clips"] >= 5).all()
    assert {"word", "attribution"} <= set(rows)
    assert rows["attribution"].max() > 0


@pytest.mark.parametrize(("of", "model"), [(saliency, "head"), (attended, "audio_cnn"), (words, "audio_cnn")])
def test_a_model_of_another_kind_is_refused_in_one_sentence(of, model, space):
    splits = folds(space.corpus.clips, "speakers")
    for split in splits:
        space.fold(model, "none", split)
    with pytest.raises(IntoneError, match=f"{model} is not a"):
        of(space, splits, model)


def test_pictures_come_back_as_they_were_written(tmp_path):
    draw = np.random.default_rng(0)
    kept = [
        Picture(kind, "audio_cnn", emotion, emotion, -60 * draw.random((30 + k, 64)), weights)
        for k, (kind, emotion) in enumerate([("saliency", "sad"), ("hardest", "angry"), ("saliency", "calm")])
        for weights in [draw.random((30 + k, 64)) if kind == "saliency" else None]
    ]
    write_pictures(tmp_path, kept)
    shown, model = pictures(tmp_path, "saliency")
    assert model == "audio_cnn" and [p.emotion for p in shown] == ["sad", "calm"]
    np.testing.assert_allclose(shown[1].levels, kept[2].levels, atol=0.51)
    np.testing.assert_allclose(shown[0].weights, kept[0].weights, atol=0.003)
    assert len(spectrograms_figure(shown).axes) == 4
    assert pictures(tmp_path / "nowhere", "saliency") == ([], "")


def test_shares_are_drawn_with_a_panel_a_track():
    rows = pd.DataFrame(
        [(t, e, 1.0, -0.5) for t in ("one", "two") for e in EMOTIONS], columns=["track", "emotion", "audio", "text"]
    )
    assert [a.get_title(loc="left") for a in shares_figure(rows).axes] == ["one", "two"]
