"""What the sound says and what the words say, calibrated probabilities [8] each -> logits [8] of both together.

Late fusion as `intone.models.fusion` learns and judges it, for one segment and without a training library.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

Rule = Callable[[np.ndarray, np.ndarray, float], np.ndarray]

TINY: Final = 1e-12
"""Stands for a probability of nothing."""


def weighted(heard: np.ndarray, read: np.ndarray, weight: float) -> np.ndarray:
    """Twice the weighted mean of logits; at a weight of a half, their sum."""
    return 2 * (weight * _log(heard) + (1 - weight) * _log(read))


def mean(heard: np.ndarray, read: np.ndarray, weight: float) -> np.ndarray:
    """The average of the probabilities."""
    return _log((heard + read) / 2)


def vote(heard: np.ndarray, read: np.ndarray, weight: float) -> np.ndarray:
    """One vote each; a tie goes to the higher mean probability."""
    both = np.stack([heard, read])
    votes = (np.arange(both.shape[1]) == both.argmax(1)[:, None]).mean(0)
    fused = votes + both.mean(0) / 3
    return _log(fused / fused.sum())


def _log(probabilities: np.ndarray) -> np.ndarray:
    out: np.ndarray = np.log(np.maximum(probabilities, TINY))
    return out


RULES: Final[Mapping[str, Rule]] = {
    "fusion_late_mean": mean,
    "fusion_late_logits": weighted,
    "fusion_late_vote": vote,
    "fusion_late_weighted": weighted,
}
"""Name of a late fusion -> how it joins."""
