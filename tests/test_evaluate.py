"""Metrics against scikit-learn and scipy, and tables that break the contract."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics as sklearn_metrics

from intone.emotions import EMOTIONS, INDEX
from intone.errors import IntoneError
from intone.evaluation import metrics
from intone.evaluation.confidence import discrimination


def predictions(skill: float = 0.5, seed: int = 0, speakers: int = 6, each: int = 16) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    rows = []
    for s in range(speakers):
        for i in range(each):
            true = i % 8
            p = draw.dirichlet(np.ones(8))
            if draw.random() < skill:
                p = (p + 2 * np.eye(8)[true]) / 3
            rows.append((f"{s}/{i}.wav", f"x-{s:02d}", "1", "test", EMOTIONS[true], EMOTIONS[int(p.argmax())], *p))
    return pd.DataFrame(rows, columns=list(metrics.PREDICTION_COLUMNS))


def test_rates_agree_with_scikit_learn():
    table = predictions().iloc[:-5]  # classes of unequal size
    got = metrics.score(table)
    true, said = table["emotion"], table["predicted"]
    assert got.accuracy == pytest.approx(100 * sklearn_metrics.accuracy_score(true, said))
    assert got.uar == pytest.approx(100 * sklearn_metrics.balanced_accuracy_score(true, said))
    assert got.macro_f1 == pytest.approx(
        100 * sklearn_metrics.f1_score(true, said, average="macro", labels=list(EMOTIONS))
    )
    table_ = sklearn_metrics.confusion_matrix(true, said, labels=list(EMOTIONS))
    ours = metrics.confusion(true.map(INDEX).to_numpy(), said.map(INDEX).to_numpy())
    assert (ours == table_).all()


def test_interval_resamples_speakers_not_clips():
    table = predictions(speakers=12)
    per_speaker = metrics.speaker_uars(table).to_numpy()
    expected = stats.bootstrap((per_speaker,), np.mean, method="percentile", random_state=1).confidence_interval
    low, high = metrics.interval(table)
    assert low == pytest.approx(expected.low, abs=1.0)
    assert high == pytest.approx(expected.high, abs=1.0)


def test_speakers_who_are_all_alike_leave_no_interval():
    one = predictions(speakers=1)
    copies = pd.concat([one.assign(speaker=f"x-{i}", file=one["file"] + str(i)) for i in range(5)])
    low, high = metrics.interval(copies)
    assert low == pytest.approx(high)


def test_calibration_error_by_hand():
    table = predictions(each=8, speakers=1).head(4).copy()
    table[list(EMOTIONS)] = np.full((4, 8), 0.2 / 7)
    table["angry"], table["predicted"] = 0.8, "angry"
    table["emotion"] = ["angry", "angry", "calm", "sad"]
    assert metrics.calibration_error(table) == pytest.approx(0.3)


def test_sign_flip_agrees_with_scipy():
    better, worse = predictions(0.7, 1, speakers=10), predictions(0.3, 2, speakers=10)
    gap, p = metrics.sign_flip(better, worse)
    pairs = metrics.speaker_uars(better) - metrics.speaker_uars(worse)
    exact = stats.permutation_test((pairs.to_numpy(),), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert gap == pytest.approx(pairs.mean())
    assert p == pytest.approx(exact.pvalue, abs=0.01)
    assert metrics.sign_flip(better, better)[1] == 1.0


def test_sign_flip_pairs_speakers_by_name_not_by_row():
    one, other = predictions(0.7, 1), predictions(0.3, 2)
    assert metrics.sign_flip(one, other) == metrics.sign_flip(one.sample(frac=1, random_state=0), other)
    with pytest.raises(IntoneError, match="same speakers"):
        metrics.sign_flip(one, other.replace({"speaker": {"x-00": "y-00"}}))


def test_chance_is_chance_and_skill_is_not():
    assert metrics.chance_p(predictions(0.0, 5), rounds=400) > 0.05
    assert metrics.chance_p(predictions(0.9, 5), rounds=400) < 0.01


def test_chance_is_measured_within_what_the_design_balances():
    """Two sentences, each in every emotion: guessing by sentence is exactly chance, and one hit more is not."""
    table = predictions(0.0, 7, speakers=6)
    clips = pd.DataFrame(
        {"speaker": np.repeat([f"x-{k}" for k in range(6)], 16), "emotion": [*EMOTIONS, *EMOTIONS] * 6}
    )
    sentence = pd.Series(np.tile(np.repeat(["kids", "dogs"], 8), 6))
    said = np.where(sentence == "kids", "happy", "sad")
    balanced = table.head(len(clips)).reset_index(drop=True)
    assert len(balanced) == len(clips)
    balanced = balanced.assign(**clips, predicted=said)
    strata = balanced["speaker"] + sentence
    assert metrics.chance_p(balanced, strata, rounds=200) == 1.0
    slips = balanced.index[balanced["emotion"] == "fearful"][:4]
    told = balanced.assign(predicted=balanced["predicted"].where(~balanced.index.isin(slips), "fearful"))
    assert metrics.chance_p(told, strata, rounds=400) < 0.01
    assert metrics.chance_p(told, strata.sample(frac=1, random_state=0), rounds=400) < 0.01  # joined by index


def test_a_paired_comparison_counts_speakers_both_ways():
    better, worse = predictions(0.7, 1, speakers=10), predictions(0.3, 2, speakers=10)
    got, same = metrics.paired(better, worse), metrics.paired(better, better)
    assert got.low < got.gap < got.high and (got.better, got.speakers) == (10, 10)
    assert (same.gap, same.low, same.high, same.better, same.worse, same.p) == (0, 0, 0, 0, 0, 1)


@pytest.mark.parametrize("column", ["file", "speaker"])
def test_a_blank_name_is_refused_with_its_line(column):
    table = predictions(0.5, 1)
    table.loc[3, column] = np.nan
    with pytest.raises(IntoneError, match=rf"names no {column} in 1 rows, from row 4 on"):
        metrics.check_predictions(table)


def break_probability(table: pd.DataFrame) -> None:
    table.loc[3, "angry"] += 0.01


def break_label(table: pd.DataFrame) -> None:
    table.loc[3, "emotion"] = "bored"


def break_argmax(table: pd.DataFrame) -> None:
    table.loc[3, "predicted"] = table.loc[3, list(EMOTIONS)].astype(float).idxmin()


def break_twice(table: pd.DataFrame) -> None:
    table.loc[3, "file"] = table.loc[4, "file"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (break_probability, "don't sum to one"),
        (break_label, "unknown emotion"),
        (break_argmax, "not most probable"),
        (break_twice, "twice"),
    ],
)
def test_tables_that_break_the_contract_are_refused_naming_the_row(damage, words):
    table = predictions()
    assert metrics.check_predictions(table) is table
    damage(table)
    with pytest.raises(IntoneError, match=words) as caught:
        metrics.check_predictions(table)
    assert "0/" in str(caught.value)


def test_discrimination_is_the_area_under_the_roc():
    draw = np.random.default_rng(4)
    p = draw.dirichlet(np.ones(8), 300).round(2)
    table = pd.DataFrame(p, columns=list(EMOTIONS))
    table["predicted"] = [EMOTIONS[k] for k in p.argmax(1)]
    table["emotion"] = [EMOTIONS[k] for k in np.where(draw.random(300) < p.max(1), p.argmax(1), (p.argmax(1) + 1) % 8)]
    right = table["predicted"] == table["emotion"]
    assert discrimination(table) == pytest.approx(sklearn_metrics.roc_auc_score(right, p.max(1)))
    assert np.isnan(discrimination(table[right]))


def test_clips_of_one_speaker_are_no_evidence_for_speakers_in_general():
    rows = [(f"s{k % 12}", EMOTIONS[k % 8], EMOTIONS[0]) for k in range(960)]
    table = pd.DataFrame(rows, columns=["speaker", "emotion", "predicted"]).assign(**dict.fromkeys(EMOTIONS, 0.125))
    knowing = table.assign(predicted=table["predicted"].where(table["speaker"] != "s0", table["emotion"]))
    assert metrics.chance_p_over_speakers(knowing) > 0.3
    assert metrics.chance_p_over_speakers(table.assign(predicted=table["emotion"])) < 0.01
