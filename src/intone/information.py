"""Two columns of labels, such as words and emotions -> how much one tells of the other, in bits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Information:
    """Mutual information, and what chance alone would show of it."""

    bits: float
    """Plug-in estimate; never below 0, and above 0 by chance."""
    by_chance: float
    """Mean over permutations within speakers: what independent labels of this size show."""
    p: float
    """How often a permutation reaches it, one-sided."""


def mutual_information(one: Sequence[object], other: Sequence[object]) -> float:
    """Plug-in mutual information of two columns of labels, in bits."""
    table = pd.crosstab(pd.Series(list(one)), pd.Series(list(other))).to_numpy() / len(one)
    independent = table.sum(1, keepdims=True) @ table.sum(0, keepdims=True)
    seen = table > 0
    return float((table[seen] * np.log2(table[seen] / independent[seen])).sum())


def tells(words: pd.Series, labels: pd.Series, speakers: pd.Series, rounds: int = 500, seed: int = 0) -> Information:
    """What words tell of labels, against labels permuted within each speaker; the three are aligned by row."""
    draw = np.random.default_rng(seed)
    speaker = pd.factorize(speakers)[0]
    order = np.argsort(speaker, kind="stable")
    codes, sizes = pd.factorize(words)[0], labels.nunique()
    true = pd.factorize(labels)[0]
    seen = _bits(codes, true, sizes)
    drawn = np.empty(rounds)
    for k in range(rounds):
        shuffled = np.empty_like(true)
        shuffled[order] = true[np.lexsort((draw.random(len(true)), speaker))]
        drawn[k] = _bits(codes, shuffled, sizes)
    return Information(seen, float(drawn.mean()), float((1 + (drawn >= seen - 1e-12).sum()) / (1 + rounds)))


def _bits(codes: np.ndarray, labels: np.ndarray, sizes: int) -> float:
    """As `mutual_information`, of codes from 0; fast enough to be permuted."""
    joint = np.bincount(codes * sizes + labels, minlength=(codes.max() + 1) * sizes).reshape(-1, sizes) / len(codes)
    independent = joint.sum(1, keepdims=True) @ joint.sum(0, keepdims=True)
    seen = joint > 0
    return float((joint[seen] * np.log2(joint[seen] / independent[seen])).sum())
