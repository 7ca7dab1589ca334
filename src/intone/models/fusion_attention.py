"""Two branches' sequences of states -> emotion logits [B, 8]: each attends to the other, and a gate weighs them.

Cross-attention between modalities (Tsai et al. 2019) under a gate (Arevalo et al. 2017). While training, a whole
modality is hidden now and then (Neverova et al. 2016), so that the fusion still works where words are missing or mean
nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from intone.emotions import EMOTIONS


@dataclass(frozen=True)
class AttentiveFusionPreset:
    """Sizes, and what is hidden while training."""

    width: int = 128
    """Both sequences are projected to this size."""
    heads: int = 4
    dropout: float = 0.2
    """On projected states, and before the last layer."""
    hide: float = 0.3
    """Share of training clips that lose one modality, either one."""


class Listening(nn.Module):
    """One sequence that attends to another: [B, T, D] and [B, S, D] -> [B, T, D]."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, other: Tensor, outside: Tensor) -> Tensor:
        """`outside` [B, S] marks what stands behind the other's end."""
        heard, _ = self.attention(x, other, other, key_padding_mask=outside, need_weights=False)
        return self.norm(x + heard)


class AttentiveFusion(nn.Module):
    """Two branches that give `sequence(*inputs)`, each hearing the other; the branches stay as they are if frozen."""

    def __init__(
        self,
        branches: Sequence[nn.Module],
        inputs: Sequence[int],
        frozen: bool,
        preset: AttentiveFusionPreset = AttentiveFusionPreset(),
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches).requires_grad_(not frozen)
        self.inputs, self.frozen, self.hide = tuple(inputs), frozen, preset.hide
        width = preset.width
        self.project = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(int(b.width)), nn.Linear(int(b.width), width), nn.Dropout(preset.dropout))  # type: ignore[arg-type]
            for b in branches
        )
        self.listen = nn.ModuleList(Listening(width, preset.heads, preset.dropout) for _ in branches)
        self.nothing = nn.Parameter(torch.zeros(len(branches), width))  # what a hidden modality says
        self.gate = nn.Linear(2 * width, 2)
        self.head = nn.Sequential(nn.Dropout(preset.dropout), nn.Linear(width, len(EMOTIONS)))
        self.size = width

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Each branch's inputs in turn -> logits [B, 8], embedding [B, width]."""
        states, outside = self._sequences(inputs)
        heard = [self.listen[i](states[i], states[1 - i], outside[1 - i]) for i in (0, 1)]
        parts = [_mean(h, ~o) for h, o in zip(heard, outside, strict=True)]
        share = self.gate(torch.cat(parts, 1)).softmax(1)
        embedding = share[:, :1] * parts[0] + share[:, 1:] * parts[1]
        return self.head(embedding), embedding

    def train(self, mode: bool = True) -> "AttentiveFusion":
        """Frozen branches stay in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.branches.eval()
        return self

    def _sequences(self, inputs: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Projected states [B, T, width] of both branches, and what stands behind their ends [B, T]."""
        hidden = self._hidden(len(inputs[0]), inputs[0].device)
        states, outside, start = [], [], 0
        for i, (branch, count) in enumerate(zip(self.branches, self.inputs, strict=True)):
            x, lengths = branch.sequence(*inputs[start : start + count])  # type: ignore[operator]
            x = self.project[i](x).float()
            states.append(torch.where((hidden == i)[:, None, None], self.nothing[i], x))
            outside.append(torch.arange(x.shape[1], device=x.device) >= lengths[:, None])
            start += count
        return states, outside

    def _hidden(self, clips: int, device: torch.device) -> Tensor:
        """Which branch each clip loses, [B]; -1 is neither, as always outside training."""
        which = torch.randint(2, (clips,), device=device)
        hit = torch.rand(clips, device=device) < (self.hide if self.training else 0.0)
        return torch.where(hit, which, -1)


def _mean(states: Tensor, inside: Tensor) -> Tensor:
    """[B, T, D] and [B, T] -> the mean over what is inside, [B, D]."""
    share = inside[..., None].to(states.dtype)
    return (states * share).sum(1) / share.sum(1)
