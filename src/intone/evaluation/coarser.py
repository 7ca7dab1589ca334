"""Predictions over eight emotions -> the same over fewer: neutral and calm as one, and four classes.

Listeners of RAVDESS chose between fewer options, and other corpora have fewer classes: figures are comparable only over
the same ones. Probabilities of merged emotions add up; with four classes, clips of the others are left out and the
probabilities of the four sum to one.
"""

from collections.abc import Mapping
from typing import Final

import pandas as pd

from intone.evaluation.metrics import labels_of

MERGED: Final = {"calm": "neutral"}
"""Seven options: calm counts as neutral."""

FOUR: Final = ("neutral", "happy", "sad", "angry")
"""The four classes that most corpora share."""


def seven(table: pd.DataFrame) -> pd.DataFrame:
    """A predictions table with calm merged into neutral."""
    return _predicted(_merged(table, MERGED))


def four(table: pd.DataFrame) -> pd.DataFrame:
    """A predictions table of the clips of `FOUR`, calm as neutral, among these alone."""
    merged = _merged(table, MERGED)
    kept = merged[merged["emotion"].isin(FOUR)]
    others = [name for name in labels_of(kept) if name not in FOUR]
    kept = kept.drop(columns=others)
    return _predicted(kept.assign(**{n: kept[n] / kept[list(FOUR)].sum(axis=1) for n in FOUR}))


def _merged(table: pd.DataFrame, merged: Mapping[str, str]) -> pd.DataFrame:
    out = table.assign(emotion=table["emotion"].replace(merged))
    for gone, into in merged.items():
        out[into] = out[into] + out[gone]
    return out.drop(columns=list(merged))


def _predicted(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(predicted=table[labels_of(table)].idxmax(axis=1))
