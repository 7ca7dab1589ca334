"""Prediction sets, fewer classes, and what tests over speakers could show."""

import numpy as np
import pandas as pd
import pytest

from intone.emotions import EMOTIONS
from intone.evaluation.coarser import FOUR, four, seven
from intone.evaluation.metrics import calibration_error, calibration_interval
from intone.evaluation.power import MARGIN, difference, findable
from intone.evaluation.prediction_sets import set_scores, sets, threshold


def predictions(clips: int = 4000, seed: int = 0, split: str = "test", fold: str = "1") -> pd.DataFrame:
    """Clips whose probabilities are right: the true emotion is drawn from them."""
    draw = np.random.default_rng(seed)
    chances = draw.dirichlet(np.full(len(EMOTIONS), 0.3), clips)
    true = [EMOTIONS[draw.choice(len(EMOTIONS), p=row)] for row in chances]
    table = pd.DataFrame(chances, columns=list(EMOTIONS))
    table.insert(0, "file", [f"{split}{k}.wav" for k in range(clips)])
    speakers = [f"actor {k % 8}" for k in range(clips)]
    said = [EMOTIONS[k] for k in chances.argmax(1)]
    return table.assign(speaker=speakers, fold=fold, split=split, emotion=true, predicted=said)


def test_sets_hold_the_true_emotion_as_often_as_promised_and_are_small_where_the_model_is_sure():
    both = pd.concat([predictions(split="validation", seed=1), predictions(seed=2)])
    got = set_scores(both, 0.9)
    assert got.coverage == pytest.approx(90, abs=1.5) and 1 < got.size < 4 and got.worst <= got.coverage
    assert set_scores(both, 0.99).size > got.size
    table = predictions(10)
    assert sets(table, 2.0).sum(1).tolist() == [1] * 10  # never empty
    assert threshold(predictions(5), 0.9) == 0.0  # too few clips to leave anything out
    assert sets(table, 0.0).all()


def test_a_threshold_is_each_folds_own():
    one, other = (predictions(split="validation", seed=k, fold=str(k)) for k in (1, 2))
    sharp = other.assign(**{e: (other["emotion"] == e).astype(float) for e in EMOTIONS})
    tested = predictions(seed=3, fold="2")
    assert set_scores(pd.concat([one, sharp, tested])).single == 100


def test_fewer_classes_keep_their_probability():
    table = predictions(500)
    merged, few = seven(table), four(table)
    assert "calm" not in merged and set(merged["emotion"]) <= set(EMOTIONS) - {"calm"}
    assert np.allclose(merged["neutral"], table["neutral"] + table["calm"])
    assert len(few) == table["emotion"].isin({*FOUR, "calm"}).sum()
    assert np.allclose(few[list(FOUR)].sum(axis=1), 1) and set(few["predicted"]) <= set(FOUR)
    kept = table.loc[few.index]
    assert np.allclose(few["happy"] / few["sad"], kept["happy"] / kept["sad"])


def test_the_interval_of_the_calibration_error_is_around_it():
    table = predictions()
    low, high = calibration_interval(table)
    assert low <= calibration_error(table) <= high and high < 0.1
    sure = table.assign(**{e: (table["predicted"] == e).astype(float) for e in EMOTIONS})
    assert calibration_interval(sure)[0] > 0.2


def test_differences_are_found_equivalent_or_not_decided():
    draw = np.random.default_rng(0)
    wide, narrow = draw.normal(0, 8, 24), draw.normal(0, 1, 24)
    wide, narrow = wide - wide.mean(), narrow - narrow.mean()
    assert not difference(wide).equivalent and difference(wide).p > 0.5
    assert difference(narrow).equivalent and not difference(narrow + MARGIN).equivalent
    found = difference(wide + findable(wide) * 1.5)
    assert found.p < 0.05 and found.low > 0 and found.gap == pytest.approx(1.5 * findable(wide))
