"""Predictions table of one part -> how far its probabilities can be trusted: reliability, Brier, risk against coverage.

Confidence is the probability of the predicted emotion, a fraction.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from intone.evaluation.metrics import calibration_error, labels_of, places

MIN_PROBABILITY = 5e-5
"""Half a step of probabilities with four decimals: the most that a zero in a table stands for."""


@dataclass(frozen=True)
class Confidence:
    """How far a set of probabilities can be trusted."""

    ece: float
    """Top-class expected calibration error, 15 equal-width bins (Guo et al. 2017)."""
    brier: float
    """Mean squared distance from the true emotion's indicator, summed over emotions: 0 to 2 (Brier 1950)."""
    log_loss: float
    """Mean negative log-likelihood of the true emotion, in nats."""
    mean: float
    """Mean confidence, in percent, to be compared with the accuracy."""
    aurc: float
    """Area under risk against coverage, in percent: mean error rate over all coverages (Geifman et al. 2019)."""
    accurate_at: Mapping[str, float]
    """Coverage in percent -> accuracy in percent on the clips with the highest confidence."""


def trust(table: pd.DataFrame, coverages: tuple[int, ...] = (90, 75, 50)) -> Confidence:
    """All figures of one part of a predictions table."""
    curve = risk_coverage(table)
    at = {str(c): 100 - float(np.interp(c, curve["coverage"], curve["risk"])) for c in coverages}
    return Confidence(
        ece=calibration_error(table),
        brier=brier(table),
        log_loss=log_loss(table),
        mean=float(100 * confidence(table).mean()),
        aurc=float(curve["risk"].mean()),
        accurate_at=at,
    )


def confidence(table: pd.DataFrame) -> np.ndarray:
    """The highest probability of each clip, [N]."""
    highest: np.ndarray = table[labels_of(table)].to_numpy(float).max(1)
    return highest


def discrimination(table: pd.DataFrame) -> float:
    """How well the confidence tells right predictions from wrong ones: AUROC, the share of pairs of both in which the
    right one is more confident (half a pair for a tie); not a number where all are right or all are wrong."""
    right = (table["predicted"] == table["emotion"]).to_numpy()
    rank = pd.Series(confidence(table)).rank().to_numpy()
    pairs = right.sum() * (~right).sum()
    return float((rank[right].sum() - right.sum() * (right.sum() + 1) / 2) / pairs) if pairs else float("nan")


def brier(table: pd.DataFrame) -> float:
    """Multi-class Brier score, 0 to 2."""
    true, _, n = places(table)
    return float(((table[labels_of(table)].to_numpy(float) - np.eye(n)[true]) ** 2).sum(1).mean())


def log_loss(table: pd.DataFrame) -> float:
    """Mean negative log-likelihood in nats; a probability that was rounded to zero counts as `MIN_PROBABILITY`."""
    own = table[labels_of(table)].to_numpy(float)[np.arange(len(table)), places(table)[0]]
    return float(-np.log(np.maximum(own, MIN_PROBABILITY)).mean())


def reliability(table: pd.DataFrame, bins: int = 15) -> pd.DataFrame:
    """Index: bin of confidence; columns `low, high, clips, confidence, accuracy` (fractions, NaN in an empty bin)."""
    sure = confidence(table)
    right = (table["predicted"] == table["emotion"]).to_numpy()
    place = np.minimum((sure * bins).astype(int), bins - 1)
    clips = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        means = {name: np.bincount(place, v, bins) / clips for name, v in (("confidence", sure), ("accuracy", right))}
    edges = np.arange(bins + 1) / bins
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "clips": clips, **means})


def risk_coverage(table: pd.DataFrame) -> pd.DataFrame:
    """Columns `coverage, risk` (percent): error rate on the clips with the highest confidence, from one clip to all.

    Clips of the same confidence are taken together, so that their order in the table doesn't matter.
    """
    sure = confidence(table)
    order = np.argsort(-sure, kind="stable")
    wrong = (table["predicted"] != table["emotion"]).to_numpy()
    rates = pd.Series(wrong).groupby(-sure).transform("mean").to_numpy()[order]
    taken = np.arange(1, len(table) + 1)
    return pd.DataFrame({"coverage": 100 * taken / len(table), "risk": 100 * np.cumsum(rates) / taken})


def before_temperature(table: pd.DataFrame, temperatures: Mapping[str, float]) -> pd.DataFrame:
    """A predictions table with each fold's temperature undone: p ** T, normalised to sum 1.

    `temperatures`: fold -> T. Exact except for rounding: a probability given as 0 counts as half of `MIN_PROBABILITY`.
    """
    t = table["fold"].astype(str).map(temperatures).to_numpy(float)[:, None]
    labels = labels_of(table)
    raw = np.maximum(table[labels].to_numpy(float), MIN_PROBABILITY / 2) ** t
    changed = table.copy()
    changed[labels] = raw / raw.sum(1, keepdims=True)
    return changed
