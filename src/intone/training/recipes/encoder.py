"""Clips -> a pretrained speech encoder's states for a model: which encoder, which layers, which copies of a clip."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from torch import nn

from intone.audio.features import FeatureSettings
from intone.errors import IntoneError
from intone.models import pretrained
from intone.models.speech_encoder import SpeechStates, WhisperTrunk
from intone.training.encoder_states import EncoderStates
from intone.training.recipe import Recipe
from intone.training.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class EncoderRecipe(Recipe):
    """A model on a speech encoder's layers."""

    modality: ClassVar[str] = "audio"
    pooled: ClassVar[bool]
    """Whether it takes means and deviations over time, or all states."""
    weights: str
    """A name that intone knows, a local folder, or a hub id."""
    layers: tuple[int, ...]
    """Layers that it may use."""
    speeds: tuple[float, ...] = (1.0,)
    """Speed of each training clip's copies; only the first, 1.0, the clip itself, is used for validation and test."""

    @property
    def states(self) -> EncoderStates:
        """What is computed from each clip."""
        return EncoderStates(self.weights, self.layers, self.speeds, self.pooled)

    def pretrained(self) -> Mapping[str, str]:
        """The encoder -> its sha256."""
        return {self.weights: pretrained.digest(self.weights)}

    def on(self, weights: str) -> Self:
        """This recipe over all layers of another encoder."""
        return replace(self, weights=weights, layers=tuple(range(1, pretrained.depth(weights) + 1)))

    def as_made(self, settings: Mapping[str, Any]) -> Self:
        """This recipe with the weights and layers of the finished run."""
        return replace(self, weights=settings["weights"], layers=tuple(settings["layers"]))

    def prepare(self, space: Workspace, workers: int) -> None:
        """Encode every clip."""
        space.fill(self.states, workers)


@dataclass(frozen=True, kw_only=True)
class NoisyRecipe(EncoderRecipe):
    """A model that is also trained on noisier copies of its training clips; only the clips themselves are evaluated."""

    under: tuple[str, ...] = ("noise", "babble")
    """Kinds of those copies (audio/augment/noise.py)."""

    @property
    def states(self) -> EncoderStates:
        """What is computed from each clip."""
        return replace(super().states, noisy=self.under)


def whisper_trunk(weights: str, layers: tuple[int, ...], window: float) -> tuple[WhisperTrunk, FeatureSettings]:
    """Whisper's first blocks for a model file, with positions for one window (seconds) only: all of them are a fifth of
    the file. Raises IntoneError for another encoder, and for a window longer than its input."""
    trunk = SpeechStates(weights, layers).network
    if not isinstance(trunk, WhisperTrunk):
        raise IntoneError(f"Of speech encoders a file can hold Whisper's alone, and not {weights}.")
    if 100 * window > trunk.longest:
        raise IntoneError(f"{weights} hears {trunk.longest / 100:g} s at once, and a window has {window:g} s.")
    kept = trunk.positions.weight[: round(50 * window) + 2].clone()
    trunk.positions.weight = nn.Parameter(kept, requires_grad=False)
    return trunk, FeatureSettings(kind="whisper", bands=trunk.bands)
