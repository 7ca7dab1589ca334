"""Two branches' sequences of states -> emotion logits [B, labels]: each attends to the other, and a gate weights them.

Cross-attention between modalities (Tsai et al. 2019) and a gate (Arevalo et al. 2017).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from intone.emotions import EMOTIONS
from intone.models.batch import inside, own_mean
from intone.models.branches import Branches


@dataclass(frozen=True)
class AttentiveFusionPreset:
    """Sizes, and how much is masked in training."""

    width: int = 128
    """Both sequences are projected to this size."""
    heads: int = 4
    dropout: float = 0.2
    """On projected states, and before the last layer."""
    hide: float = 0.3
    """Share of training clips for which one modality, either one, is masked."""


class CrossAttention(nn.Module):
    """One sequence that attends to another: [B, T, D] and [B, S, D] -> [B, T, D]."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, other: Tensor, outside: Tensor) -> Tensor:
        """`outside` [B, S] marks the padding of the other sequence."""
        attended, _ = self.attention(x, other, other, key_padding_mask=outside, need_weights=False)
        return self.norm(x + attended)


class AttentiveFusion(Branches):
    """Two branches with a method `sequence(*inputs)`, each attending to the other."""

    def __init__(
        self,
        branches: Sequence[nn.Module],
        inputs: Sequence[int],
        frozen: bool,
        preset: AttentiveFusionPreset = AttentiveFusionPreset(),
        classes: int = len(EMOTIONS),
    ) -> None:
        super().__init__(branches, inputs, frozen, preset.hide)
        width = preset.width
        self.project = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(int(b.width)), nn.Linear(int(b.width), width), nn.Dropout(preset.dropout))  # type: ignore[arg-type]
            for b in branches
        )
        self.listen = nn.ModuleList(CrossAttention(width, preset.heads, preset.dropout) for _ in branches)
        self.nothing = nn.Parameter(torch.zeros(len(branches), width))  # in place of a masked branch's states
        self.gate = nn.Linear(2 * width, 2)
        self.head = nn.Sequential(nn.Dropout(preset.dropout), nn.Linear(width, classes))
        self.size = width

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Each branch's inputs in turn -> logits [B, labels], embedding [B, width]."""
        given = (self.given(branch, own) for branch, own in self.in_turn(inputs))
        return self.joined(given, self.hidden(inputs[0]))

    def given(self, branch: nn.Module, own: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """The branch's states [B, T, D] and their lengths [B]."""
        states, lengths = branch.sequence(*own)  # type: ignore[operator]
        return states, lengths

    def joined(self, given: Iterable[tuple[Tensor, ...]], lost: Tensor) -> tuple[Tensor, Tensor]:
        """States with their lengths, each clip's masked branch [B] -> logits [B, labels], embedding [B, width]."""
        states, lengths = [], []
        for i, (x, n) in enumerate(given):
            states.append(torch.where((lost == i)[:, None, None], self.nothing[i], self.project[i](x).float()))
            lengths.append(n)
        outside = [~inside(n, x.shape[1]) for x, n in zip(states, lengths, strict=True)]
        attended = [self.listen[i](states[i], states[1 - i], outside[1 - i]) for i in (0, 1)]
        parts = [own_mean(h, n) for h, n in zip(attended, lengths, strict=True)]
        share = self.gate(torch.cat(parts, 1)).softmax(1)
        embedding = share[:, :1] * parts[0] + share[:, 1:] * parts[1]
        return self.head(embedding), embedding
