"""Finished branches of one fold -> fusions: late (from calibrated logits), early (from embeddings), and a choice."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from intone.audio.features import FeatureSettings, Kind
from intone.errors import IntoneError
from intone.evaluation.calibration import clip_losses
from intone.evaluation.details import Details
from intone.inference.fusion import RULES, WEIGHTED
from intone.inference.model import LEARNED
from intone.models.branches import Branches
from intone.models.checkpoint import load_network_file, save_network
from intone.models.cross_attention import AttentiveFusion, AttentiveFusionPreset
from intone.models.fusion import EarlyFusion, PairedExamples, first_weight
from intone.models.graph import EnsembleGraph, FileGraph, FusionGraph, ModelGraph, SentenceGraph, SoundGraph
from intone.training.module import TrainingPreset
from intone.training.recipe import FoldResult, FoldTask, Predictor, Recipe
from intone.training.runs import FinishedFold
from intone.training.trainer import fit
from intone.training.workspace import Workspace

WEIGHTS = "model.safetensors"
"""In a fold's folder."""

PROMINENT: Kind = "whisper_prominence"
"""Features of what counts frames by their prominence; who does not leaves that row alone."""


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
        """Fit on the fold's validation clips what the fusion has to learn, then combine all clips."""
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
            built_on=_spent(folds),
        )

    def joined(self, branches: Sequence[np.ndarray], weight: float | None = None) -> np.ndarray:
        """Calibrated logits, each [N, labels] -> fused ones."""
        return RULES[self.fusion](branches, 0.5 if weight is None else weight)

    def graph(self, run: FinishedFold, window: float) -> ModelGraph:
        """What hears, what reads, and how a file joins them."""
        return _file(run, window, self.fusion)

    def refusal(self, space: Workspace, model: str, track: str) -> str:
        """Why one of the branches can't."""
        if self.modality != "audio" and track != "natural":
            return f"{model} on {track} learns two sentences by heart: for free speech take --track natural."
        reasons = (space.recipe(part).refusal(space, part, track) for part in self.parts)
        return next(filter(None, reasons), "")

    def refit(self, space: Workspace, task: FoldTask, folds: Sequence[FinishedFold]) -> Details:
        """Put together from its branches, which learnt from everyone; a weight is the mean of its folds'."""
        weights = [fold.record.details.weight_of_first for fold in folds]
        known = [weight for weight in weights if weight is not None]
        return Details(
            branches=tuple(str(part.name) for part in task.parts.values()),
            weight_of_first=float(np.mean(known)) if len(known) == len(weights) else None,
        )


@dataclass(frozen=True)
class Ensemble(LateRecipe):
    """Audio models that hear the same clip, combined in the same way."""

    modality: ClassVar[str] = "audio"

    def predictor(self, run: FinishedFold) -> Predictor:
        """Calibrated logits of each, combined."""
        parts = [(part.recipe.predictor(part), part.record.temperature) for part in run.parts]

        def logits(signals: Sequence[np.ndarray]) -> np.ndarray:
            return self.joined([predict(signals) / t for predict, t in parts], run.record.details.weight_of_first)

        return logits

    def graph(self, run: FinishedFold, window: float) -> ModelGraph:
        """What hears, and nothing that reads."""
        return Recipe.graph(self, run, window)

    def sound_graph(self, run: FinishedFold, window: float) -> SoundGraph:
        """All parts over the same features. Raises IntoneError where theirs differ, or where they aren't summed."""
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


def _spent(folds: Iterable[FinishedFold]) -> dict[str, float]:
    """Training seconds of everything that these folds are made of, what they share once."""
    return {model: seconds for fold in folds for model, seconds in fold.record.spent.items()}


def _file(run: FinishedFold, window: float, rule: str) -> ModelGraph:
    """A fusion of a branch that hears and one that reads, joined by a rule."""
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


