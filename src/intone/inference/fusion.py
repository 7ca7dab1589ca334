"""Branches' logits [..., labels] each -> fused logits [..., labels]: the arithmetic of late fusion, in NumPy alone.

Both training and analysis with a model file use it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

Rule = Callable[[Sequence[np.ndarray], float], np.ndarray]
"""Branches' logits and the first one's weight, which only `weighted` uses, -> fused logits."""


def softmax(logits: np.ndarray) -> np.ndarray:
    """Over the last axis, float64."""
    out: np.ndarray = np.exp(log_softmax(logits))
    return out


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Over the last axis, float64."""
    x = np.asarray(logits, np.float64)
    below = x - x.max(-1, keepdims=True)
    out: np.ndarray = below - np.log(np.exp(below).sum(-1, keepdims=True))
    return out


def mean(branches: Sequence[np.ndarray], weight: float = 0.5) -> np.ndarray:
    """Log of the mean probability."""
    out: np.ndarray = np.logaddexp.reduce([log_softmax(b) for b in branches]) - np.log(len(branches))
    return out


def summed(branches: Sequence[np.ndarray], weight: float = 0.5) -> np.ndarray:
    """The sum of logits."""
    out: np.ndarray = np.sum(branches, axis=0)
    return out


def vote(branches: Sequence[np.ndarray], weight: float = 0.5) -> np.ndarray:
    """Log of the share of votes plus the mean probability at a weight too small to overrule a vote."""
    chances = softmax(np.stack(branches))
    votes = (np.arange(chances.shape[-1]) == chances.argmax(-1)[..., None]).mean(0)
    fused = votes + chances.mean(0) / (len(branches) + 1)
    out: np.ndarray = np.log(fused / fused.sum(-1, keepdims=True))
    return out


def weighted(branches: Sequence[np.ndarray], weight: float = 0.5) -> np.ndarray:
    """Twice the weighted mean of logits: with a weight of 0.5, their sum."""
    first, second = branches
    return 2 * (weight * first + (1 - weight) * second)


WEIGHTED: Final = "fusion_late_weighted"
"""The rule that uses the weight."""

RULES: Final[Mapping[str, Rule]] = {
    "fusion_late_mean": mean,
    "fusion_late_logits": summed,
    "fusion_late_vote": vote,
    WEIGHTED: weighted,
}
"""Name of a late fusion -> its rule."""
