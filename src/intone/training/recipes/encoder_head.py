"""Clips -> a head over a speech encoder's layers, which are frozen or trained too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch

from intone.data.splits import Split
from intone.errors import IntoneError
from intone.models import pretrained
from intone.models.auxiliary import SideTasks
from intone.models.checkpoint import load_network_file, save_network
from intone.models.encoder_head import AudioTransformer, AudioTransformerPreset, StateExamples
from intone.models.graph import HeadGraph, SoundGraph
from intone.models.speech_encoder import WhisperTrunk
from intone.training.encoder_states import EncoderStates
from intone.training.finished_fold import FinishedFold
from intone.training.module import TrainingPreset
from intone.training.recipe import FoldResult, FoldTask, Predictor
from intone.training.recipes.encoder import EncoderRecipe, NoisyRecipe, whisper_trunk
from intone.training.trainer import fit
from intone.training.workspace import Workspace

WEIGHTS = "model.safetensors"
"""In a fold's folder."""


@dataclass(frozen=True, kw_only=True)
class HeadRecipe(EncoderRecipe):
    """Learned weights over a frozen encoder's layers, attentive pooling, a small head."""

    epoch_names: ClassVar[Mapping[str, str]] = {"training": "head_epochs"}
    pooled: ClassVar[bool] = False
    step: ClassVar[int] = 1
    """Batches are padded to a multiple of this many frames."""
    network: AudioTransformerPreset = field(default_factory=AudioTransformerPreset)
    training: TrainingPreset = field(
        default_factory=lambda: TrainingPreset(epochs=12, rate=1e-3, average=0.99, patience=10)
    )

    def fit(self, space: Workspace, task: FoldTask) -> FoldResult:
        """Train it on the fold."""
        examples = self._examples(space)
        torch.manual_seed(space.seed)
        network = self.built(len(space.labels))
        side, shares = self.side(space, task.split), self.shares()
        where = (task.folder, space.labels, space.seed)
        result = fit(network, examples, task.split, self.training, *where, side, shares=shares, device=space.device)
        save_network(network, task.folder / WEIGHTS, {"recipe": self.settings()})
        layers = tuple(round(x, 3) for x in network.layer_scores.softmax(0).tolist())
        parameters = self.states.encoder().parameters() + result.parameters
        return replace(result, parameters=parameters, details=replace(result.details, layers=layers))

    def _examples(self, space: Workspace) -> StateExamples:
        return StateExamples(space.features(self.states), space.targets, self.network.frame_mask, space.seed, self.step)

    def examples(self, space: Workspace, run: FinishedFold, split: Split) -> StateExamples:
        """The fold's clips as the network's input."""
        return self._examples(space)

    def network_of(self, run: FinishedFold) -> AudioTransformer:
        """The trained network of a finished fold, in evaluation mode."""
        network = self.built(len(run.labels))
        load_network_file(network, run.folder / WEIGHTS)
        network.eval()
        return network

    def built(self, classes: int) -> AudioTransformer:
        """The network before training."""
        return AudioTransformer(len(self.layers), self.states.encoder().width, self.network, classes=classes)

    def side(self, space: Workspace, split: Split) -> SideTasks | None:
        """Further labels of the training clips that it learns to predict."""
        return None

    def shares(self) -> Mapping[str, float]:
        """Beginning of a parameter's name -> its share of the head's learning rate."""
        return {}

    def predictor(self, run: FinishedFold) -> Predictor:
        """Clips -> states of the layers -> the network's logits."""
        network = self.network_of(run)

        @torch.inference_mode()
        def logits(signals: Sequence[np.ndarray]) -> np.ndarray:
            states = [torch.from_numpy(self.states.states(s).astype(np.float32))[None] for s in signals]
            found = torch.cat([network(x, torch.tensor([x.shape[2]]))[0] for x in states])
            out: np.ndarray = found.float().numpy()
            return out

        return logits

    def attention(self, space: Workspace, run: FinishedFold, split: Split) -> Mapping[str, np.ndarray]:
        """Test clip -> the weights of the head's pooling."""
        network, out = self.network_of(run), {}
        for batch in self._examples(space).batches(list(split.test), 1):
            with torch.inference_mode():
                x, _ = network.sequence(*batch.inputs)
                out[batch.files[0]] = network.attend(x).float().softmax(1)[0, :, 0].numpy()
        return out

    def sound_graph(self, run: FinishedFold, window: float) -> SoundGraph:
        """Whisper's first blocks and the network."""
        trunk, features = whisper_trunk(self.weights, self.layers, window)
        return SoundGraph(HeadGraph(trunk, self.layers, self.network_of(run)), features)


@dataclass(frozen=True, kw_only=True)
class TunedRecipe(NoisyRecipe, HeadRecipe):
    """A head on the encoder's next blocks above the one given layer; those below are frozen, and run once."""

    epoch_names: ClassVar[Mapping[str, str]] = {"training": "tuned_epochs"}
    step: ClassVar[int] = 16  # on a processor, memory is kept for every shape of a block that occurs
    training: TrainingPreset = field(
        default_factory=lambda: TrainingPreset(epochs=12, rate=1e-3, average=0.99, patience=0)
    )
    blocks: int = 4
    """Number of blocks that are trained; those above them are cut away."""
    share: float = 0.05
    """Learning rate of the highest block, as a share of the head's."""
    fall: float = 0.9
    """A block's learning rate, as a share of that of the block above it (Howard & Ruder 2018)."""
    side_columns: tuple[str, ...] = ("intensity", "statement")
    """Columns that the network also learns to predict for training clips, where the corpus has them."""
    side_weight: float = 0.3

    def on(self, weights: str) -> Self:
        """This recipe on that encoder's blocks; raises IntoneError for one that is not Whisper's, or is too small."""
        if self.layers[0] + self.blocks > pretrained.depth(weights):
            raise IntoneError(f"{weights} has {pretrained.depth(weights)} layers: too few to tune {self.blocks} of.")
        _check_whisper(weights)
        return replace(self, weights=weights)

    def built(self, classes: int) -> AudioTransformer:
        """The network before training; raises IntoneError for an encoder other than Whisper's."""
        if len(self.layers) != 1:
            raise IntoneError(f"Blocks stand above one layer, and not above {len(self.layers)}.")
        _check_whisper(self.weights)
        trunk = EncoderStates(self.weights, (self.layers[0] + self.blocks,)).fresh_encoder().network
        blocks: list[Any] = [b.requires_grad_(True) for b in trunk.blocks[self.layers[0] :]]
        return AudioTransformer(1, self.states.encoder().width, self.network, blocks, classes)

    def side(self, space: Workspace, split: Split) -> SideTasks:
        """Labels in the side columns."""
        return SideTasks.of(space.corpus.clips, self.side_columns, split.train, self.side_weight)

    def shares(self) -> Mapping[str, float]:
        """Shares of the blocks: the lower the block, the smaller."""
        return {f"blocks.{k}.": self.share * self.fall ** (self.blocks - 1 - k) for k in range(self.blocks)}


def _check_whisper(weights: str) -> None:
    if not isinstance(EncoderStates(weights, (1,)).encoder().network, WhisperTrunk):
        raise IntoneError(f"Blocks can be tuned of Whisper's encoder alone, and not of {weights}.")
