"""Finished variants of one fold -> the one that is chosen on its validation clips: nested choices."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from intone.evaluation.calibration import clip_losses, temperature
from intone.evaluation.details import Details
from intone.training.finished_fold import FinishedFold
from intone.training.recipe import FoldResult, FoldTask, Predictor, Recipe
from intone.training.recipes.fusion import spent
from intone.training.workspace import Workspace


@dataclass(frozen=True)
class ChoiceRecipe(Recipe):
    """The simplest of several variants that is as good as the best one on the validation clips of the same fold."""

    modality: ClassVar[str]
    candidates: tuple[str, ...]
    """From the simplest to the richest."""
    tolerance: float = 0.0
    """A loss is as good within this many standard errors of the lowest one (Breiman et al. 1984); 0 picks the best."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The candidates."""
        return self.candidates

    def fit(self, space: Workspace, task: FoldTask) -> FoldResult:
        """Pick by the loss on the fold's validation clips; the pick goes into the record.

        Each candidate is judged at the temperature that suits it best there, wherever its own comes from: else one that
        was calibrated on these clips would have an advantage over one that was not.
        """
        validation = list(task.split.validation)
        true = space.true(validation)
        costs = {c: _costs(f.logits.loc[validation].to_numpy(), true) for c, f in task.parts.items()}
        losses = {c: float(cost.mean()) for c, cost in costs.items()}
        pick = simplest(costs, self.tolerance)
        chosen = task.parts[pick]
        return FoldResult(
            chosen.logits,
            chosen.record.parameters,
            0.0,
            chosen.embeddings,
            details=Details(picked=pick, validation_loss=losses),
            built_on=spent(task.parts.values()),
        )

    def predictor(self, run: FinishedFold) -> Predictor:
        """The predictor of the picked candidate."""
        return run.picked.recipe.predictor(run.picked)

    def refusal(self, space: Workspace, model: str, track: str) -> str:
        """Why none of the candidates can be trained on all speakers; "" where one can."""
        reasons = [space.recipe(part).refusal(space, part, track) for part in self.parts]
        return reasons[0] if all(reasons) else ""

    def represented_by(self, folds: Sequence[FinishedFold]) -> str:
        """The candidate that most folds picked."""
        return Counter(str(fold.record.details.picked) for fold in folds).most_common(1)[0][0]


def _costs(logits: np.ndarray, true: np.ndarray) -> np.ndarray:
    return clip_losses(logits / temperature(logits, true), true)


def simplest(costs: Mapping[str, np.ndarray], tolerance: float) -> str:
    """The first name whose mean cost lies within `tolerance` standard errors of the lowest mean.

    `costs` are losses of the same clips [N], from the simplest candidate on; the error is that of paired differences.
    """
    best = min(costs.values(), key=np.mean)
    for name, cost in costs.items():
        worse = cost - best
        spread = worse.std(ddof=1) if len(worse) > 1 else 0.0
        if worse.mean() <= tolerance * spread / np.sqrt(len(worse)):
            return name
    raise ValueError("there is nothing to choose from")


@dataclass(frozen=True)
class TextChoice(ChoiceRecipe):
    """A choice among text models."""

    modality: ClassVar[str] = "text"


@dataclass(frozen=True)
class AudioChoice(ChoiceRecipe):
    """A choice among audio models."""

    modality: ClassVar[str] = "audio"


@dataclass(frozen=True)
class FusionChoice(ChoiceRecipe):
    """A choice among fusions."""

    modality: ClassVar[str] = "fusion"
