"""Finished branches of one fold -> late fusions of their calibrated logits, and ensembles of audio models."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from intone.audio.features import FeatureSettings, Kind
from intone.errors import IntoneError
from intone.evaluation.details import Details
from intone.inference.fusion import RULES, WEIGHTED
from intone.models.fusion import first_weight
from intone.models.graph import EnsembleGraph, FileGraph, ModelGraph, SentenceGraph, SoundGraph
from intone.training.finished_fold import FinishedFold
from intone.training.recipe import FoldResult, FoldTask, Predictor, Recipe
from intone.training.workspace import Workspace

WEIGHTS = "model.safetensors"
"""In a fold's folder."""

PROMINENT: Kind = "whisper_prominence"
"""Features of models that weight frames by prominence; other models ignore that row."""


@dataclass(frozen=True)
class LateRecipe(Recipe):
    """Calibrated logits of finished branches, combined by one of `inference.fusion.RULES`."""

    modality: ClassVar[str] = "fusion"
    needs_validation: ClassVar[bool] = False
    fusion: str
    branches: tuple[str, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """The branches."""
        return self.branches

    def fit(self, space: Workspace, task: FoldTask) -> FoldResult:
        """Fit the fusion's weight, if it has one, on the fold's validation clips, then fuse all clips."""
        folds = list(task.parts.values())
        files, validation = folds[0].logits.index, list(task.split.validation)
        weight = None
        if self.fusion == WEIGHTED:
            weight = first_weight([f.calibrated.loc[validation].to_numpy() for f in folds], space.true(validation))
        fused = self.joined([f.calibrated.loc[files].to_numpy() for f in folds], weight)
        return FoldResult(
            pd.DataFrame(fused, files, list(space.labels)),
            sum(f.record.parameters for f in folds),
            0.0,
            details=Details(weight_of_first=weight),
            built_on=spent(folds),
        )

    def joined(self, branches: Sequence[np.ndarray], weight: float | None = None) -> np.ndarray:
        """Calibrated logits, each [N, labels] -> fused ones."""
        return RULES[self.fusion](branches, 0.5 if weight is None else weight)

    def graph(self, run: FinishedFold, window: float) -> ModelGraph:
        """Audio branch, text branch, and the rule by which a file fuses them."""
        return joined_file(run, window, self.fusion)

    def refusal(self, space: Workspace, model: str, track: str) -> str:
        """Why it, or one of its branches, can't be trained on all speakers; "" where it can."""
        if self.modality != "audio" and track != "natural":
            return f"{model} on {track} learns two sentences by heart: for free speech take --track natural."
        reasons = (space.recipe(part).refusal(space, part, track) for part in self.parts)
        return next(filter(None, reasons), "")

    def refit(self, space: Workspace, task: FoldTask, folds: Sequence[FinishedFold]) -> Details:
        """Combine the branches that were trained on all speakers; a weight is the mean of the folds' weights."""
        weights = [fold.record.details.weight_of_first for fold in folds]
        known = [weight for weight in weights if weight is not None]
        return Details(
            branches=tuple(str(part.name) for part in task.parts.values()),
            weight_of_first=float(np.mean(known)) if len(known) == len(weights) else None,
        )


@dataclass(frozen=True)
class Ensemble(LateRecipe):
    """Audio models over the same clip, combined in the same way.

    The mean of calibrated logits needs no temperature of its own: one from two validation actors made it worse.
    """

    modality: ClassVar[str] = "audio"
    version: int = 2
    """Raised when the same parts give other logits, so that folds of the old kind are made again."""

    def fit(self, space: Workspace, task: FoldTask) -> FoldResult:
        """Combine the parts' calibrated logits."""
        found = super().fit(space, task)
        return replace(found, temperature=1.0) if self._averages else found

    def joined(self, branches: Sequence[np.ndarray], weight: float | None = None) -> np.ndarray:
        """Calibrated logits, each [N, labels] -> their mean, or what the rule makes of them."""
        found = super().joined(branches, weight)
        return found / len(branches) if self._averages else found

    @property
    def _averages(self) -> bool:
        """Whether logits are averaged, and no temperature follows."""
        return self.fusion == "fusion_late_logits"

    def predictor(self, run: FinishedFold) -> Predictor:
        """Clips -> the parts' calibrated logits, combined."""
        parts = [(part.recipe.predictor(part), part.record.temperature) for part in run.parts]

        def logits(signals: Sequence[np.ndarray]) -> np.ndarray:
            return self.joined([predict(signals) / t for predict, t in parts], run.record.details.weight_of_first)

        return logits

    def graph(self, run: FinishedFold, window: float) -> ModelGraph:
        """An audio branch, and no text branch."""
        return Recipe.graph(self, run, window)

    def sound_graph(self, run: FinishedFold, window: float) -> SoundGraph:
        """All parts over the same features. Raises IntoneError where these differ, or where logits aren't summed."""
        if self.fusion != "fusion_late_logits":
            return Recipe.sound_graph(self, run, window)
        parts = [(part, part.recipe.sound_graph(part, window)) for part in run.parts]
        network = EnsembleGraph([graph.network for _, graph in parts], [part.record.temperature for part, _ in parts])
        return SoundGraph(network, _shared({graph.features for _, graph in parts}, run.model))


def _shared(kinds: set[FeatureSettings], model: str) -> FeatureSettings:
    """The features that all parts can take."""
    if any(kind.kind == PROMINENT for kind in kinds):
        kinds = {replace(kind, kind=PROMINENT) if kind.kind == "whisper" else kind for kind in kinds}
    if len(kinds) > 1:
        raise IntoneError(f"The parts of {model} take different features: a file has one kind.")
    return kinds.pop()


def spent(folds: Iterable[FinishedFold]) -> dict[str, float]:
    """Model -> training seconds, for all models that these folds are made of; shared ones count once."""
    return {model: seconds for fold in folds for model, seconds in fold.record.spent.items()}


def joined_file(run: FinishedFold, window: float, rule: str) -> ModelGraph:
    """The graph of an audio branch and a text branch, fused by a rule."""
    audio, text = run.parts
    sound, sentence = audio.recipe.sound_graph(audio, window), text.recipe.text_graph(text)
    own = run.calibration
    weight = run.record.details.weight_of_first
    reading = replace(
        sentence.reading,
        temperature=text.record.temperature,
        rule=rule,
        weight=0.5 if weight is None else weight,
        fused_temperature=own.temperature,
        track=run.record.track,
        unsure=own.unsure,
        scores=own.scores,
    )
    network = FileGraph(sound.network, SentenceGraph(sentence.network))
    return ModelGraph(network, sound.features, audio.calibration, reading)
