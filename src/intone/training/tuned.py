"""RUNS/tuned/MODEL__TRACK__PROTOCOL.json: what `intone tune` chose for each fold <-> the folds that `train` makes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from intone.cache import write_whole
from intone.data.splits import Split
from intone.errors import IntoneError
from intone.progress import say
from intone.training.finished_fold import TUNED
from intone.training.parallel import Task
from intone.training.recipe_fields import Scalar, changed, searchable
from intone.training.runs import RunName
from intone.training.study import Trial
from intone.training.workspace import Workspace

FOLDER: Final = "tuned"
"""In the runs folder: the files of choices, Optuna's studies, and the inner folds."""


@dataclass(frozen=True, kw_only=True)
class TunedFold:
    """The choice for one fold, and how it was made."""

    search: str
    inner: int
    """Number of inner folds."""
    speakers: tuple[str, ...]
    """The fold's training speakers, of whom all its inner folds are."""
    best: Mapping[str, Scalar]
    """Field -> value."""
    loss: float
    """Of the best trial, in nats."""
    trials: int
    table: tuple[Mapping[str, Any], ...]
    """`trial`, `loss`, and the value of each field."""

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> "TunedFold":
        """What `dataclasses.asdict` made of it; raises KeyError or TypeError for anything else."""
        return cls(**{**kept, "speakers": tuple(kept["speakers"]), "table": tuple(kept["table"])})

    @classmethod
    def of(cls, search: str, inner: int, speakers: Sequence[str], trials: Sequence[Trial]) -> "TunedFold | None":
        """The best of finished trials, the first of equals; None where none has a loss."""
        judged = [(trial.loss, trial) for trial in trials if trial.loss is not None]
        if not judged:
            return None
        loss, best = min(judged, key=lambda pair: pair[0])
        return cls(
            search=search,
            inner=inner,
            speakers=tuple(speakers),
            best=best.values,
            loss=loss,
            trials=len(trials),
            table=tuple({"trial": trial.number, "loss": trial.loss, **trial.values} for trial in trials),
        )


@dataclass(frozen=True)
class Tuned:
    """The choices for the folds of one model, track, protocol and seed."""

    name: RunName
    folds: Mapping[str, TunedFold] = field(default_factory=dict)
    path: Path = Path()

    @classmethod
    def read(cls, path: Path) -> Self:
        """The file; raises IntoneError where it isn't there, or is another kind of file."""
        try:
            kept = json.loads(path.read_text())
            name = RunName(kept["model"], kept["track"], kept["protocol"], kept["seed"])
            folds = {k: TunedFold.of_json(fold) for k, fold in kept["folds"].items()}
        except FileNotFoundError as problem:
            raise IntoneError(f"{path} is not there: `intone tune` makes it and prints its name.") from problem
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            raise IntoneError(f"{path} is not a file of `intone tune`: give the one that it printed.") from problem
        return cls(name, folds, path)

    @classmethod
    def at(cls, runs: Path, name: RunName) -> Self:
        """The choices in a runs folder; none where nothing has been chosen."""
        path = runs / FOLDER / f"{name}.json"
        return cls.read(path) if path.exists() else cls(name, {}, path)

    def write(self) -> None:
        """Write the file whole."""
        folds = {k: asdict(self.folds[k]) for k in sorted(self.folds)}
        write_whole(self.path, (json.dumps({**asdict(self.name), "folds": folds}, indent=1) + "\n").encode())

    def check(self, model: str, track: str, protocol: str) -> None:
        """Raises IntoneError where the file is of another model, track or protocol."""
        for what, own, wanted in (
            ("model", self.name.model, model),
            ("track", self.name.track, track),
            ("protocol", self.name.protocol, protocol),
        ):
            if own != wanted:
                raise IntoneError(
                    f"{self.path} is of the {what} {own}, and not of {wanted}: give the file that `intone tune` made "
                    f"for {wanted}."
                )

    def tasks(self, space: Workspace, model: str, track: str, splits: Sequence[Split]) -> list[Task]:
        """The folds of a protocol that are in the file, each with the settings that its own training speakers chose.

        Raises IntoneError where the file has none of them, where one was chosen on speakers that it would be tested or
        validated on, and where the model has no such settings.
        """
        chosen = [split for split in splits if split.fold in self.folds]
        if not chosen:
            raise IntoneError(f"{self.path} has no fold of this corpus: run `intone tune {self.name.model}` on it.")
        if left := [split.fold for split in splits if split.fold not in self.folds]:
            say(f"left out: fold {', '.join(left)}: not in {self.path}.")
        return [self._task(space, model, track, split) for split in chosen]

    def _task(self, space: Workspace, model: str, track: str, split: Split) -> Task:
        fold, recipe = self.folds[split.fold], space.recipe(model)
        if strange := sorted(set(fold.speakers) - {space.speakers[file] for file in split.train}):
            raise IntoneError(
                f"{self.path} chose for fold {split.fold} on {strange[0]}, who is not for training there: tune on the "
                "same clips as you train on."
            )
        if unknown := sorted(set(fold.best) - set(searchable(recipe))):
            raise IntoneError(f"{model} has no field {unknown[0]}, which {self.path} names: tune it anew.")
        return Task(f"{model}{TUNED}", track, split, space.seed, changed(recipe, fold.best))
