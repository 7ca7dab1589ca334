"""Predictions table of one part -> its figures by emotion, speaker, sex, intensity and sentence, in percent."""

from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from intone.data.ravdess import describe
from intone.errors import BadClip
from intone.evaluation.metrics import accuracy, confusion, labels_of, places, recalls, uar

GROUPS = ("sex", "intensity", "statement")
"""Columns of the clip table by which clips are grouped."""


def counts(table: pd.DataFrame) -> np.ndarray:
    """Predictions -> confusion counts [labels true, labels predicted]."""
    return confusion(*places(table))


def by_emotion(table: pd.DataFrame) -> pd.DataFrame:
    """Index `emotion`; columns `clips, precision, recall, f1`; NaN for an emotion without clips or predictions."""
    found = counts(table)
    hits, true, said = np.diagonal(found), found.sum(1), found.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        columns = {"precision": hits / said, "recall": hits / true, "f1": 2 * hits / (true + said)}
    rates = pd.DataFrame(
        {name: 100 * values for name, values in columns.items()}, pd.Index(labels_of(table), name="emotion")
    )
    rates.insert(0, "clips", true)
    return rates


def by_speaker(table: pd.DataFrame) -> pd.DataFrame:
    """Index `speaker`; columns `clips, accuracy, uar`."""
    return _by(table, table["speaker"])


def by_group(table: pd.DataFrame, clips: pd.DataFrame, groups: Sequence[str] = GROUPS) -> pd.DataFrame:
    """Index `(group, value)`; columns `clips, accuracy, uar`; clips without a value in the clip table are left out.

    `uar` is the mean over the emotions that a group has (strong intensity has no neutral).
    """
    joined = table.merge(clips[["file", *groups]], on="file", validate="many_to_one")
    parts = {group: _by(joined, joined[group].replace("", np.nan)) for group in groups}
    return pd.concat(parts, names=["group", "value"])


def recalls_of(table: pd.DataFrame, clips: pd.DataFrame, group: str) -> pd.DataFrame:
    """Recall of each emotion (columns) in each value of a group (index)."""
    joined = table.merge(clips[["file", group]], on="file", validate="many_to_one")
    rows = {value: recalls(counts(rows)) for value, rows in joined.groupby(group)}
    return pd.DataFrame.from_dict(rows, orient="index", columns=labels_of(table)).rename_axis(group)


def _by(table: pd.DataFrame, key: pd.Series) -> pd.DataFrame:
    rows = {}
    for value, part in table.groupby(key):
        found = counts(part)
        rows[value] = (len(part), float(accuracy(found)), float(uar(found)))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["clips", "accuracy", "uar"]).rename_axis(str(key.name))


def speaker_and_sentence(clips: pd.DataFrame) -> pd.Series:
    """Speaker and sentence, over which RAVDESS balances emotions: all pairs have equally many clips of each."""
    return clips["speaker"] + " " + clips["statement"]


def ravdess_clips(files: Sequence[str]) -> pd.DataFrame | None:
    """The clip table from RAVDESS's file names, without `duration`; None where one isn't a RAVDESS name."""
    try:
        return pd.DataFrame([{**describe(PurePosixPath(f).stem), "file": f} for f in dict.fromkeys(files)])
    except BadClip:
        return None
