"""A finished run's folder -> its recipe, its branches and what it scored: a fold, or what learnt from everyone."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pandas as pd

from intone.errors import IntoneError
from intone.training.recipes import MODELS
from intone.training.recipes.encoder_head import SpeechHeadRecipe
from intone.training.recipes.fusion import EarlyRecipe, LateRecipe
from intone.training.recipes.linear_probe import SpeechProbeRecipe
from intone.training.refit import figures, threshold
from intone.training.workspace import Recipe

RAVDESS: Final = "ravdess"
"""The corpus that needs no table."""


@dataclass(frozen=True)
class Run:
    """A finished fold, or the model that learnt from everyone, in its folder."""

    folder: Path
    models: Mapping[str, Recipe] = field(default_factory=lambda: MODELS)

    @cached_property
    def config(self) -> dict[str, Any]:
        """What the folder says of itself; raises IntoneError where it isn't finished."""
        try:
            found: dict[str, Any] = json.loads((self.folder / "config.json").read_text())
        except FileNotFoundError as error:
            raise IntoneError(_no_run(self.folder)) from error
        return found

    @property
    def settings(self) -> dict[str, Any]:
        """Those of its recipe."""
        found: dict[str, Any] = self.config["settings"]
        return found

    def check_corpus(self, table: Path | None, flags: str) -> None:
        """Raises IntoneError where it learnt from other clips than those of `table` (None: RAVDESS) read with `flags`.

        A table is known by its name, since it may have moved together with its clips.
        """
        kept = self.config.get("corpus") or {"name": self._corpus(), "table": ""}
        listed, read = Path(kept["table"]), kept.get("flags", "")
        if kept["table"]:
            if not table or table.stem != listed.stem or flags != read:
                told = f"{shlex.join(['--table', str(listed)])} {read}".strip()
                raise IntoneError(f"{self.folder} learnt from the clips of a table, {listed.name}: give {told}.")
        elif kept["name"] == RAVDESS and table:
            raise IntoneError(f"{self.folder} learnt from RAVDESS, and not from {table}: leave --table out.")
        elif kept["name"] not in ("", RAVDESS) and not table:
            raise IntoneError(f"{self.folder} learnt from clips that aren't RAVDESS's: give their table with --table.")

    def _corpus(self) -> str:
        """The corpus by one of its speakers, RAVDESS or another; "" where the folder names none."""
        kept = self.folder / "predictions.csv"
        speaker = str(pd.read_csv(kept, nrows=1)["speaker"].iloc[0]) if kept.exists() else ""
        return RAVDESS if speaker.startswith(f"{RAVDESS}-") else speaker

    @cached_property
    def recipe(self) -> Recipe:
        """As it was made: on the weights and layers that the folder names."""
        recipe, kept = self.models[self.settings["model"].split("@")[0]], self.settings["recipe"]
        if isinstance(recipe, SpeechProbeRecipe | SpeechHeadRecipe):
            return replace(recipe, weights=kept["weights"], layers=tuple(kept["layers"]))
        return recipe

    @property
    def picked(self) -> "Run":
        """What a choice picked, or the run itself."""
        picked = self.config["details"].get("picked")
        return self.sibling(picked) if picked else self

    def sibling(self, model: str) -> "Run":
        """Another model's run of the same fold, on the same words."""
        name, (_, words, *rest) = self.folder.parent.name, self.folder.parent.name.split("__")
        words = "none" if self.models[model.split("@")[0]].modality == "audio" else words
        name = "__".join([model, words, *rest])
        return replace(self, folder=self.folder.parent.parent / name / self.folder.name)

    def branches(self) -> list["Run"]:
        """A fusion's parts, each as it was picked."""
        named = self.config["details"].get("branches")  # where everyone was heard, whole names of folders
        if named:
            return [replace(self, folder=self.folder.parent.parent / name / self.folder.name) for name in named]
        assert isinstance(self.recipe, LateRecipe | EarlyRecipe)
        return [self.sibling(branch).picked for branch in self.recipe.branches]

    @property
    def figures(self) -> dict[str, Any]:
        """Its threshold and scores: kept with what learnt from everyone, counted from a fold's predictions."""
        if "scores" in self.config:
            return {"unsure": self.config["unsure"], "scores": self.config["scores"]}
        table = pd.read_csv(self.folder / "predictions.csv", dtype={"fold": str})
        return {
            "unsure": threshold(table[table["split"] == "validation"]),
            "scores": figures(table[table["split"] == "test"]),
        }


def _no_run(folder: Path) -> str:
    inside = sorted(path.parent.name for path in folder.glob("*/config.json"))
    if inside:
        return f"{folder} holds {len(inside)} folds: name one of them, such as {folder / inside[0]}."
    return f"{folder} is not a finished run: `intone train` makes one and prints its folder."


def found(folder: Path, models: Mapping[str, Recipe] = MODELS) -> Run:
    """The run in a folder, or what learnt from everyone below it; raises IntoneError where there is none."""
    alone = folder / "fold-all"
    return Run(alone if (alone / "config.json").exists() else folder, models).picked
