"""Features [B, 1, rows, T] and their lengths [B] (frames) -> emotion logits [B, 8] and an embedding [B, D].

The Audio Spectrogram Transformer (Gong, Chung & Glass 2021) in small, from scratch: patches of the spectrogram as
tokens, two class tokens. Frames behind a clip's end are masked; a clip longer than the longest is cut at both ends.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from transformers import ASTConfig, ASTModel

from intone.augment import SpectrogramAugmentation
from intone.emotions import EMOTIONS
from intone.models.standardised import Standardised


@dataclass(frozen=True)
class AudioAstPreset:
    """Sizes of the network and how its training clips are changed."""

    width: int = 128
    """Size of a token."""
    layers: int = 4
    heads: int = 4
    patch: int = 16
    """Rows and frames of a patch."""
    row_stride: int = 8
    frame_stride: int = 16
    longest: int = 320
    """Frames."""
    dropout: float = 0.1
    """In the layers, and three times as much before the last one."""
    augmentation: SpectrogramAugmentation = field(default_factory=SpectrogramAugmentation)

    def built(self, rows: int) -> "AudioAst":
        """A new network for features of so many rows."""
        return AudioAst(rows, self)


class AudioAst(Standardised):
    """A small AST over a clip's features."""

    def __init__(self, rows: int, preset: AudioAstPreset = AudioAstPreset()) -> None:
        super().__init__(rows)
        self.preset = preset
        config = ASTConfig(
            hidden_size=preset.width,
            num_hidden_layers=preset.layers,
            num_attention_heads=preset.heads,
            intermediate_size=4 * preset.width,
            patch_size=preset.patch,
            frequency_stride=preset.row_stride,
            time_stride=preset.frame_stride,
            max_length=preset.longest,
            num_mel_bins=rows,
            hidden_dropout_prob=preset.dropout,
            attention_probs_dropout_prob=preset.dropout,
        )
        self.body = ASTModel(config)
        nn.init.trunc_normal_(self.body.embeddings.position_embeddings, std=0.02)  # zeros, for a checkpoint to fill
        self.high = (rows - preset.patch) // preset.row_stride + 1
        self.size = preset.width
        self.head = nn.Sequential(nn.Dropout(3 * preset.dropout), nn.Linear(preset.width, len(EMOTIONS)))

    def forward(self, x: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 1, rows, T] standardised features, [B] frames -> logits [B, 8], embedding [B, size]."""
        x, frames = self._fitted(x[:, 0], frames)
        across = (x.shape[2] - self.preset.patch) // self.preset.frame_stride + 1
        begins = torch.arange(across, device=x.device) * self.preset.frame_stride
        inside = (begins < frames[:, None]).repeat(1, self.high)  # patches are counted row by row
        mask = torch.cat([inside.new_ones(len(x), 2), inside], 1).long()
        embedding = self.body(x.transpose(1, 2), attention_mask=mask).pooler_output.float()
        return self.head(embedding), embedding

    def _fitted(self, x: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """[B, rows, T] -> [B, rows, longest]: the middle of a longer clip, zeros behind a shorter one."""
        longest = self.preset.longest
        out = x.new_zeros(len(x), x.shape[1], longest)
        for row, clip, length in zip(out, x, frames.tolist(), strict=True):
            start = max(0, (length - longest) // 2)
            kept = min(length, longest)
            row[:, :kept] = clip[:, start : start + kept]
        return out, frames.clamp(max=longest)
