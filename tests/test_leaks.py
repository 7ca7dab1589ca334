"""Deliberate leaks: kept apart, each with just the leak that it is named after, and seen by the report's audit."""

import numpy as np
import pandas as pd
import pytest

from intone.data.splits import AUDITED, LEAKY, Split, folds
from intone.errors import IntoneError
from intone.evaluation.results import Experiment
from intone.experiments.leakage import audit
from intone.experiments.leaky_probes import LEAKY as LEAKY_PROBES
from intone.experiments.leaky_probes import audited
from intone.models.linear_probe import LinearProbePreset
from intone.training.recipes.linear_probe import LinearProbeRecipe, NoisyProbeRecipe
from intone.training.recipes.spectrogram import SpectrogramRecipe
from intone.training.workspace import Workspace


@pytest.fixture
def space(corpus, tiny_whisper, tmp_path, monkeypatch) -> Workspace:
    monkeypatch.setenv("INTONE_CACHE", str(tmp_path / "cache"))
    probe = LinearProbeRecipe(weights=tiny_whisper, layers=(1, 2, 3), probe=LinearProbePreset(widest=2, inner=2))
    return Workspace(corpus, {"audio_tiny-frozen": probe, "audio_cnn": SpectrogramRecipe()}, tmp_path / "runs")


@pytest.fixture
def splits(corpus) -> list[Split]:
    """Two folds of two actors to learn from, one to choose on, one to be judged on."""
    by = list(corpus.clips.groupby("speaker")["file"].apply(tuple))
    return [Split("luna5", str(k + 1), by[k] + by[k - 1], by[k - 2], by[k - 3]) for k in range(4)]


def leaky(space, protocol):
    return space.recipe("audio_tiny-frozen").twin(LEAKY_PROBES[protocol], "audio_tiny-frozen")


def test_each_actor_is_normalised_with_its_own_clips_tested_or_not(space):
    recipe = leaky(space, "luna5_test_statistics")
    heard = recipe.states.computed(space.corpus)
    for _, files in space.corpus.clips.groupby("speaker")["file"]:
        own = np.stack([heard[f][0] for f in files])
        np.testing.assert_allclose(own.mean(0), 0, atol=1e-3)
        assert own.std(0).max() == pytest.approx(1, abs=0.05)
    plain = space.recipe("audio_tiny-frozen").states.computed(space.corpus)
    assert any((plain[f][0] != heard[f][0]).any() for f in plain)


def test_layers_that_test_likes_are_never_worse_on_test_than_any_other(space, splits):
    split = audited(splits[0], "luna5_test_layer")
    recipe = leaky(space, "luna5_test_layer")
    space.models = {"probe": recipe, "honest": space.recipe("audio_tiny-frozen")} | {
        f"layer{k}": LinearProbeRecipe(weights=recipe.weights, layers=(k,), probe=recipe.probe) for k in recipe.layers
    }
    found = {name: space.fold(name, "none", split).predictions for name in space.models}
    rates = {n: t[t["split"] == "test"].eval("emotion == predicted").mean() for n, t in found.items()}
    assert rates["probe"] == max(rates.values())


def test_leaks_are_published_apart_and_under_their_own_protocol(space, splits, tmp_path):
    audit(space, ("audio_tiny-frozen",), splits, tmp_path)
    summary = pd.read_csv(tmp_path / "summary.csv")
    assert set(summary["protocol"]) == set(AUDITED)
    assert len(list((tmp_path / "leaks").glob("*.csv.gz"))) == 2
    assert not (tmp_path / "predictions").exists()
    assert all(Experiment("m", "audio", "none", protocol).leaks for protocol in LEAKY)
    assert not Experiment("m", "audio", "none", "luna5").leaks


def test_what_is_no_probe_is_refused(space, splits, tmp_path):
    with pytest.raises(IntoneError, match="audio_cnn is not a probe"):
        audit(space, ("audio_cnn",), splits, tmp_path)


def test_honest_protocols_do_not_know_the_leaky_names(corpus):
    for protocol in AUDITED:
        with pytest.raises(IntoneError, match="no protocol"):
            folds(corpus.clips, protocol)


def test_a_probe_that_learns_from_noisy_copies_is_refused(space, splits, tmp_path):
    space.models = {"noisy": NoisyProbeRecipe(weights="anything", layers=(1,))}
    with pytest.raises(IntoneError, match="noisy copies"):
        audit(space, ("noisy",), splits, tmp_path)
