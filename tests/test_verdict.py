"""`intone evaluate`: files that are refused, naming the rows, and figures that agree with scikit-learn and scipy."""

import gzip
import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import calibration, metrics
from test_evaluate import predictions

from intone.cli import main
from intone.emotions import EMOTIONS
from intone.errors import IntoneError
from intone.evaluation import confidence, correction, groups
from intone.evaluation.predictions import read, read_clips
from intone.report.scorecard import against_first, judge, write


def two_folds() -> pd.DataFrame:
    """Six speakers: fold 1 tests the first three and learns from the others, fold 2 the other way round."""
    table = predictions(0.7)
    late = table["speaker"] > "x-02"
    folds = [
        table.assign(fold=name, split=np.where(late == flipped, "test", "train"))
        for name, flipped in (("1", False), ("2", True))
    ]
    return pd.concat(folds, ignore_index=True)


def leak(table: pd.DataFrame) -> pd.DataFrame:
    table.loc[(table["fold"] == "1") & (table["file"] == "5/3.wav"), "speaker"] = "x-00"
    return table


def lose(table: pd.DataFrame) -> pd.DataFrame:
    return table[~((table["split"] == "test") & (table["file"] == "2/4.wav"))]


def double(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table, table[table["file"] == "2/4.wav"]])


def unsum(table: pd.DataFrame) -> pd.DataFrame:
    table.loc[table["file"] == "1/1.wav", "angry"] += 0.002
    return table


def blank(table: pd.DataFrame) -> pd.DataFrame:
    table.loc[table["file"] == "1/1.wav", "angry"] = np.nan
    return table


def mislabel(table: pd.DataFrame) -> pd.DataFrame:
    table.loc[table["file"] == "1/2.wav", "predicted"] = "bored"
    return table


def misplace(table: pd.DataFrame) -> pd.DataFrame:
    table.loc[table["file"] == "1/2.wav", "split"] = "dev"
    return table


@pytest.mark.parametrize(
    ("damage", "words", "row"),
    [
        (leak, "a speaker in test and in train", "0/"),
        (lose, "misses clips", "2/4.wav"),
        (double, "twice", "2/4.wav"),
        (unsum, "don't sum to one", "1/1.wav"),
        (blank, "don't sum to one", "1/1.wav"),
        (mislabel, "unknown emotion", "1/2.wav"),
        (misplace, "neither train, validation nor test", "1/2.wav"),
    ],
)
def test_a_file_that_cannot_be_judged_is_refused_naming_the_rows(
    damage: Callable[[pd.DataFrame], pd.DataFrame], words: str, row: str, tmp_path
):
    path = tmp_path / "p.csv.gz"
    two_folds().to_csv(path, index=False)
    assert len(read(path)) == 192
    damage(two_folds()).to_csv(path, index=False)
    with pytest.raises(IntoneError, match=words) as caught:
        read(path)
    assert row in str(caught.value)
    assert str(path) in str(caught.value)


def test_clips_of_the_clip_table_that_are_missing_or_too_many_are_named(tmp_path):
    table = predictions()
    table.to_csv(tmp_path / "p.csv", index=False)
    table[["file"]].to_csv(tmp_path / "clips.csv", index=False)
    assert len(read(tmp_path / "p.csv", read_clips(tmp_path / "clips.csv"))) == len(table)
    pd.DataFrame({"file": [*table["file"], "7/7.wav"]}).to_csv(tmp_path / "clips.csv", index=False)
    with pytest.raises(IntoneError, match=r"misses test clips.*7/7\.wav"):
        read(tmp_path / "p.csv", read_clips(tmp_path / "clips.csv"))
    table[["file"]].iloc[1:].to_csv(tmp_path / "clips.csv", index=False)
    with pytest.raises(IntoneError, match=r"clip table lacks.*0/0\.wav"):
        read(tmp_path / "p.csv", read_clips(tmp_path / "clips.csv"))


