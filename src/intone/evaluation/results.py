"""A results folder -> an experiment's published predictions: which model, on which words, under which protocol."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from intone.data.splits import LEAKY as LEAKY_PROTOCOLS
from intone.data.texts import LEAKY
from intone.errors import IntoneError

SUMMARY_COLUMNS = (
    *("model", "modality", "track", "protocol", "split", "clips", "accuracy", "uar", "macro_f1"),
    *("uar_low", "uar_high", "parameters", "seconds", "ece"),
)
"""Rates in percent; `seconds` is the mean training time of a fold, including its branches; `ece` is a fraction."""


COMMENTS = "natural_comments.csv"
"""Columns `protocol, fold, file, comment`: a digest of the comment that each clip was paired with."""


@dataclass(frozen=True)
class Experiment:
    """One row group of the summary: a model on a track under a protocol."""

    model: str
    modality: str
    track: str
    protocol: str

    @property
    def leaks(self) -> bool:
        """Whether it leaks the label or the speaker on purpose, to measure the effect."""
        return self.protocol in LEAKY_PROTOCOLS or self.track in LEAKY

    @property
    def stem(self) -> str:
        """Name of its files."""
        return f"{self.model}__{self.track}__{self.protocol}"

    def path(self, results: Path) -> Path:
        """Path of its predictions."""
        return results / ("leaks" if self.leaks else "predictions") / f"{self.stem}.csv.gz"


def read_predictions(experiment: Experiment, results: Path) -> pd.DataFrame:
    """An experiment's committed predictions; raises IntoneError where they are not there.

    Where the words are comments that several clips share, a column `comment` says which, so that intervals draw them.
    """
    path = experiment.path(results)
    if not path.exists():
        raise IntoneError(f"{path} is not there: `intone reproduce` makes it.")
    return with_comments(pd.read_csv(path, dtype={"fold": str}), experiment, results)


def with_comments(table: pd.DataFrame, experiment: Experiment, results: Path) -> pd.DataFrame:
    """A predictions table with the comment that each clip was paired with, where it was and where that is known."""
    path = results / COMMENTS
    if experiment.track != "natural" or not path.exists():
        return table
    known = pd.read_csv(path, dtype=str)
    mine = known.loc[known["protocol"] == experiment.protocol, ["fold", "file", "comment"]]
    return table.merge(mine, on=["fold", "file"], how="left", validate="one_to_one") if len(mine) else table
