"""The sentence below each figure: what it says comes from the rows that the figure shows."""

import numpy as np
import pandas as pd

from intone.emotions import EMOTIONS
from intone.report import readings
from intone.report.figures.clips import ClipPicture


def test_the_best_of_ours_among_others():
    rows = pd.DataFrame(
        [
            ("mine", 80.0, 75.0, 85.0, True),
            ("a", 82.0, 0, 0, False),
            ("b", 90.0, 0, 0, False),
            ("c", 60.0, 0, 0, False),
        ],
        columns=["name", "value", "low", "high", "ours"],
    )
    told = readings.standing(rows)
    assert "mine, is below 2 of 3 published figures, and the interval of ours holds 1 of these 2." in told
    assert readings.standing(rows[rows["ours"]]) == ""


def predictions(right: int, sure: float) -> pd.DataFrame:
    """Ten happy clips, the first `right` of them predicted as happy, the others as sad, all with one confidence."""
    said = ["happy" if k < right else "sad" for k in range(10)]
    table = pd.DataFrame({"file": range(10), "speaker": "a", "fold": "1", "split": "test", "emotion": "happy"})
    rest = (1 - sure) / (len(EMOTIONS) - 1)
    chances = {e: [sure if e == s else rest for s in said] for e in EMOTIONS}
    return table.assign(predicted=said, **chances)


def test_confidence_and_confusions():
    tables = {"one": predictions(9, 0.95), "two": predictions(5, 0.9)}
    assert readings.reliability(tables).startswith("On average 2 of 2 are too sure and 0 not sure enough")
    assert "+40.0 points (two)" in readings.reliability(tables)
    assert readings.confusions(tables) == "The most frequent confusion of 2 of 2 models is happy as sad."
    assert readings.coverage(tables).endswith("on all of them 10.0 to 50.0 %.")


def test_perturbations_leaks_and_costs():
    rows = pd.DataFrame(
        [("m", "gain", "6", "dB", 70.0, 72.0), ("m", "babble", "0", "dB", 30.0, 72.0)],
        columns=["model", "perturbation", "level", "unit", "uar", "clean"],
    )
    assert readings.robustness(rows) == "`m` loses most to babble (0 dB: −42.0 points)."
    assert "rise by 5.0 to 20.0 points" in readings.leaks(pd.DataFrame({"honest": [60, 50], "leaked": [65, 70]}))
    models = [("big", 80.0, 75.0, 900.0), ("small", 76.0, 70.0, 3.0), ("tiny", 60.0, 50.0, 1.0)]
    told = readings.cost(pd.DataFrame(models, columns=["model", "uar", "uar_low", "seconds"]))
    assert told.startswith("`small`, trained in 3 s a fold") and "`big`, which takes 900 s" in told


def test_what_was_looked_at():
    levels = np.full((10, 4), -60.0)
    levels[:5] = -10.0
    weights = np.where(levels > -30, 0.9, 0.1)
    clip = ClipPicture(levels, "", "happy", weights)
    assert readings.saliency([clip]) == "90 % of the support lies on the 50 % of the pictures that are loud."
    assert readings.hardest([clip, clip]) == "Of these clips 2 of 2 portray happy." and readings.hardest([]) == ""
    rows = pd.DataFrame({"emotion": "sad", "position": [0.1, 0.5, 0.9], "weight": [1.0, 0.5, 2.0]})
    assert readings.attention(rows) == "The end of the clip has the most attention for 1 of 1 emotions."
    parts = pd.DataFrame({"track": ["x", "y"], "audio": [1.0, 1.0], "text": [1.0, -0.1]})
    assert readings.shares(parts) == "Of the decision, the words carry 50 % on x and 0 % on y."


def test_curves():
    rows = [(e, s, a, "1") for e, s, a in ((1, "train", 20.0), (1, "validation", 25.0))]
    rows += [(2, "train", 90.0, "1"), (2, "validation", 70.0, "1")]
    history = pd.DataFrame(rows, columns=["epoch", "split", "accuracy", "fold"])
    assert "accuracy on training clips is 20.0 points above that on validation clips" in readings.curves(history)
    assert readings.several_curves({}) == "" and "`m` (+20.0 points)" in readings.several_curves({"m": history})