def test_clips_are_read_as_training_reads_a_table(tmp_path):
    rows = "File;start;end;sex\n./7/7.wav;0,5;1,25;female\n7\\7.wav;;;nan\n"
    (tmp_path / "clips.csv").write_bytes(gzip.compress(rows.encode("utf-16")))
    clips = read_clips(tmp_path / "clips.csv")
    assert clips["file"].tolist() == ["7/7.wav#0.500-1.250", "7/7.wav"]
    assert clips["sex"].tolist() == ["female", ""] and clips["intensity"].tolist() == ["", ""]
    for text, reason in (
        ("file\na\na\n", "lists a clip twice: a"),
        ("clip\na\n", "names no clip"),
        ("file,sex\n,male\n", "row 2"),
    ):
        (tmp_path / "clips.csv").write_text(text)
        with pytest.raises(IntoneError, match=reason):
            read_clips(tmp_path / "clips.csv")


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe not a table", b"file,speaker\n1,2\n"])
def test_what_is_no_table_is_refused_in_one_sentence(content, tmp_path, capsys):
    (tmp_path / "p.csv").write_bytes(content)
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", str(tmp_path / "p.csv")])
    assert stop.value.code == 1
    err = capsys.readouterr().err
    assert err.startswith("intone: ") and err.count("\n") == 1 and "p.csv" in err


def test_the_command_prints_and_writes_what_it_computes(tmp_path, capsys):
    for name, skill in (("one", 0.3), ("two", 0.9)):
        predictions(skill, 3).to_csv(tmp_path / f"{name}.csv", index=False)
    main(["evaluate", str(tmp_path / "one.csv"), str(tmp_path / "two.csv"), "-o", str(tmp_path / "out")])
    shown = capsys.readouterr().out
    found = json.loads((tmp_path / "out" / "metrics.json").read_text())
    table = pd.read_csv(tmp_path / "two.csv")
    got = found[str(tmp_path / "two.csv")]
    assert got["accuracy"] == pytest.approx(100 * metrics.accuracy_score(table["emotion"], table["predicted"]))
    assert f"{got['uar']:.1f}" in shown
    assert found["against_first"][str(tmp_path / "two.csv")]["gap"] > 0
    assert len(list((tmp_path / "out").glob("*.png"))) == 8


def test_figures_by_emotion_agree_with_scikit_learn():
    table = predictions(0.6).iloc[:-7]
    ours = groups.by_emotion(table)
    expected = metrics.precision_recall_fscore_support(
        table["emotion"], table["predicted"], labels=list(EMOTIONS), zero_division=np.nan
    )
    for column, values in zip(("precision", "recall", "f1", "clips"), expected, strict=True):
        scale = 1 if column == "clips" else 100
        np.testing.assert_allclose(ours[column], scale * np.asarray(values), err_msg=column)


def test_groups_come_from_file_names_or_from_the_clip_table():
    names = [
        f"Actor_{a:02d}/03-01-{e:02d}-01-{s:02d}-01-{a:02d}.wav" for a in (1, 2) for e in range(1, 9) for s in (1, 2)
    ]
    table = predictions(0.5, each=16, speakers=2).assign(file=names)
    clips = groups.ravdess_clips(names)
    assert clips is not None
    found = groups.by_group(table, clips)
    female = table[table["file"].str.startswith("Actor_02")]
    assert found.loc[("sex", "female"), "accuracy"] == pytest.approx(
        100 * metrics.accuracy_score(female["emotion"], female["predicted"])
    )
    assert set(found.loc["statement"].index) == {"kids", "dogs"}
    assert groups.ravdess_clips(["0/1.wav"]) is None


