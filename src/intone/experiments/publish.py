"""Finished folds of a run -> results/: out-of-fold predictions, summary.csv, histories, choices, log of test use.

The README, the report and the model card are made from these files.
"""

import gzip
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from intone.cache import digest, write_whole
from intone.data.splits import PARTS
from intone.errors import IntoneError
from intone.evaluation.metrics import PREDICTION_COLUMNS, check_predictions, score
from intone.evaluation.results import SUMMARY_COLUMNS, Experiment, with_comments
from intone.training.finished_fold import FinishedFold

LOOK_COLUMNS = ("when", "model", "track", "protocol", "predictions", "why", "uar")
"""test_looks.csv: a line for each reading of test; `predictions`: the beginning of a digest of what was read."""


def publish(experiment: Experiment, folds: Sequence[FinishedFold], results: Path, why: str) -> None:
    """Write an experiment's predictions, history, choices and summary rows; new results on test are logged first."""
    table = pd.concat([f.predictions for f in folds], ignore_index=True)
    check_predictions(table, experiment.stem)
    data = packed(table)
    log_look(results, experiment, digest(data), why, score(table[table["split"] == "test"]).uar)
    write_whole(experiment.path(results), data)
    merge(results / "history.csv.gz", _history(experiment, folds))
    merge(results / "choices.csv", _choices(experiment, folds))
    paired = with_comments(table, experiment, results)
    merge(results / "summary.csv", summary_rows(experiment, paired, folds))


def packed(table: pd.DataFrame, columns: Sequence[str] = PREDICTION_COLUMNS) -> bytes:
    """A predictions table as gzipped CSV, probabilities to 4 decimals; the same table gives the same bytes."""
    text = table[list(columns)].to_csv(index=False, float_format="%.4f", lineterminator="\n")
    return gzip.compress(text.encode(), mtime=0)


def fix_answers(results: Path, chosen: Mapping[str, str]) -> None:
    """Write chosen.json, question -> its model; after the first evaluation on test, questions may only be added.

    Raises IntoneError where a question has another model there and test_looks.csv has lines.
    """
    path = results / "chosen.json"
    old = json.loads(path.read_text()) if path.exists() else {}
    changed = [question for question, model in chosen.items() if old.get(question, model) != model]
    if changed and (results / "test_looks.csv").exists():
        raise IntoneError(
            f"{path} answers {', '.join(changed)} otherwise, and test has been read: an answer is fixed before that. "
            "Change it there by hand, and say in docs/method.md why."
        )
    write_whole(path, (json.dumps(dict(chosen), indent=1) + "\n").encode())


def log_look(results: Path, experiment: Experiment, name: str, why: str, uar: float | None = None) -> None:
    """Add a line to test_looks.csv, with the test UAR that was read (percent) where it is one figure; identical
    predictions of the same experiment add none."""
    path = results / "test_looks.csv"
    seen = pd.read_csv(path, dtype=str) if path.exists() else pd.DataFrame(columns=list(LOOK_COLUMNS))
    key = (experiment.model, experiment.track, experiment.protocol, name[:16])
    if (seen[["model", "track", "protocol", "predictions"]] == key).all(axis=1).any():
        return
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    row = (now, *key, why, "" if uar is None else f"{uar:.2f}")
    looks = pd.concat([seen, pd.DataFrame([row], columns=list(LOOK_COLUMNS))])[list(LOOK_COLUMNS)]
    write_whole(path, looks.to_csv(index=False, lineterminator="\n").encode())


def summary_rows(experiment: Experiment, table: pd.DataFrame, folds: Sequence[FinishedFold]) -> pd.DataFrame:
    """One row each for train, validation and test; columns `SUMMARY_COLUMNS`."""
    rows = []
    for part in PARTS:
        got = score(table[table["split"] == part])
        rows.append(
            {
                "model": experiment.model,
                "modality": experiment.modality,
                "track": experiment.track,
                "protocol": experiment.protocol,
                "split": part,
                "clips": got.clips,
                "accuracy": round(got.accuracy, 4),
                "uar": round(got.uar, 4),
                "macro_f1": round(got.macro_f1, 4),
                "uar_low": round(got.uar_low, 4),
                "uar_high": round(got.uar_high, 4),
                "parameters": max(f.record.parameters for f in folds),
                "seconds": round(sum(f.record.seconds for f in folds) / len(folds), 1),
                "ece": round(got.ece, 4),
            }
        )
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))


def _history(experiment: Experiment, folds: Sequence[FinishedFold]) -> pd.DataFrame:
    parts = [fold.history.round(4).assign(fold=fold.fold) for fold in folds if len(fold.history)]
    if not parts:
        return pd.DataFrame()
    return _keyed(experiment, pd.concat(parts))


def _choices(experiment: Experiment, folds: Sequence[FinishedFold]) -> pd.DataFrame:
    """Each fold's choices on its own validation actors, as JSON, and the processor used for training."""
    rows = [
        {
            "fold": f.fold,
            "temperature": round(f.record.temperature, 4),
            "details": json.dumps(_rounded(f.record.details.as_json())),
            "processor": f.record.processor,
        }
        for f in folds
    ]
    return _keyed(experiment, pd.DataFrame(rows))


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 4)
    return {k: _rounded(v) for k, v in value.items()} if isinstance(value, dict) else value


def _keyed(experiment: Experiment, table: pd.DataFrame) -> pd.DataFrame:
    for place, (name, value) in enumerate(
        (("model", experiment.model), ("track", experiment.track), ("protocol", experiment.protocol))
    ):
        table.insert(place, name, value)
    return table


def merge(path: Path, rows: pd.DataFrame) -> None:
    """Write an experiment's rows into a table in place of its older ones; sorted, so that diffs stay small."""
    if not len(rows):
        return
    keys = ["model", "track", "protocol"]
    if path.exists():
        old = pd.read_csv(path, dtype={"fold": str})
        mine = old[keys].apply(tuple, axis=1).isin(set(rows[keys].apply(tuple, axis=1)))
        rows = pd.concat([old[~mine], rows])
    rows = rows.sort_values(keys, kind="stable")
    text = rows.to_csv(index=False, lineterminator="\n").encode()
    write_whole(path, gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)
