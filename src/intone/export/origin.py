"""A finished run and the clips that a command names -> nothing, or an error where the run was trained on another."""

import shlex
from pathlib import Path
from typing import Final

import pandas as pd

from intone.data.clip_source import ClipSource
from intone.data.corpora import JOINED
from intone.errors import IntoneError
from intone.training.finished_fold import FinishedFold

RAVDESS: Final = "ravdess"
"""The corpus that needs no table."""


def check_corpus(run: FinishedFold, clips: ClipSource) -> None:
    """Raises IntoneError where the run was trained on other clips than those that the flags name.

    A table is identified by its name, since it may have moved together with its clips.
    """
    kept = run.record.corpus or {"name": _corpus(run), "table": ""}
    learned, listed, read = kept["name"], Path(kept["table"]), kept.get("flags", "")
    asked, flags = JOINED.join(clips.corpora) or RAVDESS, clips.conventions.flags
    if kept["table"]:
        if not clips.table or clips.table.stem != listed.stem or flags != read:
            told = f"{shlex.join(['--table', str(listed)])} {read}".strip()
            raise IntoneError(f"{run.folder} learnt from the clips of a table, {listed.name}: give {told}.")
    elif read and learned != asked:
        raise IntoneError(f"{run.folder} learnt from {learned}: give {read}.")
    elif learned == RAVDESS and (clips.table or asked != RAVDESS):
        wrong = "--table" if clips.table else "--corpora"
        raise IntoneError(f"{run.folder} learnt from RAVDESS, and not from {clips.table or asked}: leave {wrong} out.")
    elif not read and learned not in ("", RAVDESS) and not clips.table:
        raise IntoneError(f"{run.folder} learnt from clips that aren't RAVDESS's: give their table with --table.")


def _corpus(run: FinishedFold) -> str:
    """The corpus by one of its speakers, RAVDESS or another; "" where the folder names none."""
    kept = run.folder / "predictions.csv"
    speaker = str(pd.read_csv(kept, nrows=1)["speaker"].iloc[0]) if kept.exists() else ""
    return RAVDESS if speaker.startswith(f"{RAVDESS}-") else speaker
