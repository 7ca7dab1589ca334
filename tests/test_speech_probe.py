"""Probes of frozen states: they find the layer that speaks, and choose without the clips they are judged on."""

import numpy as np
import pytest

from intone.errors import IntoneError
from intone.models.linear_probe import LinearProbe, LinearProbePreset, pooled
from intone.models.partial_labels import Targets

QUICK = LinearProbePreset(widest=2, inner=3)


def clips(seed: int, skill: tuple[float, ...], speakers: int = 6) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Each layer says the emotion as clearly as its skill, in a voice that adds the speaker to it."""
    draw = np.random.default_rng(seed)
    true = np.tile(np.arange(8), 4 * speakers)
    who = np.repeat(np.arange(speakers), 32)
    way = np.random.default_rng(0).normal(0, 1, (8, 12))
    voice = draw.normal(0, 1, (speakers, 12))
    layers = [s * way[true] + voice[who] + draw.normal(0, 1, (len(true), 12)) for s in skill]
    return np.stack(layers, 1).astype(np.float32), true, [f"s{w}" for w in who]


def test_pooling_is_mean_and_deviation_over_the_clip():
    states = np.array([[[1.0, 2.0], [3.0, 2.0]]], np.float16)
    np.testing.assert_allclose(pooled(states), [[2.0, 2.0, 1.0, 0.0]])
    np.testing.assert_allclose(pooled(states, np.array([0.7, 0.7])), pooled(states), rtol=1e-5)
    np.testing.assert_allclose(pooled(states, np.array([0.2, 0.6])), [[2.5, 2.0, 3**0.5 / 2, 0.0]], rtol=1e-4)


def test_the_layer_that_speaks_is_found_and_reads_new_speakers():
    probe = LinearProbe(QUICK).fit(*clips(1, (0.0, 2.0, 0.0)))
    assert 1 in probe.layers
    x, true, _ = clips(2, (0.0, 2.0, 0.0))
    assert (probe.logits(x).argmax(1) == true).mean() > 0.8
    assert probe.parameters == len(probe.layers) * 8 * 13


def test_two_layers_that_err_apart_are_read_together():
    probe = LinearProbe(QUICK).fit(*clips(1, (0.6, 0.6)))
    assert probe.layers == (0, 1)


def test_the_order_of_the_clips_changes_nothing():
    x, true, who = clips(1, (0.5, 1.0))
    order = np.random.default_rng(0).permutation(len(x))
    one = LinearProbe(QUICK).fit(x, true, who)
    other = LinearProbe(QUICK).fit(x[order], true[order], [who[i] for i in order])
    assert one.layers == other.layers


def test_an_emotion_that_was_never_heard_is_never_likely():
    x, true, who = clips(1, (1.0,))
    kept = true != 3
    said = LinearProbe(QUICK).fit(x[kept], true[kept], list(np.array(who)[kept])).logits(x)
    assert said.shape == (len(x), 8)
    assert (said.argmax(1) != 3).all()
    assert np.isfinite(said).all()
    with pytest.raises(IntoneError, match="two or more"):
        LinearProbe(QUICK).fit(x[:32], true[:32], who[:32])


def test_a_probe_of_several_corpora_reads_what_each_can_tell():
    chance = np.random.default_rng(5)
    true = np.concatenate([np.tile([0, 1, 2, 3], 24), np.tile([0, 2], 24)])
    corpora = np.repeat(["a", "b"], [96, 48])
    x = (0.5 * chance.normal(size=(144, 2, 8)) + np.eye(4, 8)[true][:, None]).astype(np.float32)
    targets = Targets.of(true, list(corpora), ("neutral", "calm", "sad", "angry"))
    speakers = [f"{corpus}{k % 4}" for k, corpus in enumerate(corpora)]
    probe = LinearProbe(LinearProbePreset(strength=1.0, inner=2), 4).fit(x, true, speakers, targets)
    assert (probe.logits(x).argmax(1) == true)[:96].mean() > 0.9
    kept = probe.fitted((4, 5))
    np.testing.assert_allclose(kept.logits({k: x[:, k - 4] for k in kept.readers}), probe.logits(x), atol=1e-4)
