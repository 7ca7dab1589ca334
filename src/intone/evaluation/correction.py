"""p values and groups of speakers -> corrected p values, and whether groups differ."""

from collections.abc import Sequence

import numpy as np

from intone.errors import IntoneError


def holm(values: Sequence[float]) -> np.ndarray:
    """p values of one family of tests -> p values corrected step by step (Holm 1979), [N], in the order given."""
    p = np.asarray(values, float)
    if not ((p >= 0) & (p <= 1)).all():
        raise IntoneError("p values lie between 0 and 1.")
    order = np.argsort(p)
    steps = np.minimum(np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p)))), 1)
    corrected = np.empty_like(p)
    corrected[order] = steps
    return corrected


def group_gap(one: np.ndarray, other: np.ndarray, rounds: int = 20_000, seed: int = 0) -> tuple[float, float]:
    """Difference of the means of two groups of speakers (one minus other), and its two-sided permutation p."""
    both = np.concatenate([one, other])
    gap = one.mean() - other.mean()
    draw = np.random.default_rng(seed)
    shuffled = draw.permuted(np.tile(both, (rounds, 1)), axis=1)
    gaps = shuffled[:, : len(one)].mean(1) - shuffled[:, len(one) :].mean(1)
    return float(gap), float((1 + (np.abs(gaps) >= abs(gap) - 1e-9).sum()) / (1 + rounds))
