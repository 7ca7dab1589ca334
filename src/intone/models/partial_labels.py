"""Clips [N, D] of corpora that don't have the same labels -> one logistic regression; and what counts as right there.

Corpora differ in language, room and loudness. If one of them has no disgust, an ordinary regression learns that its
room is never disgusted. Here a clip is compared with the labels of its own corpus alone; and neutral speech of a corpus
without calm may be calm: the likelihood is that of a set of labels (Jin & Ghahramani 2002, NeurIPS 15, 897-904).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin

from intone.evaluation.calibration import set_losses

NEUTRAL, CALM = "neutral", "calm"
"""A corpus without calm has such speech among its neutral clips."""

STEPS: Final = 100
"""Most steps of L-BFGS; by then the loss changes by less than 1e-5 of its value."""


def without_calm(corpora: Sequence[str], emotions: Sequence[str], learned: Collection[str] = (CALM,)) -> np.ndarray:
    """Whether a clip's corpus, or what a model has `learned`, doesn't tell calm from neutral, bool [N]."""
    having = {corpus for corpus, emotion in zip(corpora, emotions, strict=True) if emotion == CALM}
    return np.array([CALM not in learned or corpus not in having for corpus in corpora], bool)


def right_labels(true: np.ndarray, labels: Sequence[str], coarse: np.ndarray) -> np.ndarray:
    """Label indices [N] -> the labels that are right, bool [N, labels]; `coarse` [N]: where calm counts as neutral."""
    sets = np.eye(len(labels), dtype=bool)[true]
    if CALM in labels and NEUTRAL in labels:
        sets[:, labels.index(CALM)] |= coarse & sets[:, labels.index(NEUTRAL)]
    return sets


def merged(chances: np.ndarray, labels: Sequence[str], coarse: np.ndarray) -> np.ndarray:
    """Probabilities [N, labels] with calm's added to neutral's where `coarse` [N]."""
    out = chances.copy()
    if CALM in labels and NEUTRAL in labels:
        moved = np.where(coarse, chances[:, labels.index(CALM)], 0)
        out[:, labels.index(NEUTRAL)] += moved
        out[:, labels.index(CALM)] -= moved
    return out


@dataclass(frozen=True)
class Targets:
    """What is known of each clip's label."""

    right: np.ndarray
    """Labels that it may have, bool [N, labels]."""
    possible: np.ndarray
    """Labels that it could have got in its corpus, bool [N, labels]."""
    weights: np.ndarray
    """All labels of a corpus weigh the same in it; 1 on average, [N]."""

    @classmethod
    def of(cls, true: np.ndarray, corpora: Sequence[str], labels: Sequence[str]) -> "Targets":
        """From label indices [N] and the corpus of each clip [N]."""
        names, place = np.unique(np.asarray(corpora), return_inverse=True)
        right = right_labels(true, labels, without_calm(corpora, [labels[k] for k in true]))
        possible = np.stack([right[place == k].any(0) for k in range(len(names))])[place]
        counts = np.zeros((len(names), len(labels)))
        np.add.at(counts, (place, true), 1)
        weights = counts.sum(1)[place] / (counts > 0).sum(1)[place] / counts[place, true]
        return cls(right, possible, weights)

    def __getitem__(self, rows: np.ndarray) -> "Targets":
        """Those of some clips."""
        return Targets(self.right[rows], self.possible[rows], self.weights[rows])

    def repeated(self, copies: int) -> "Targets":
        """Those of each clip's copies, clip by clip."""
        return self[np.repeat(np.arange(len(self.right)), copies)]


class PartialRegression(ClassifierMixin, BaseEstimator):
    """A multinomial logistic regression with an L2 penalty, as a last step of scikit-learn's pipelines."""

    def __init__(self, strength: float) -> None:
        """`strength`: C, scikit-learn's inverse regularisation."""
        self.strength = strength

    def fit(self, x: np.ndarray, targets: Targets) -> "PartialRegression":
        """Learn from [N, D]; coefficients of a label that no clip could have got aren't there."""
        self.classes_ = np.flatnonzero(targets.possible.any(0))
        right, possible = targets.right[:, self.classes_], targets.possible[:, self.classes_]
        x, count, weights = np.ascontiguousarray(x, np.float32), len(self.classes_), targets.weights[:, None]

        def cost(parameters: np.ndarray) -> tuple[float, np.ndarray]:
            w, bias = parameters[:-count].reshape(count, -1), parameters[-count:]
            logits = (x @ w.T.astype(np.float32)).astype(np.float64) + bias
            all_of, own = (_shares(logits, among) for among in (possible, right))
            pull = weights * (np.exp(all_of) - np.exp(own))
            losses = set_losses(np.where(possible, logits, -np.inf), right)
            slope = self.strength * (pull.T.astype(np.float32) @ x) + w
            value = self.strength * float(weights[:, 0] @ losses) + 0.5 * float((w**2).sum())
            return value, np.concatenate([slope.ravel(), self.strength * pull.sum(0)])

        start = np.zeros(count * (x.shape[1] + 1))
        found = minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS, "ftol": 1e-5}).x
        self.coef_, self.intercept_ = found[:-count].reshape(count, -1), found[-count:]
        return self

    def predict_log_proba(self, x: np.ndarray) -> np.ndarray:
        """[N, D] -> log-probabilities [N, classes]."""
        found: np.ndarray = log_softmax(x @ self.coef_.T + self.intercept_, axis=1)
        return found


def _shares(logits: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Log-probabilities among some labels alone; -inf for the others."""
    found: np.ndarray = log_softmax(np.where(among, logits, -np.inf), axis=1)
    return found