def test_brier_log_loss_and_reliability_agree_with_scikit_learn():
    table = predictions(0.6)
    chances = table[list(EMOTIONS)].to_numpy()
    got = confidence.trust(table)
    one_hot = np.array([[e == c for c in EMOTIONS] for e in table["emotion"]], float)
    assert got.brier == pytest.approx(np.mean(np.sum((chances - one_hot) ** 2, axis=1)))
    true = table["emotion"].map(list(EMOTIONS).index)
    assert got.log_loss == pytest.approx(metrics.log_loss(true, chances, labels=range(8)), rel=1e-6)
    right = (table["emotion"] == table["predicted"]).to_numpy()
    share, mean = calibration.calibration_curve(right, chances.max(1), n_bins=15)
    bins = confidence.reliability(table).dropna()
    np.testing.assert_allclose(bins["accuracy"], share)
    np.testing.assert_allclose(bins["confidence"], mean)


def test_risk_falls_as_unsure_clips_are_declined_and_ends_at_the_error_rate():
    table = predictions(0.9, each=64)
    curve = confidence.risk_coverage(table)
    error = 100 * (table["emotion"] != table["predicted"]).mean()
    assert curve["risk"].iloc[-1] == pytest.approx(error)
    assert curve["risk"].iloc[: len(curve) // 3].mean() < error
    shuffled = confidence.risk_coverage(table.sample(frac=1, random_state=0))
    np.testing.assert_allclose(curve, shuffled)
    surest = table.loc[confidence.confidence(table).argsort()[::-1][: len(table) // 2]]
    half = 100 * (surest["emotion"] == surest["predicted"]).mean()
    assert confidence.trust(table).accurate_at["50"] == pytest.approx(half, abs=1e-6)


def test_taking_the_temperature_back_gives_the_probabilities_before_it():
    draw = np.random.default_rng(0)
    logits = draw.normal(size=(40, 8))
    raw, cooled = (np.exp(z) / np.exp(z).sum(1, keepdims=True) for z in (logits, logits / 1.7))
    table = predictions(each=8, speakers=5)
    table[list(EMOTIONS)] = cooled
    back = confidence.before_temperature(table, {"1": 1.7})
    np.testing.assert_allclose(back[list(EMOTIONS)], raw, atol=1e-9)


def test_holm_by_hand():
    """Holm 1979: the smallest times 4, the next times 3, never falling, never above one."""
    np.testing.assert_allclose(correction.holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    assert correction.holm([0.6, 0.9]).max() == 1
    with pytest.raises(IntoneError):
        correction.holm([1.2])


def test_group_gap_agrees_with_scipy():
    draw = np.random.default_rng(1)
    one, other = draw.normal(70, 8, 9), draw.normal(62, 8, 8)
    gap, p = correction.group_gap(one, other)
    exact = stats.permutation_test((one, other), lambda a, b: a.mean() - b.mean(), n_resamples=20_000, rng=0)
    assert gap == pytest.approx(one.mean() - other.mean())
    assert p == pytest.approx(exact.pvalue, abs=0.01)


def test_other_speakers_than_the_firsts_are_refused_by_name(tmp_path):
    for name, speakers in (("one", 12), ("two", 11)):
        predictions(0.5, 0, speakers=speakers).to_csv(tmp_path / f"{name}.csv", index=False)
    with pytest.raises(IntoneError, match=r"two\.csv has other speakers than .*one\.csv"):
        against_first(judge([tmp_path / "one.csv", tmp_path / "two.csv"]))


def test_a_name_with_signs_of_a_formula_is_drawn(tmp_path):
    path = tmp_path / "cost in $ of $x^.csv"
    predictions(0.5, 0).to_csv(path, index=False)
    assert len(write(judge([path]), tmp_path / "out")) == 5


def test_files_are_held_against_the_first_with_holm(tmp_path):
    paths = []
    for k, skill in enumerate((0.3, 0.3, 0.95)):
        paths.append(tmp_path / f"{k}.csv")
        predictions(skill, k, speakers=12).to_csv(paths[-1], index=False)
    table = against_first(judge(paths))
    assert table.loc[str(paths[2]), "holm"] < 0.05
    assert (table["holm"] >= table["p"]).all()
