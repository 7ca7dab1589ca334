"""Corpora with different labels: what one never says is not learned, and calm counts as neutral where there is none."""

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from intone.emotions import EMOTIONS
from intone.evaluation.calibration import clip_losses, temperature
from intone.models.partial_labels import PartialRegression, Targets, merged, right_labels, without_calm

NAMES = ("neutral", "calm", "sad", "disgust")


def test_with_all_labels_it_is_the_usual_regression():
    chance = np.random.default_rng(0)
    true = chance.integers(0, 4, 400)
    x = chance.normal(size=(400, 12)) + np.eye(4, 12)[true]
    ours = PartialRegression(0.1).fit(x, Targets.of(true, ["one"] * 400, NAMES))
    usual = LogisticRegression(C=0.1, class_weight="balanced").fit(x, true)
    assert np.abs(np.exp(ours.predict_log_proba(x)) - usual.predict_proba(x)).max() < 0.02


def test_a_room_without_disgust_does_not_teach_that_it_is_never_disgusted():
    """The second corpus differs from the first in its last number, and has neither calm nor disgust."""
    chance = np.random.default_rng(1)
    true = np.concatenate([np.tile(np.arange(4), 60), np.tile([0, 2], 60)])
    corpora = ["first"] * 240 + ["second"] * 120
    x = 0.7 * chance.normal(size=(360, 6)) + np.eye(4, 6)[true]
    x[:, 5] = [float(corpus == "second") for corpus in corpora]
    found = PartialRegression(1.0).fit(x, Targets.of(true, corpora, NAMES))
    usual = LogisticRegression(C=1.0).fit(x, true)
    disgust_there = np.eye(4, 6)[[3]] + np.eye(6)[[5]]
    assert found.predict_log_proba(disgust_there).argmax() == 3
    assert usual.predict_log_proba(disgust_there).argmax() != 3


def test_labels_that_no_clip_could_get_are_not_there():
    x, true = np.random.default_rng(2).normal(size=(40, 3)), np.tile([2, 3], 20)
    assert list(PartialRegression(1.0).fit(x, Targets.of(true, ["one"] * 40, NAMES)).classes_) == [2, 3]


def test_neutral_of_a_corpus_without_calm_may_be_calm():
    coarse = without_calm(["a", "a", "b"], ["neutral", "calm", "neutral"])
    assert list(coarse) == [False, False, True]
    assert list(without_calm(["a", "a"], ["neutral", "calm"], learned={"neutral"})) == [True, True]
    right = right_labels(np.array([0, 1, 0]), EMOTIONS, coarse)
    assert right.sum(1).tolist() == [1, 1, 2] and right[2, :2].all()
    chances = merged(np.full((3, 8), 0.125), EMOTIONS, coarse)
    assert chances[2, :2].tolist() == [0.25, 0] and np.allclose(chances.sum(1), 1) and chances[0, 1] == 0.125


@pytest.mark.parametrize("count", [1, 2])
def test_a_temperature_of_sets_is_that_of_indices_where_sets_have_one_label(count):
    logits = np.random.default_rng(3).normal(size=(200, 8))
    true = logits.argmax(1)
    true[::3] = (true[::3] + 1) % 8
    sets = np.eye(8, dtype=bool)[true]
    if count == 1:
        assert temperature(logits, sets) == temperature(logits, true)
    else:
        sets[:, 0] = True
        p = np.exp(log_softmax(logits, axis=1))
        assert np.allclose(np.exp(-clip_losses(logits, sets)), (p * sets).sum(1))
