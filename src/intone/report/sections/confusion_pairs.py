"""Predictions -> which emotions are predicted as which others, the most frequent first."""

import numpy as np
import pandas as pd

from intone.emotions import EMOTIONS
from intone.evaluation.groups import counts

Pair = tuple[str, str, int, float, float]
"""Portrayed and predicted emotion, number of clips, and this and the reverse confusion in percent of their clips."""


def confusion_pairs(tested: pd.DataFrame) -> list[Pair]:
    """All pairs of different emotions, by percent of the portrayed emotion's clips."""
    found = counts(tested)
    rates = 100 * found / np.maximum(found.sum(1, keepdims=True), 1)
    np.fill_diagonal(rates, 0)
    pairs = []
    for place in np.argsort(-rates, axis=None):
        true, predicted = (int(k) for k in np.unravel_index(place, rates.shape))
        shares = float(rates[true, predicted]), float(rates[predicted, true])
        pairs.append((EMOTIONS[true], EMOTIONS[predicted], int(found[true, predicted]), *shares))
    return pairs
