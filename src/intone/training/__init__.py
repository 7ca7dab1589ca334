"""A corpus and a recipe -> finished folds in a runs folder; networks are trained here, by torch and Lightning.

space = Workspace(corpus, MODELS, Path("runs"))
space.fold("audio_cnn", "none", split).predictions
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from intone.training.finished_fold import FinishedFold
    from intone.training.module import TrainingPreset
    from intone.training.recipe import FoldResult, FoldTask, Recipe
    from intone.training.recipes import MODELS
    from intone.training.refit import train_everyone
    from intone.training.workspace import Workspace

__all__ = [
    "MODELS",
    "FinishedFold",
    "FoldResult",
    "FoldTask",
    "Recipe",
    "TrainingPreset",
    "Workspace",
    "train_everyone",
]

HOMES: Final = {
    "MODELS": "recipes",
    "FinishedFold": "finished_fold",
    "FoldResult": "recipe",
    "FoldTask": "recipe",
    "Recipe": "recipe",
    "TrainingPreset": "module",
    "Workspace": "workspace",
    "train_everyone": "refit",
}
"""Name -> its module, imported when the name is first used, as workers that compute features need no torch."""


def __getattr__(name: str) -> object:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
