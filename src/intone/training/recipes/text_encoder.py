"""A track's sentences -> a pretrained text encoder, frozen or tuned as a whole."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import nn

from intone.inference.card import Reading
from intone.models import pretrained
from intone.models.checkpoint import load_network_file, save_network
from intone.models.graph import TextGraph
from intone.models.text_encoder import SubwordVocabulary, TextTransformer, TextTransformerPreset
from intone.text import MAX_TOKENS, Encoder
from intone.training.finished_fold import FinishedFold
from intone.training.module import TrainingPreset
from intone.training.recipes.text import SentenceRecipe
from intone.training.workspace import Workspace

WEIGHTS = "model.safetensors"
"""In a fold's folder."""


@dataclass(frozen=True, kw_only=True)
class TextTransformerRecipe(SentenceRecipe):
    """A pretrained text encoder by name, hub id or folder, frozen or tuned as a whole."""

    training: TrainingPreset = field(
        default_factory=lambda: TrainingPreset(epochs=12, rate=5e-5, patience=4, average=0.9)
    )
    on_goemotions: TrainingPreset = field(
        default_factory=lambda: TrainingPreset(epochs=6, rate=5e-5, batch=32, average=0.99)
    )
    network: TextTransformerPreset = field(default_factory=TextTransformerPreset)

    def pretrained(self) -> Mapping[str, str]:
        """The encoder -> its sha256."""
        return {self.network.weights: pretrained.digest(self.network.weights)}

    def on(self, weights: str) -> "TextTransformerRecipe":
        """This recipe on another encoder; raises IntoneError where that isn't a text encoder."""
        pretrained.reads(weights)
        return replace(self, network=replace(self.network, weights=weights))

    @property
    def name(self) -> str:
        """The weights' name and part of their sha256, and whether they are frozen."""
        kind = "frozen" if self.network.frozen else "tuned"
        return f"text_{Path(self.network.weights).name}-{pretrained.digest(self.network.weights)[:8]}-{kind}"

    def vocabulary_of(self, texts: Iterable[str]) -> SubwordVocabulary:
        """The encoder's own tokenizer; it doesn't depend on these texts."""
        return SubwordVocabulary(self.network.weights)

    def built(self, space: Workspace, vocabulary: Encoder) -> TextTransformer:
        """The pretrained encoder with a new last layer."""
        torch.manual_seed(space.seed)
        return TextTransformer(pretrained.encoder(self.network.weights), self.network, len(space.labels))

    def save(self, network: nn.Module, vocabulary: Encoder, folder: Path) -> None:
        """Keep what was trained; tokenizer and frozen weights are where the pretrained weights are."""
        folder.mkdir(parents=True, exist_ok=True)
        save_network(self._learned(network), folder / WEIGHTS, {"recipe": self.settings()})

    def load(self, folder: Path, classes: int) -> tuple[TextTransformer, SubwordVocabulary]:
        """The network as it was saved, and its tokenizer."""
        network = TextTransformer(pretrained.encoder(self.network.weights), self.network, classes)
        load_network_file(self._learned(network), folder / WEIGHTS)
        return network, SubwordVocabulary(self.network.weights)

    def _learned(self, network: nn.Module) -> nn.Module:
        assert isinstance(network, TextTransformer)
        return network.head if self.network.frozen else network

    def text_graph(self, run: FinishedFold) -> TextGraph:
        """The network with its tokenizer, which the file contains."""
        network, vocabulary = self.load(run.folder, len(run.labels))
        tokenizer = vocabulary.tokenizer.backend_tokenizer
        return TextGraph(network, Reading(tokenizer=tokenizer.to_str(), longest=MAX_TOKENS))
