"""openSMILE's functionals and a regression on them: the field's usual baselines, from training speakers alone."""

import sys

import numpy as np
import pytest

from intone.data.splits import Split
from intone.errors import Missing
from intone.training import functionals
from intone.training.functionals import Functionals
from intone.training.recipes.functionals import FunctionalsRecipe
from intone.training.workspace import Workspace


def test_a_clip_has_88_functionals_whatever_it_sounds_like(corpus):
    pytest.importorskip("opensmile", reason="openSMILE isn't installed")
    kept = Functionals("eGeMAPSv02").computed(corpus)
    x = np.stack([rows[0] for rows in kept.values()])
    assert x.shape == (len(corpus.clips), 88) and np.isfinite(x).all()
    assert np.ptp(x, axis=0).max() > 1  # pitch in semitones, at least, differs between speakers


def test_without_opensmile_one_sentence_says_what_brings_it(corpus, monkeypatch):
    monkeypatch.setitem(sys.modules, "opensmile", None)
    functionals._extractor.cache_clear()
    with pytest.raises(Missing, match=r"\[opensmile\]"):
        Functionals("eGeMAPSv02").fill(corpus, 1)


def test_strength_and_temperature_come_from_training_speakers_alone(corpus, tmp_path, monkeypatch):
    chance = np.random.default_rng(0)
    emotions = corpus.clips["emotion"].to_numpy()
    known = {name: chance.normal(size=20) for name in sorted(set(emotions))}
    drawn = {
        f: [(known[e] + chance.normal(size=20)).astype(np.float32)]
        for f, e in zip(corpus.clips["file"], emotions, strict=True)
    }
    monkeypatch.setattr(Functionals, "computed", lambda self, corpus: drawn)
    by = list(corpus.clips.groupby("speaker")["file"].apply(tuple))
    split = Split("speakers", "1", by[0] + by[1], by[2], by[3])
    recipe = FunctionalsRecipe(functionals="eGeMAPSv02", strengths=(1e-6, 0.03), inner=2)
    space = Workspace(corpus, {"it": recipe}, tmp_path)
    made = space.fold("it", "none", split)
    assert made.record.details.strength == 0.03  # so weak a regression as the other one tells nothing
    table = made.predictions
    right = (table["predicted"] == table["emotion"])[table["split"] == "test"].mean()
    assert right > 0.5
    # What validation and test clips are changes nothing that was learned.
    for file in (*split.validation, *split.test):
        drawn[file] = [chance.normal(size=20).astype(np.float32)]
    again = Workspace(corpus, {"it": recipe}, tmp_path / "again").fold("it", "none", split)
    assert again.record.temperature == made.record.temperature
