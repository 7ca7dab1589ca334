"""Logits [N, labels] and true labels [N] of a fold's validation actors -> a temperature, and probabilities with it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, logsumexp, softmax

from intone.evaluation.metrics import labels_of, score

LOWEST, HIGHEST = 0.05, 20.0


@dataclass(frozen=True)
class Calibration:
    """The numbers on a model's card that say how far its predictions can be trusted."""

    temperature: float
    """Temperature of its logits (Guo et al. 2017)."""
    unsure: float
    """The confidence below which its predictions were wrong at least as often as right."""
    scores: Mapping[str, float]
    """On unseen speakers: clips, accuracy, UAR with its interval (percent), ECE."""

    @classmethod
    def of(
        cls, temperature: float, chosen_on: pd.DataFrame, tested: pd.DataFrame, *, strangers: bool = False
    ) -> "Calibration":
        """From predictions tables at that temperature: the threshold from one, the scores from another.

        `strangers`: the threshold is for speakers of whom most predictions may be wrong (`unsure_near`).
        """
        confidence = chosen_on[labels_of(chosen_on)].to_numpy().max(1)
        right = (chosen_on["predicted"] == chosen_on["emotion"]).to_numpy()
        found = asdict(score(tested))
        names = ("clips", "accuracy", "uar", "uar_low", "uar_high", "ece")
        rule = unsure_near if strangers else unsure_below
        return cls(temperature, rule(confidence, right), {name: round(found[name], 4) for name in names})


LEAST: Final = 100
"""Predictions that a share of right ones is taken of at least."""


def temperature(logits: np.ndarray, true: np.ndarray, weights: np.ndarray | None = None) -> float:
    """The T in [0.05, 20] at which softmax(logits / T) makes the true emotions most likely (Guo et al. 2017).

    `true`: label indices [N], or the labels that are right, bool [N, labels].
    """

    def cost(log_t: float) -> float:
        return log_loss(logits / np.exp(log_t), true, weights)

    found = minimize_scalar(cost, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded")
    return float(np.exp(found.x))


def probabilities(logits: np.ndarray, t: float) -> np.ndarray:
    """softmax(logits / t), [N, labels]; the order of the emotions in a row is that of the logits."""
    return softmax(logits / t, axis=1)


def unsure_below(confidence: np.ndarray, right: np.ndarray) -> float:
    """Confidences [N] of predictions and whether each was right -> the confidence below which a prediction is "unsure".

    It is the highest, in steps of a hundredth, below which predictions were wrong at least as often as right; 0 where
    there is none.
    """
    steps = np.arange(1, 100) / 100
    wrong = [t for t in steps if (confidence < t).any() and right[confidence < t].mean() <= 0.5]
    return float(max(wrong, default=0.0))


def unsure_near(confidence: np.ndarray, right: np.ndarray, width: float = 0.05) -> float:
    """As `unsure_below`, for speakers of whom most predictions may be wrong, where that rule would leave none.

    It is the lowest confidence, in steps of a hundredth, at which predictions (those `width` around it, a hundred or
    more) were right at least as often as wrong; the highest confidence where there is none.
    """
    for t in np.arange(1, 100) / 100:
        near = abs(confidence - t) <= width
        if near.sum() >= LEAST and right[near].mean() >= 0.5:
            return float(t)
    return float(confidence.max(initial=0.0))


def clip_losses(logits: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Negative log-likelihood of each clip's true emotion, [N], in nats; `true` as in `temperature`."""
    if true.ndim == 2:
        return set_losses(logits, true)
    losses: np.ndarray = -log_softmax(logits, axis=1)[np.arange(len(true)), true]
    return losses


def set_losses(logits: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Negative log-likelihood of a set of labels for each clip, `right` bool [N, labels], in nats, [N]."""
    losses: np.ndarray = -logsumexp(np.where(right, log_softmax(logits, axis=1), -np.inf), axis=1)
    return losses


def log_loss(logits: np.ndarray, true: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Mean negative log-likelihood of the true emotions, in nats; clips weigh the same, or `weights` [N] each."""
    return float(np.average(clip_losses(logits, true), weights=weights))
