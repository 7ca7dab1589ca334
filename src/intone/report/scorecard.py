"""Predictions files of any systems -> evaluation: tables on screen, metrics.json and figures.

Several files are compared with the first: a two-sided sign-flip test over speakers each, Holm's correction over all.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from intone.errors import IntoneError
from intone.evaluation.confidence import Confidence, trust
from intone.evaluation.correction import holm
from intone.evaluation.groups import by_emotion, by_group, by_speaker, ravdess_clips
from intone.evaluation.metrics import Score, accuracy, interval, score, sign_flip
from intone.evaluation.predictions import read
from intone.report.numbers import bare_p, span


@dataclass(frozen=True)
class Verdict:
    """The evaluation of one part (train, validation or test) of a predictions file."""

    rows: pd.DataFrame
    """The part's predictions table."""
    score: Score
    accuracy: tuple[float, float]
    """95 % interval of the accuracy, by resampling speakers."""
    confidence: Confidence
    emotions: pd.DataFrame
    speakers: pd.DataFrame
    groups: pd.DataFrame | None
    """By sex, intensity and sentence; None where neither a clip table nor RAVDESS's file names give them."""

    def metrics(self) -> dict[str, Any]:
        """The evaluation as values for JSON; what can't be computed is null."""
        groups = {}
        if self.groups is not None:
            groups = {
                str(g): _records(self.groups.loc[g]) for g in dict.fromkeys(self.groups.index.get_level_values(0))
            }
        return {
            **asdict(self.score),
            "accuracy_low": self.accuracy[0],
            "accuracy_high": self.accuracy[1],
            "confidence": asdict(self.confidence),
            "by_emotion": _records(self.emotions),
            "by_speaker": _records(self.speakers),
            "by_group": groups,
        }


def _records(table: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    rows = zip(table.index, table.to_dict("records"), strict=True)
    return {str(k): {str(c): None if np.isnan(v) else float(v) for c, v in row.items()} for k, row in rows}


def judge(paths: Sequence[Path], split: str = "test", clips: pd.DataFrame | None = None) -> dict[str, Verdict]:
    """File name -> its evaluation. Raises IntoneError where a file is invalid or has no rows of the split."""
    found = {}
    for path in paths:
        table = read(path, clips)
        rows = table[table["split"] == split]
        if not len(rows):
            raise IntoneError(f"{path} has no rows of the split '{split}'.")
        found[str(path)] = verdict(rows, clips)
    return found


def verdict(rows: pd.DataFrame, clips: pd.DataFrame | None = None) -> Verdict:
    """The evaluation of one part; `clips` is a clip table, by default from RAVDESS's file names."""
    clips = clips if clips is not None else ravdess_clips(rows["file"].tolist())
    return Verdict(
        rows=rows,
        score=score(rows),
        accuracy=interval(rows, rate=accuracy),
        confidence=trust(rows),
        emotions=by_emotion(rows),
        speakers=by_speaker(rows),
        groups=None if clips is None else by_group(rows, clips),
    )


def against_first(found: Mapping[str, Verdict]) -> pd.DataFrame:
    """Index: every file but the first; columns `gap` (UAR points, this file minus the first), `p`, `holm`."""
    first, *others = found.values()
    names = list(found)
    for name, other in zip(names[1:], others, strict=True):
        if set(other.rows["speaker"]) != set(first.rows["speaker"]):
            raise IntoneError(
                f"{name} has other speakers than {names[0]}: only files with the same speakers can be compared."
            )
    tests = [sign_flip(other.rows, first.rows) for other in others]
    table = pd.DataFrame(tests, columns=["gap", "p"], index=pd.Index(names[1:], name="predictions"))
    return table.assign(holm=holm(table["p"].tolist()))


def show(found: Mapping[str, Verdict], split: str) -> None:
    """Print the evaluations on stdout; files are numbered in the order given."""
    console = Console()
    for number, name in enumerate(found, start=1):
        console.print(f"{number}  {name}", highlight=False, soft_wrap=True, markup=False)
    console.print(_rates(found, split))
    console.print(_recalls(found))
    if len(found) > 1:
        console.print(_tests(found))


def _rates(found: Mapping[str, Verdict], split: str) -> Table:
    table = _table("", "clips", "accuracy", "UAR", "macro-F1", "ECE", "Brier")
    table.title = f"{split}; 95 % intervals over speakers"
    for number, got in enumerate(found.values(), start=1):
        s, c = got.score, got.confidence
        spans = (span(s.accuracy, *got.accuracy), span(s.uar, s.uar_low, s.uar_high))
        table.add_row(str(number), str(s.clips), *spans, f"{s.macro_f1:.1f}", f"{c.ece:.3f}", f"{c.brier:.3f}")
    return table


def _recalls(found: Mapping[str, Verdict]) -> Table:
    table = _table("recall (%)", *map(str, range(1, len(found) + 1)))
    for emotion in dict.fromkeys(label for got in found.values() for label in got.emotions.index):
        recalls = (float(got.emotions["recall"].get(emotion, np.nan)) for got in found.values())
        table.add_row(emotion, *(f"{v:.1f}" for v in recalls))
    return table


def _tests(found: Mapping[str, Verdict]) -> Table:
    table = _table("against 1", "UAR gap", "p", "p, Holm")
    for number, row in enumerate(against_first(found).to_dict("records"), start=2):
        table.add_row(str(number), f"{row['gap']:+.1f}", bare_p(row["p"]), bare_p(row["holm"]))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE)
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place else "left", no_wrap=True)
    return table


def short(name: object) -> str:
    """A file's name without its folders and endings."""
    return Path(str(name)).name.split(".")[0]


def write(found: Mapping[str, Verdict], folder: Path) -> list[Path]:
    """Put metrics.json and four figures a file (PNG) into a folder; the paths written."""
    from intone.report import figures

    folder.mkdir(parents=True, exist_ok=True)
    metrics: dict[str, Any] = {name: got.metrics() for name, got in found.items()}
    if len(found) > 1:
        metrics["against_first"] = _records(against_first(found))
    path = folder / "metrics.json"
    path.write_text(json.dumps(metrics, indent=1) + "\n")
    paths = [path]
    for k, (name, got) in enumerate(found.items(), start=1):
        stem = short(name) if len(found) == 1 else f"{k}-{short(name)}"
        clips = ravdess_clips(got.rows["file"].tolist())
        sex = dict(zip(clips["speaker"], clips["sex"], strict=True)) if clips is not None else None
        label = stem.replace("$", r"\$")  # matplotlib would take text between two of them for a formula
        drawn = {
            "confusion": figures.confusion_figure(got.rows),
            "reliability": figures.reliability_figure({label: got.rows}),
            "risk-coverage": figures.risk_coverage_figure({label: got.rows}),
            "speakers": figures.speakers_figure(got.speakers, sex),
        }
        paths += [figures.save(figure, folder / f"{stem}-{what}.png") for what, figure in drawn.items()]
    return paths
