"""Two columns of labels, such as words and emotions -> how much one tells about the other, in bits."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from intone.evaluation.metrics import permuted_within


@dataclass(frozen=True)
class Information:
    """Mutual information, and how much of it chance alone would give."""

    bits: float
    """Plug-in estimate; never below 0, and above 0 by chance."""
    by_chance: float
    """Mean over permutations within strata: what independent labels of this number give."""
    p: float
    """How often a permutation reaches it, one-sided."""


def mutual_information(one: np.ndarray, other: np.ndarray) -> float:
    """Plug-in mutual information in bits of two columns of codes [N], [N], each from 0."""
    width = int(other.max()) + 1
    joint = np.bincount(one * width + other, minlength=(int(one.max()) + 1) * width).reshape(-1, width) / len(one)
    independent = joint.sum(1, keepdims=True) @ joint.sum(0, keepdims=True)
    seen = joint > 0
    return float((joint[seen] * np.log2(joint[seen] / independent[seen])).sum())


def tells(words: pd.Series, labels: pd.Series, strata: pd.Series, rounds: int = 500, seed: int = 0) -> Information:
    """How much words tell about labels, against labels permuted within each stratum; the three are aligned by row."""
    draw = np.random.default_rng(seed)
    said, true, group = (pd.factorize(column)[0] for column in (words, labels, strata))
    seen = mutual_information(said, true)
    drawn = np.array([mutual_information(said, permuted_within(true, group, draw)) for _ in range(rounds)])
    return Information(seen, float(drawn.mean()), float((1 + (drawn >= seen - 1e-12).sum()) / (1 + rounds)))