@dataclass(frozen=True)
class ChoiceRecipe(Recipe):
    """Of several variants, the simplest that is as good as the best on the validation clips of this very fold."""

    modality: ClassVar[str]
    candidates: tuple[str, ...]
    """From the simplest to the richest."""
    tolerance: float = 0.0
    """As good means within this many standard errors of the lowest loss (Breiman et al. 1984); 0 is the best."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The candidates."""
        return self.candidates

    def fit(self, space: Workspace, task: FoldTask) -> FoldResult:
        """Pick by the calibrated loss on the fold's validation clips; the pick goes into the record."""
        validation = list(task.split.validation)
        true = space.true(validation)
        costs = {c: clip_losses(f.calibrated.loc[validation].to_numpy(), true) for c, f in task.parts.items()}
        losses = {c: float(cost.mean()) for c, cost in costs.items()}
        pick = simplest(costs, self.tolerance)
        chosen = task.parts[pick]
        return FoldResult(
            chosen.logits,
            chosen.record.parameters,
            0.0,
            chosen.embeddings,
            details=Details(picked=pick, validation_loss=losses),
            built_on=_spent(task.parts.values()),
        )

    def predictor(self, run: FinishedFold) -> Predictor:
        """What was picked predicts."""
        return run.picked.recipe.predictor(run.picked)

    def refusal(self, space: Workspace, model: str, track: str) -> str:
        """Why none of the candidates can."""
        reasons = [space.recipe(part).refusal(space, part, track) for part in self.parts]
        return reasons[0] if all(reasons) else ""

    def represented_by(self, folds: Sequence[FinishedFold]) -> str:
        """What most folds picked."""
        return Counter(str(fold.record.details.picked) for fold in folds).most_common(1)[0][0]


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


@dataclass(frozen=True)
class EarlyRecipe(Recipe):
    """A network over the branches' embeddings; the branches stay as they are, or train on together with it."""

    modality: ClassVar[str] = "fusion"
    epoch_names: ClassVar[Mapping[str, str]] = {"training": "joint_epochs"}
    branches: tuple[str, str]
    joint: bool
    training: TrainingPreset = field(default_factory=lambda: TrainingPreset(epochs=12, rate=1e-3, average=0.99))

    @property
    def parts(self) -> tuple[str, ...]:
        """The branches."""
        return self.branches

    def fit(self, space: Workspace, task: FoldTask) -> FoldResult:
        """Train on the fold, from its finished branches."""
        networks = [branch.recipe.network_of(branch) for branch in task.branches]
        sources = [branch.recipe.examples(space, branch, task.split) for branch in task.branches]
        torch.manual_seed(space.seed)
        fusion, folds = self.fused(networks, len(space.labels)), list(task.parts.values())
        examples = PairedExamples(sources, space.seed)
        result = fit(fusion, examples, task.split, self.training, task.folder, space.labels, space.seed)
        save_network(fusion, task.folder / WEIGHTS, {"recipe": self.settings()})
        # What a branch's network stands on (an encoder that ran beforehand) runs as well.
        own = result.parameters - sum(p.numel() for network in networks for p in network.parameters())
        parameters = sum(fold.record.parameters for fold in folds) + own
        return replace(result, parameters=parameters, built_on=_spent(folds))

    def fused(self, networks: Sequence[nn.Module], classes: int) -> Branches:
        """The network over the branches: their embeddings side by side."""
        return EarlyFusion(networks, [2] * len(networks), frozen=not self.joint, classes=classes)

    def graph(self, run: FinishedFold, window: float) -> ModelGraph:
        """What hears, what reads, and the network over both; over its own where training it left them otherwise."""
        model = _file(run, window, LEARNED)
        hearing, reading = model.network.hearing, model.network.reading
        assert isinstance(reading, SentenceGraph)
        networks = [branch.recipe.network_of(branch) for branch in run.parts]
        before = [deepcopy(network.state_dict()) for network in networks]
        fusion = self.fused(networks, len(run.labels))
        load_network_file(fusion, run.folder / WEIGHTS)  # and the branches become as it left them
        sound, words = networks
        if not _same(sound.state_dict(), before[0]):
            hearing = hearing.around(sound)  # type: ignore[operator]
        if not _same(words.state_dict(), before[1]):
            reading = SentenceGraph(words)
        model.network.fusing = FusionGraph(fusion, hearing, reading)  # type: ignore[arg-type]
        return model


def _same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return all(torch.equal(x, other[name]) for name, x in one.items())


@dataclass(frozen=True)
class AttentionRecipe(EarlyRecipe):
    """The branches' sequences attend to each other, under a gate."""

    network: AttentiveFusionPreset = field(default_factory=AttentiveFusionPreset)

    def fused(self, networks: Sequence[nn.Module], classes: int) -> Branches:
        """The network over the branches: their sequences attend to each other."""
        frozen = not self.joint
        return AttentiveFusion(networks, [2] * len(networks), frozen=frozen, preset=self.network, classes=classes)
