"""Finished branches of one fold -> a network over their embeddings, or over their sequences."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from intone.inference.card import LEARNED
from intone.models.branches import Branches
from intone.models.checkpoint import load_network_file, save_network
from intone.models.cross_attention import AttentiveFusion, AttentiveFusionPreset
from intone.models.fusion import EarlyFusion, PairedExamples
from intone.models.graph import FusionGraph, ModelGraph, SentenceGraph
from intone.training.finished_fold import FinishedFold
from intone.training.module import TrainingPreset
from intone.training.recipe import FoldResult, FoldTask, Recipe
from intone.training.recipes.fusion import joined_file, spent
from intone.training.trainer import fit
from intone.training.workspace import Workspace

WEIGHTS = "model.safetensors"
"""In a fold's folder."""


@dataclass(frozen=True)
class EarlyRecipe(Recipe):
    """A network over the branches' embeddings; the branches are frozen, or trained further together with it."""

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
        where = (task.folder, space.labels, space.seed)
        result = fit(fusion, examples, task.split, self.training, *where, device=space.device)
        save_network(fusion, task.folder / WEIGHTS, {"recipe": self.settings()})
        # What a branch's network is built on (an encoder that ran beforehand) counts as well.
        own = result.parameters - sum(p.numel() for network in networks for p in network.parameters())
        parameters = sum(fold.record.parameters for fold in folds) + own
        return replace(result, parameters=parameters, built_on=spent(folds))

    def fused(self, networks: Sequence[nn.Module], classes: int) -> Branches:
        """The network over the branches' concatenated embeddings."""
        return EarlyFusion(networks, [2] * len(networks), frozen=not self.joint, classes=classes)

    def graph(self, run: FinishedFold, window: float) -> ModelGraph:
        """Audio branch, text branch, and the network over both, with its own branches where training changed them."""
        model = joined_file(run, window, LEARNED)
        sound, reading = model.network.sound, model.network.reading
        assert isinstance(reading, SentenceGraph)
        networks = [branch.recipe.network_of(branch) for branch in run.parts]
        before = [deepcopy(network.state_dict()) for network in networks]
        fusion = self.fused(networks, len(run.labels))
        load_network_file(fusion, run.folder / WEIGHTS)  # sets the branches' weights after training, too
        audio, words = networks
        if not _same(audio.state_dict(), before[0]):
            sound = sound.around(audio)  # type: ignore[operator]
        if not _same(words.state_dict(), before[1]):
            reading = SentenceGraph(words)
        model.network.fusing = FusionGraph(fusion, sound, reading)  # type: ignore[arg-type]
        return model


def _same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return all(torch.equal(x, other[name]) for name, x in one.items())


@dataclass(frozen=True)
class AttentionRecipe(EarlyRecipe):
    """The branches' sequences attend to each other, and a gate weights them."""

    network: AttentiveFusionPreset = field(default_factory=AttentiveFusionPreset)

    def fused(self, networks: Sequence[nn.Module], classes: int) -> Branches:
        """The network over the branches: their sequences attend to each other."""
        frozen = not self.joint
        return AttentiveFusion(networks, [2] * len(networks), frozen=frozen, preset=self.network, classes=classes)
