"""A corpus and a recipe -> finished folds in a runs folder; networks are trained here, by torch and Lightning.

space = Workspace(corpus, MODELS, Path("runs"))
space.fold("audio_cnn", "none", split).predictions
"""

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
