"""Clips -> heads over a speech encoder's layers, which stay or learn too: how each is made from one fold."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import torch

from intone.data.splits import Split
from intone.errors import IntoneError
from intone.models import pretrained
from intone.models.auxiliary import SideTasks
from intone.models.checkpoint import load_network_file, save_network
from intone.models.encoder_head import AudioTransformer, AudioTransformerPreset, StateExamples
from intone.models.speech_encoder import WhisperTrunk
from intone.training.encoder_states import EncoderRecipe, Hearing, NoisyRecipe
from intone.training.module import TrainingPreset
from intone.training.runs import Outcome
from intone.training.trainer import fit
from intone.training.workspace import Lab


@dataclass(frozen=True, kw_only=True)
class SpeechHeadRecipe(EncoderRecipe):
    """Learned weights over a frozen encoder's layers, attentive pooling, a small head."""

    effort: ClassVar[tuple[str, ...]] = ("head_epochs",)
    pooled: ClassVar[bool] = False
    step: ClassVar[int] = 1
    """Frames by whose multiples batches are long."""
    network: AudioTransformerPreset = field(default_factory=AudioTransformerPreset)
    training: TrainingPreset = field(default_factory=lambda: TrainingPreset(rate=1e-3, average=0.99, patience=10))

    def make(self, lab: Lab, track: str, split: Split, folder: Path) -> Outcome:
        """Train it on the fold."""
        examples = self.examples(lab, track, split, folder)
        torch.manual_seed(lab.seed)
        network = self.built()
        preset = replace(self.training, epochs=self.epochs(lab), seed=lab.seed)
        fitted = fit(network, examples, split, preset, folder, self.side(lab, split), shares=self.shares())
        save_network(network, folder / "model.safetensors", {"recipe": asdict(self)})
        parameters = self.hearing.states().parameters() + fitted.parameters
        details = {"epoch": fitted.epoch, "layers": [round(x, 3) for x in network.layer_scores.softmax(0).tolist()]}
        return Outcome(fitted.logits, parameters, fitted.seconds, fitted.embeddings, fitted.history, details)

    def examples(self, lab: Lab, track: str, split: Split, folder: Path) -> StateExamples:
        """The fold's clips as this network takes them."""
        return StateExamples(self.hearing.of_all(lab), lab.emotions, self.network.frame_mask, lab.seed, self.step)

    def network_of(self, folder: Path) -> AudioTransformer:
        """The trained network of a finished fold."""
        network = self.built()
        load_network_file(network, folder / "model.safetensors")
        return network

    def built(self) -> AudioTransformer:
        """The network before training."""
        return AudioTransformer(len(self.layers), self.hearing.states().width, self.network)

    def epochs(self, lab: Lab) -> int:
        """Passes over the training clips."""
        return lab.effort.head_epochs

    def side(self, lab: Lab, split: Split) -> SideTasks | None:
        """What else it learns of the training clips."""
        return None

    def shares(self) -> Mapping[str, float]:
        """What learns more slowly than the head."""
        return {}


@dataclass(frozen=True, kw_only=True)
class SpeechTunedRecipe(NoisyRecipe, SpeechHeadRecipe):
    """The same, with the encoder's next blocks above the one layer that is given; those below stay, and run once."""

    effort: ClassVar[tuple[str, ...]] = ("tuned_epochs",)
    step: ClassVar[int] = 16  # a processor keeps memory for every shape of a block that it has seen
    training: TrainingPreset = field(default_factory=lambda: TrainingPreset(rate=1e-3, average=0.99, patience=0))
    blocks: int = 4
    """How many learn; what is above them is cut away."""
    share: float = 0.05
    """Of the head's learning rate, in the highest block."""
    fall: float = 0.9
    """A block's rate is this share of the one above it (Howard & Ruder 2018)."""
    side_columns: tuple[str, ...] = ("intensity", "statement")
    """What the network also learns to tell of training clips, where the corpus says it."""
    side_weight: float = 0.3

    def on(self, weights: str) -> Self:
        """The same blocks of that encoder; raises IntoneError for one that is not Whisper's, or is too small."""
        if self.layers[0] + self.blocks > pretrained.depth(weights):
            raise IntoneError(f"{weights} has {pretrained.depth(weights)} layers: too few to tune {self.blocks} of.")
        self._check(weights)
        return replace(self, weights=weights)

    @staticmethod
    def _check(weights: str) -> None:
        if not isinstance(Hearing(weights, (1,)).states().network, WhisperTrunk):
            raise IntoneError(f"Blocks can be tuned of Whisper's encoder alone, and not of {weights}.")

    def built(self) -> AudioTransformer:
        """The network before training; raises IntoneError for an encoder other than Whisper's."""
        if len(self.layers) != 1:
            raise IntoneError(f"Blocks stand above one layer, and not above {len(self.layers)}.")
        self._check(self.weights)
        trunk = Hearing(self.weights, (self.layers[0] + self.blocks,)).fresh().network
        blocks: list[Any] = [b.requires_grad_(True) for b in trunk.blocks[self.layers[0] :]]
        return AudioTransformer(1, self.hearing.states().width, self.network, blocks)

    def epochs(self, lab: Lab) -> int:
        """Passes over the training clips."""
        return lab.effort.tuned_epochs

    def side(self, lab: Lab, split: Split) -> SideTasks:
        """Intensity and sentence."""
        return SideTasks.of(lab.corpus.clips, self.side_columns, split.train, self.side_weight)

    def shares(self) -> Mapping[str, float]:
        """The blocks, the lower the slower."""
        return {f"blocks.{k}.": self.share * self.fall ** (self.blocks - 1 - k) for k in range(self.blocks)}
