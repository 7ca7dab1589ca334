"""A finished fold's folder -> its record, logits, predictions and parts, and its predictions for other clips."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from scipy.special import softmax

from intone.emotions import EMOTIONS
from intone.errors import IntoneError
from intone.evaluation.calibration import Calibration
from intone.training.recipe import Predictor, Recipe
from intone.training.recipe_fields import restored
from intone.training.record import FoldRecord
from intone.training.runs import RunName

TUNED: Final = "@tuned"
"""Behind the name of a model whose settings were searched, as `@WEIGHTS` is behind that of a model on other weights."""


@dataclass(frozen=True)
class FinishedFold:
    """A finished fold, or a model trained on all speakers, in its folder."""

    folder: Path
    models: Mapping[str, Recipe] = field(repr=False)
    """All recipes by name: its own, and those of its parts."""

    @cached_property
    def record(self) -> FoldRecord:
        """The record in the folder; raises IntoneError where the fold isn't finished."""
        try:
            return FoldRecord.read(self.folder)
        except FileNotFoundError as error:
            raise IntoneError(_no_run(self.folder)) from error

    @property
    def model(self) -> str:
        """The model's name."""
        return self.record.model

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels in the order of its logits; RAVDESS's eight unless the record has others."""
        return tuple(self.record.settings.get("labels", EMOTIONS))

    @property
    def name(self) -> RunName:
        """Name of its run, from its folder."""
        return RunName.parse(self.folder.parent.name)

    @property
    def fold(self) -> str:
        """Which fold it is."""
        return self.folder.name.removeprefix("fold-")

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe that it was made by, with the weights and layers in the record; a tuned one with all settings."""
        kept = self.record.settings["recipe"]
        recipe = self.models[base_name(self.model)].as_made(kept)
        return restored(recipe, kept) if TUNED in self.model else recipe

    @cached_property
    def logits(self) -> pd.DataFrame:
        """Raw logits: index `file`, one column per label."""
        return pd.read_csv(self.folder / "logits.csv", index_col="file")

    @property
    def calibrated(self) -> pd.DataFrame:
        """Logits divided by the temperature, which fusions add, average and vote on."""
        return self.logits / self.record.temperature

    @property
    def embeddings(self) -> pd.DataFrame | None:
        """Index `file`, one column per dimension; None where the kind of model has none."""
        path = self.folder / "embeddings.npz"
        if not path.exists():
            return None
        kept = np.load(path)
        return pd.DataFrame(kept["values"], pd.Index(kept["keys"], name="file"))

    @property
    def predictions(self) -> pd.DataFrame:
        """The fold's predictions table."""
        return pd.read_csv(self.folder / "predictions.csv", dtype={"fold": str})

    @property
    def history(self) -> pd.DataFrame:
        """Columns `epoch, split, loss, accuracy, uar`; no rows where nothing was trained in epochs."""
        path = self.folder / "history.csv"
        return pd.read_csv(path) if path.exists() and path.stat().st_size > 2 else pd.DataFrame()

    def uars(self) -> dict[str, float]:
        """UAR on training and on validation speakers, percent; not on test speakers."""
        kept = json.loads((self.folder / "metrics.json").read_text())
        return {part: float(kept[part]["uar"]) for part in ("train", "validation")}

    @property
    def calibration(self) -> Calibration:
        """Temperature, threshold and scores: stored where it was trained on all, else from its predictions."""
        if self.record.scores is not None and self.record.unsure is not None:
            return Calibration(self.record.temperature, self.record.unsure, self.record.scores)
        table = self.predictions
        return Calibration.of(
            self.record.temperature, *(table[table["split"] == part] for part in ("validation", "test"))
        )

    @property
    def picked(self) -> "FinishedFold":
        """The fold that a choice picked, or this fold itself."""
        picked = self.record.details.picked
        return self._sibling(picked).picked if picked else self

    @property
    def parts(self) -> "list[FinishedFold]":
        """The folds of its parts; for a choice, the fold that it picked."""
        named = self.record.details.branches  # for a model trained on all speakers, full names of folders
        if named:
            return [replace(self, folder=self.folder.parent.parent / name / self.folder.name) for name in named]
        return [self._sibling(part).picked for part in self.recipe.parts]

    def _sibling(self, model: str) -> "FinishedFold":
        """Another model's run of the same fold, with the same words."""
        track = "none" if self.models[base_name(model)].modality == "audio" else self.name.track
        name = replace(self.name, model=model, track=track)
        return replace(self, folder=self.folder.parent.parent / str(name) / self.folder.name)

    def predictor(self) -> Predictor:
        """Clips -> probabilities [N, labels]; nothing is trained. Raises IntoneError without audio input."""
        logits, t = self.recipe.predictor(self), self.record.temperature

        def predicted(signals: Sequence[np.ndarray]) -> np.ndarray:
            out: np.ndarray = softmax(logits(signals) / t, axis=1)
            return out

        return predicted


def base_name(model: str) -> str:
    """Name of the recipe of a model: `MODEL@WEIGHTS` is MODEL on other weights."""
    return model.split("@")[0]


def _no_run(folder: Path) -> str:
    inside = sorted(path.parent.name for path in folder.glob("*/config.json"))
    if inside:
        return f"{folder} holds {len(inside)} folds: name one of them, such as {folder / inside[0]}."
    return f"{folder} is not a finished run: `intone train` makes one and prints its folder."
