"""A predictions file of any system -> a checked predictions table; an invalid one is refused, with its rows named."""

import zlib
from pathlib import Path

import pandas as pd

from intone.data import spreadsheet
from intone.data.csv_entries import key_of
from intone.data.splits import PARTS
from intone.errors import IntoneError
from intone.evaluation.groups import GROUPS
from intone.evaluation.metrics import check_predictions, refuse


def read(path: Path, clips: pd.DataFrame | None = None) -> pd.DataFrame:
    """The table of a CSV, gzipped or not, in the columns of `PREDICTION_COLUMNS`.

    `clips`: a clip table that says which clips must be there. Raises IntoneError where the file is not there or not a
    table, where rows are invalid, where a speaker is on both sides of a fold, and where clips are missing.
    """
    table = _csv(path)
    name = str(path)
    check_predictions(table, name)
    refuse(table[~table["split"].isin(PARTS)], f"{name} has rows that are neither train, validation nor test")
    refuse(_on_both_sides(table), f"{name} has a speaker in test and in train or validation of one fold")
    refuse(_never_tested(table), f"{name} misses clips: some folds learn from them and none tests them")
    if clips is not None:
        tested = table.loc[table["split"] == "test", "file"]
        refuse(clips[~clips["file"].isin(tested)], f"{name} misses test clips of the clip table")
        refuse(table[~table["file"].isin(clips["file"])], f"{name} has clips that the clip table lacks")
    return table


def read_clips(path: Path) -> pd.DataFrame:
    """A table of the user's own clips in the format of `intone train`; it needs `file`, and may have `GROUPS`.

    The audio need not be there; a segment has the same key as in training.
    """
    sheet = spreadsheet.read(path, ("file", "start", "end", *GROUPS))
    if "file" not in sheet.columns:
        raise IntoneError(f"{path} names no clip: it needs the column 'file'.")
    rows = [{**row.cells, "file": key_of(row, sheet, f"{path}, row {row.number}")} for row in sheet.rows]
    table = pd.DataFrame(rows, columns=["file", *GROUPS]).fillna("")
    refuse(table[table.duplicated("file")], f"{path} lists a clip twice")
    return table.map(lambda cell: "" if spreadsheet.is_missing(cell) else cell)


def _csv(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise IntoneError(f"{path} is not there.")
    try:
        return pd.read_csv(path, dtype={"fold": str, "speaker": str, "file": str}, encoding="utf-8")
    except (ValueError, OSError, EOFError, zlib.error) as problem:  # pandas' own errors are ValueErrors
        raise IntoneError(f"{path} can't be read as a CSV: {problem}.") from None


def _on_both_sides(table: pd.DataFrame) -> pd.DataFrame:
    """The test rows whose speaker is also in training or validation of the same fold."""
    seen = table[table["split"] != "test"][["fold", "speaker"]].drop_duplicates()
    tested = table[table["split"] == "test"]
    return tested.merge(seen, on=["fold", "speaker"])


def _never_tested(table: pd.DataFrame) -> pd.DataFrame:
    """Clips that none of several folds tests; no rows where there is only one fold."""
    if table["fold"].nunique() < 2:
        return table.iloc[:0]
    tested = table.loc[table["split"] == "test", "file"]
    return table[~table["file"].isin(tested)].drop_duplicates("file")
