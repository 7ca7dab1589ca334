"""Differences in UAR, one for each speaker [speakers], in points -> what a test over speakers could and did show."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from intone.evaluation.metrics import flip_p

POWERED: Final = 2.80
"""Standard errors of a difference that a two-sided test at .05 finds in 80 % of cases."""

MARGIN: Final = 2.0
"""Points of UAR within which two systems count as equivalent."""


@dataclass(frozen=True)
class Difference:
    """One system less another, over speakers, in points of UAR."""

    gap: float
    low: float
    high: float
    """95 % percentile interval, speakers drawn with replacement."""
    p: float
    """Two-sided, by sign flips."""
    findable: float
    """The difference that such a test finds in 80 % of cases."""
    equivalent: bool
    """Whether the 90 % interval lies within `MARGIN` around 0: two one-sided tests at .05 (Schuirmann 1987)."""


def difference(gaps: np.ndarray, rounds: int = 20_000, seed: int = 0) -> Difference:
    """Test the speakers' differences [speakers]."""
    draw, count = np.random.default_rng(seed), len(gaps)
    means = gaps[draw.integers(count, size=(rounds, count))].mean(1)
    low, lower, upper, high = np.percentile(means, [2.5, 5, 95, 97.5])
    return Difference(
        float(gaps.mean()),
        float(low),
        float(high),
        flip_p(gaps, rounds, seed),
        findable(gaps),
        bool(lower > -MARGIN and upper < MARGIN),
    )


def findable(gaps: np.ndarray) -> float:
    """The difference that a two-sided test at .05 over these speakers finds in 80 % of cases, from their spread."""
    return float(POWERED * gaps.std(ddof=1) / np.sqrt(len(gaps)))
