"""Features [B, 1, rows, T] and their lengths [B] (frames) -> emotion logits [B, labels] and an embedding [B, D].

A small Audio Spectrogram Transformer (Gong, Chung & Glass 2021), trained from scratch. A few convolutions make its
patches (Xiao et al. 2021): on a thousand clips, one linear map of 16 x 16 patches hardly learns at all.
"""

import itertools
import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from transformers import ASTConfig
from transformers.models.audio_spectrogram_transformer.modeling_audio_spectrogram_transformer import ASTLayer

from intone.audio.augment.spectrogram import SpectrogramAugmentation
from intone.emotions import EMOTIONS
from intone.models.batch import inside, own_mean
from intone.models.cnn import Dynamics
from intone.models.standardised import Standardised

STRIDES = ((2, 2), (2, 2), (2, 2), (2, 1))
"""(rows, frames) of each convolution: neighbouring tokens are 16 rows or 8 frames (80 ms) apart."""


@dataclass(frozen=True)
class AudioAstPreset:
    """Sizes of the network and how its training clips are augmented."""

    width: int = 128
    """Size of a token."""
    layers: int = 3
    heads: int = 4
    dropout: float = 0.1
    """In the layers, and three times as much before the last linear layer."""
    augmentation: SpectrogramAugmentation = field(default_factory=lambda: SpectrogramAugmentation(crop=320))
    """Longer crops than the CNN's: late positions in a clip have to occur in training."""

    def built(self, rows: int, classes: int = len(EMOTIONS)) -> "AudioAst":
        """A new network for features of `rows` rows and for `classes` labels."""
        return AudioAst(rows, self, classes)


class Patches(nn.Module):
    """[B, 1, rows, T] -> tokens [B, rows / 16, T / 8, width], zero after the clips' ends, and their lengths [B]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        sizes = [Dynamics.channels, width // 4, width // 2, 3 * width // 4, width]
        self.dynamics = Dynamics()
        self.steps = nn.ModuleList(
            nn.Sequential(nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True))
            for (i, o), stride in zip(itertools.pairwise(sizes), STRIDES, strict=True)
        )

    def forward(self, x: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Padding is set to zero after each step, so that no token depends on the other clips of its batch."""
        x = self.dynamics(x, frames)
        for step, (_, stride) in zip(self.steps, STRIDES, strict=True):
            x = step(x)
            frames = (frames + stride - 1) // stride
            x = x * inside(frames, x.shape[3])[:, None, None]
        return x.permute(0, 2, 3, 1), frames


class AudioAst(Standardised):
    """A small AST over a clip's features."""

    def __init__(self, rows: int, preset: AudioAstPreset = AudioAstPreset(), classes: int = len(EMOTIONS)) -> None:
        super().__init__(rows)
        self.preset, width = preset, preset.width
        self.patches = Patches(width)
        self.row = nn.Parameter(0.02 * torch.randn(-(-rows // math.prod(s for s, _ in STRIDES)), 1, width))
        config = ASTConfig(
            hidden_size=width,
            num_attention_heads=preset.heads,
            intermediate_size=4 * width,
            hidden_dropout_prob=preset.dropout,
            attention_probs_dropout_prob=preset.dropout,
        )
        config._attn_implementation = "sdpa"  # it accepts a boolean mask
        self.layers = nn.ModuleList(ASTLayer(config) for _ in range(preset.layers))
        self.norm = nn.LayerNorm(width)
        self.width = self.size = width
        self.head = nn.Sequential(nn.Dropout(3 * preset.dropout), nn.Linear(width, classes))

    def sequence(self, x: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 1, rows, T], [B] -> states over time (mean over tokens at one time) [B, T / 8, width], lengths [B]."""
        tokens, lengths = self.patches(x, frames)
        batch, high, across, width = tokens.shape
        tokens = tokens + self.row + positions(across, width).to(tokens)
        own = inside(lengths, across)[:, None].expand(-1, high, -1).flatten(1)
        states = tokens.flatten(1, 2)
        for layer in self.layers:
            given = layer(states, own[:, None, None])
            states = given[0] if isinstance(given, tuple) else given
        return self.norm(states).float().view(batch, high, across, width).mean(1), lengths

    def forward(self, x: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 1, rows, T] standardised features, [B] frames -> logits [B, labels], embedding [B, size]."""
        states, lengths = self.sequence(x, frames)
        embedding = own_mean(states, lengths)
        return self.head(embedding), embedding


def positions(count: int, width: int) -> Tensor:
    """Sines and cosines of positions 0 to count - 1 (Vaswani et al. 2017), [count, width]."""
    rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    angle = torch.arange(count)[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], 2).flatten(1)
