"""Clips' spectrograms or MFCCs -> a network over them, trained from scratch: the residual CNN, a small AST."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol

import numpy as np
import torch

from intone.audio.augment.spectrogram import SPEEDS, SpectrogramAugmentation
from intone.audio.features import FeatureSettings, extract
from intone.data.splits import Split
from intone.models.ast import AudioAstPreset
from intone.models.auxiliary import SideTasks
from intone.models.checkpoint import load_network_file, save_network
from intone.models.cnn import AudioCnnPreset, AudioExamples, padded
from intone.models.graph import SoundGraph, SpectrogramGraph
from intone.models.standardised import Standardised
from intone.training.finished_fold import FinishedFold
from intone.training.module import TrainingPreset
from intone.training.recipe import FoldResult, FoldTask, Predictor, Recipe
from intone.training.recipes.linear_probe import LinearProbeRecipe
from intone.training.spectrogram_views import SpectrogramViews
from intone.training.trainer import fit
from intone.training.workspace import Workspace

WEIGHTS = "model.safetensors"
"""In a fold's folder."""


class NetworkPreset(Protocol):
    """A frozen dataclass of a network's settings, which builds it."""

    @property
    def augmentation(self) -> SpectrogramAugmentation:
        """How its training clips are augmented."""
        ...

    def built(self, rows: int, classes: int) -> Standardised:
        """A new network for features of `rows` rows and for `classes` labels."""
        ...


@dataclass(frozen=True)
class SpectrogramRecipe(Recipe):
    """A network over one kind of features, from scratch: the residual CNN, or another that its preset builds."""

    modality: ClassVar[str] = "audio"
    epoch_names: ClassVar[Mapping[str, str]] = {"training": "audio_epochs"}
    features: FeatureSettings = field(default_factory=FeatureSettings)
    network: NetworkPreset = field(default_factory=AudioCnnPreset)
    training: TrainingPreset = field(default_factory=lambda: TrainingPreset(epochs=50))
    speeds: tuple[float, ...] = SPEEDS
    """Speed of each training clip's copies; only the first, 1.0, the clip itself, is used for validation and test."""

    side_columns: tuple[str, ...] = ("intensity", "statement")
    """Columns that the network also learns to predict for training clips, where the corpus has them."""
    side_weight: float = 0.3

    @property
    def views(self) -> SpectrogramViews:
        """What is computed from each clip."""
        return SpectrogramViews(self.features, self.speeds)

    def prepare(self, space: Workspace, workers: int) -> None:
        """Compute all clips' features at all speeds."""
        space.fill(self.views, workers)

    def fit(self, space: Workspace, task: FoldTask) -> FoldResult:
        """Train it on the fold."""
        examples = self._examples(space, task.split)
        torch.manual_seed(space.seed)
        network = self.network.built(self.features.rows, len(space.labels))
        network.remember(examples.mean, examples.deviation)
        side = SideTasks.of(space.corpus.clips, self.side_columns, task.split.train, self.side_weight)
        where = (task.folder, space.labels, space.seed)
        result = fit(network, examples, task.split, self.training, *where, side, device=space.device)
        save_network(network, task.folder / WEIGHTS, {"recipe": self.settings()})
        return replace(result, details=replace(result.details, side_tasks=tuple(side.labels)))

    def _examples(self, space: Workspace, split: Split) -> AudioExamples:
        columns = space.corpus.clips.set_index("file")[["emotion", *self.side_columns]]
        kinds = {file: tuple(kind) for file, *kind in columns.astype(str).itertuples(name=None)}
        return AudioExamples(
            space.features(self.views),
            space.targets,
            split.train,
            self.network.augmentation,
            self.features.kind == "mfcc",
            space.seed,
            kinds,
        )

    def examples(self, space: Workspace, run: FinishedFold, split: Split) -> AudioExamples:
        """The fold's clips as the network's input."""
        return self._examples(space, split)

    def network_of(self, run: FinishedFold) -> Standardised:
        """The trained network of a finished fold, in evaluation mode."""
        network = self.network.built(self.features.rows, len(run.labels))
        load_network_file(network, run.folder / WEIGHTS)
        network.eval()
        return network

    def predictor(self, run: FinishedFold) -> Predictor:
        """Clips -> features, standardised with the training clips' statistics -> the network's logits."""
        network = self.network_of(run)
        mean, deviation = network.mean.numpy(), network.deviation.numpy()

        @torch.inference_mode()
        def logits(signals: Sequence[np.ndarray]) -> np.ndarray:
            rows = [(extract(signal, self.features) - mean) / deviation for signal in signals]
            out: np.ndarray = network(*padded(rows))[0].float().numpy()
            return out

        return logits

    def spectrogram_network(self, run: FinishedFold) -> tuple[Standardised, FeatureSettings]:
        """Network and features."""
        return self.network_of(run), self.features

    def sound_graph(self, run: FinishedFold, window: float) -> SoundGraph:
        """The network over plain features."""
        return SoundGraph(SpectrogramGraph(self.network_of(run)), self.features)


@dataclass(frozen=True)
class AstRecipe(SpectrogramRecipe):
    """The Audio Spectrogram Transformer: a small one from scratch, or, where weights are given, a pretrained one."""

    network: NetworkPreset = field(default_factory=AudioAstPreset)
    training: TrainingPreset = field(default_factory=lambda: TrainingPreset(epochs=50, rate=1e-3, decay=0.05))

    def on(self, weights: str) -> LinearProbeRecipe:
        """A probe of that pretrained AST, which is frozen."""
        return LinearProbeRecipe(weights=weights, layers=(1,)).on(weights)
