"""Predictions of held-out speakers -> sets of emotions that hold the true one in a given share of cases (conformal).

Split conformal prediction (Vovk et al. 2005) with the least ambiguous sets (Sadinle et al. 2019): an emotion is in the
set where its probability reaches the threshold at which `share` of the calibration clips would have had theirs in it.
The guarantee is for clips exchangeable with the calibration clips; clips of other speakers are not quite that.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from intone.evaluation.metrics import labels_of, places


@dataclass(frozen=True)
class SetScores:
    """How prediction sets do on test clips; shares in percent."""

    coverage: float
    """Clips whose set holds the true emotion."""
    size: float
    """Mean number of emotions in a set."""
    single: float
    """Clips with a set of one."""
    worst: float
    """Coverage for the speaker with the lowest."""


def threshold(table: pd.DataFrame, share: float = 0.9) -> float:
    """Calibration clips -> the probability from which an emotion is in the set."""
    own = np.sort(_own(table))
    place = int(np.floor((len(own) + 1) * (1 - share))) - 1
    return float(own[place]) if place >= 0 else 0.0


def sets(table: pd.DataFrame, lowest: float) -> np.ndarray:
    """Which emotions are in each clip's set, bool [N, labels]; the most probable one always is."""
    chances = table[labels_of(table)].to_numpy(float)
    return np.asarray((chances >= lowest) | (chances >= chances.max(1, keepdims=True)))


def set_scores(predictions: pd.DataFrame, share: float = 0.9) -> SetScores:
    """All parts of a predictions table -> sets for test clips, calibrated on each fold's validation clips."""
    tables = []
    for _, fold in predictions.groupby("fold"):
        lowest = threshold(fold[fold["split"] == "validation"], share)
        test = fold[fold["split"] == "test"]
        if not len(test):
            continue
        inside = sets(test, lowest)
        held = inside[np.arange(len(test)), places(test)[0]]
        tables.append(pd.DataFrame({"speaker": test["speaker"], "held": held, "size": inside.sum(1)}))
    found = pd.concat(tables)
    return SetScores(
        coverage=float(100 * found["held"].mean()),
        size=float(found["size"].mean()),
        single=float(100 * (found["size"] == 1).mean()),
        worst=float(100 * found.groupby("speaker")["held"].mean().min()),
    )


def _own(table: pd.DataFrame) -> np.ndarray:
    """The probability of each clip's true emotion, [N]."""
    chances = table[labels_of(table)].to_numpy(float)
    return np.asarray(chances[np.arange(len(table)), places(table)[0]])
