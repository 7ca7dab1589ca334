"""Finished branches of one fold -> fusions: late (from calibrated logits), early (from embeddings), and a choice."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
import pandas as pd
import torch
from torch import nn

from intone.data.splits import Split
from intone.emotions import EMOTIONS
from intone.errors import IntoneError
from intone.evaluation.calibration import clip_losses
from intone.models.branches import Branches
from intone.models.checkpoint import load_network_file, save_network
from intone.models.cross_attention import AttentiveFusion, AttentiveFusionPreset
from intone.models.fusion import LATE, EarlyFusion, PairedExamples
from intone.training.module import TrainingPreset
from intone.training.runs import Outcome, StoredFold
from intone.training.trainer import fit
from intone.training.workspace import Lab, Recipe


class Composite(Recipe, Protocol):
    """A model that is made of others."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Their names."""
        ...

    def prepare(self, lab: Lab, workers: int) -> None:
        """What they share."""
        for part in self.parts:
            lab.recipe(part).prepare(lab, workers)

    def least_speakers(self, models: Mapping[str, Recipe]) -> int:
        """What the most demanding part needs."""
        return max(models[part].least_speakers(models) for part in self.parts)

    def on(self, weights: str) -> Recipe:
        """Always IntoneError: which of its parts is meant is for the caller to say."""
        raise IntoneError(f"This model is made of {', '.join(self.parts)}: give the weights to one of them.")


@dataclass(frozen=True)
class LateRecipe(Composite):
    """Calibrated logits of finished branches, combined by one of `LATE`."""

    modality: ClassVar[str] = "fusion"
    effort: ClassVar[tuple[str, ...]] = ()
    fusion: str
    branches: tuple[str, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """The branches."""
        return self.branches

    def make(self, lab: Lab, track: str, split: Split, folder: Path) -> Outcome:
        """Fit on the fold's validation clips what the fusion has to learn, then combine all clips."""
        folds = [lab.fold(b, track, split) for b in self.branches]
        files = folds[0].logits.index
        validation = list(split.validation)
        fusion = LATE[self.fusion]()
        fusion.fit([f.calibrated.loc[validation].to_numpy() for f in folds], lab.true(validation))
        fused = fusion([f.calibrated.loc[files].to_numpy() for f in folds])
        logits = pd.DataFrame(fused, files, list(EMOTIONS))
        parameters = sum(f.config["parameters"] for f in folds)
        return Outcome(logits, parameters, 0.0, details=fusion.details(), built_on=_spent(folds))


@dataclass(frozen=True)
class Ensemble(LateRecipe):
    """Audio models that hear the same clip, combined in the same way."""

    modality: ClassVar[str] = "audio"


def _spent(folds: Iterable[StoredFold]) -> dict[str, float]:
    """Training seconds of everything that these folds are made of, what they share once."""
    return {model: seconds for fold in folds for model, seconds in fold.spent.items()}


@dataclass(frozen=True)
class ChoiceRecipe(Composite):
    """Of several variants, the simplest that is as good as the best on the validation clips of this very fold."""

    modality: ClassVar[str]
    effort: ClassVar[tuple[str, ...]] = ()
    candidates: tuple[str, ...]
    """From the simplest to the richest."""
    tolerance: float = 0.0
    """As good means within this many standard errors of the lowest loss (Breiman et al. 1984); 0 is the best."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The candidates."""
        return self.candidates

    def make(self, lab: Lab, track: str, split: Split, folder: Path) -> Outcome:
        """Pick by the calibrated loss on the fold's validation clips; the pick goes into the record."""
        folds = {c: lab.fold(c, track, split) for c in self.candidates}
        validation = list(split.validation)
        true = lab.true(validation)
        costs = {c: clip_losses(f.calibrated.loc[validation].to_numpy(), true) for c, f in folds.items()}
        losses = {c: float(cost.mean()) for c, cost in costs.items()}
        pick = simplest(costs, self.tolerance)
        chosen = folds[pick]
        kept = (chosen.folder / "embeddings.npz").exists()
        return Outcome(
            chosen.logits,
            chosen.config["parameters"],
            0.0,
            chosen.embeddings if kept else None,
            details={"picked": pick, "validation_loss": losses},
            built_on=_spent(folds.values()),
        )


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
class EarlyRecipe(Composite):
    """A network over the branches' embeddings; the branches stay as they are, or train on together with it."""

    modality: ClassVar[str] = "fusion"
    effort: ClassVar[tuple[str, ...]] = ("joint_epochs",)
    branches: tuple[str, str]
    joint: bool
    training: TrainingPreset = field(default_factory=lambda: TrainingPreset(rate=1e-3, average=0.99))

    @property
    def parts(self) -> tuple[str, ...]:
        """The branches."""
        return self.branches

    def make(self, lab: Lab, track: str, split: Split, folder: Path) -> Outcome:
        """Train on the fold, from its finished branches."""
        folds = [lab.fold(b, track, split) for b in self.branches]
        networks = [lab.network(b, track, split) for b in self.branches]
        sources = [lab.examples(b, track, split) for b in self.branches]
        torch.manual_seed(lab.seed)
        fusion = self.fused(networks)
        preset = replace(self.training, epochs=lab.effort.joint_epochs, seed=lab.seed)
        fitted = fit(fusion, PairedExamples(sources, lab.seed), split, preset, folder)
        save_network(fusion, folder / "model.safetensors", {"recipe": asdict(self)})
        # What a branch's network stands on (an encoder that ran beforehand) runs as well.
        own = fitted.parameters - sum(p.numel() for network in networks for p in network.parameters())
        return Outcome(
            fitted.logits,
            sum(f.config["parameters"] for f in folds) + own,
            fitted.seconds,
            fitted.embeddings,
            fitted.history,
            {"epoch": fitted.epoch},
            _spent(folds),
        )

    def network_of(self, folder: Path, networks: Sequence[nn.Module]) -> Branches:
        """The trained network of a finished fold; its branches' `networks` become as it left them."""
        fusion = self.fused(networks)
        load_network_file(fusion, folder / "model.safetensors")
        return fusion

    def fused(self, networks: Sequence[nn.Module]) -> Branches:
        """The network over the branches: their embeddings side by side."""
        return EarlyFusion(networks, [2] * len(networks), frozen=not self.joint)


@dataclass(frozen=True)
class AttentionRecipe(EarlyRecipe):
    """The branches' sequences attend to each other, under a gate."""

    network: AttentiveFusionPreset = field(default_factory=AttentiveFusionPreset)

    def fused(self, networks: Sequence[nn.Module]) -> Branches:
        """The network over the branches: their sequences hear each other."""
        return AttentiveFusion(networks, [2] * len(networks), frozen=not self.joint, preset=self.network)
