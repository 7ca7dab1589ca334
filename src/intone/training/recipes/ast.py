"""Clips -> a small AST from scratch, or, with weights at hand, the layers of a pretrained one."""

from dataclasses import dataclass, field

from intone.models.ast import AudioAstPreset
from intone.training.module import TrainingPreset
from intone.training.recipes.linear_probe import SpeechProbeRecipe
from intone.training.recipes.spectrogram import AudioPreset, AudioRecipe


@dataclass(frozen=True)
class AstRecipe(AudioRecipe):
    """The Audio Spectrogram Transformer."""

    network: AudioPreset = field(default_factory=AudioAstPreset)
    training: TrainingPreset = field(default_factory=lambda: TrainingPreset(rate=1e-3, decay=0.05))

    def on(self, weights: str) -> SpeechProbeRecipe:
        """A probe of that pretrained AST, which stays as it is."""
        return SpeechProbeRecipe(weights=weights, layers=(1,)).on(weights)
