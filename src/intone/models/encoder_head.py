"""Hidden states of a speech encoder [B, layers, T, D], their lengths [B] -> logits [B, labels], embedding [B, 2H].

Learned weights over the layers (Peters et al. 2018; Yang et al. 2021), attentive statistics pooling (Okabe et al.
2018), one linear layer. Where the encoder's next blocks are trained too, the states are those of the layer below them,
and the weights are over that layer and each block's output.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from intone.emotions import EMOTIONS
from intone.models import packed_attention
from intone.models.batch import Batch, in_batches, inside
from intone.models.packed_attention import Places, unheard


@dataclass(frozen=True)
class AudioTransformerPreset:
    """Sizes of the network that is trained on the frozen encoder, and how much is masked in training."""

    hidden: int = 256
    """Size to which each state is projected before pooling."""
    dropout: float = 0.3
    """On states and before the last layer."""
    frame_mask: float = 0.2
    """A stretch of up to this share of a training clip's states is masked."""


class AudioTransformer(nn.Module):
    """The network that is trained on an encoder's states."""

    def __init__(
        self,
        layers: int,
        width: int,
        preset: AudioTransformerPreset = AudioTransformerPreset(),
        blocks: Sequence[nn.Module] = (),
        classes: int = len(EMOTIONS),
    ) -> None:
        """The input has `layers` layers of states: one where `blocks` (of Whisper's encoder, lowest first) follow."""
        super().__init__()
        if blocks and layers != 1:
            raise ValueError("blocks stand above one layer")
        self.blocks = nn.ModuleList(blocks)
        for block in blocks:
            block.self_attn.config._attn_implementation = packed_attention.NAME  # type: ignore[union-attr]
        layers += len(blocks)
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.layer_scores = nn.Parameter(torch.zeros(layers))
        self.project = nn.Sequential(nn.Dropout(preset.dropout), nn.Linear(width, preset.hidden), nn.GELU())
        self.attend = nn.Sequential(nn.Linear(preset.hidden, 64), nn.Tanh(), nn.Linear(64, 1))
        self.width, self.size = preset.hidden, 2 * preset.hidden
        self.embed = nn.BatchNorm1d(self.size)
        self.head = nn.Sequential(nn.Dropout(preset.dropout), nn.Linear(self.size, classes))

    def sequence(self, states: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """[B, layers, T, D], [B] -> weighted sum of the layers, projected, [B, T, width], and the lengths."""
        if len(self.blocks) and self.training:
            places = Places.of(lengths, states.shape[2])
            alone = self._through(places.packed(states[:, 0])[None], None, places=places)
            return places.padded(self._projected(alone)[0]), lengths
        if len(self.blocks):
            states = self._through(states[:, 0], unheard(inside(lengths, states.shape[2])))
        return self._projected(states), lengths

    def _projected(self, states: Tensor) -> Tensor:
        """[B, layers, T, D] -> [B, T, width]."""
        share = self.layer_scores.softmax(0)
        projected: Tensor = self.project((self.norm(states.float()) * share[:, None, None]).sum(1))
        return projected.float()

    def _through(self, states: Tensor, behind: Tensor | None, **places: Places) -> Tensor:
        """[B, T, D] -> [B, 1 + blocks, T, D]; no state attends to padding."""
        out = [states.float()]
        for block in self.blocks:
            given = block(out[-1], behind, **places)
            out.append(given[0] if isinstance(given, tuple) else given)
        return torch.stack([x.float() for x in out], 1)

    def forward(self, states: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """[B, layers, T, D], [B] -> logits [B, labels], embedding [B, size]."""
        x, _ = self.sequence(states, lengths)
        own = inside(lengths, x.shape[1])[..., None]
        weight = self.attend(x).float().masked_fill(~own, -1e4).softmax(1)
        mean = (weight * x).sum(1)
        deviation = (weight * (x - mean[:, None]) ** 2).sum(1).clamp_min(1e-5).sqrt()
        embedding = self.embed(torch.cat([mean, deviation], 1))
        return self.head(embedding), embedding


class StateExamples:
    """States of clips and their views as padded batches."""

    def __init__(
        self,
        views: Mapping[str, Sequence[np.ndarray]],
        targets: Mapping[str, int],
        frame_mask: float,
        seed: int = 0,
        step: int = 1,
    ) -> None:
        """`views`: `file` -> states [layers, T, D] of the clip itself, then of its changed copies; `targets`: `file` ->
        index of its label.

        A batch is as long as its longest clip, rounded up to a multiple of `step` frames.
        """
        self.views, self.targets, self.frame_mask, self.seed, self.step = views, targets, frame_mask, seed, step

    def changed(self, file: str, epoch: int) -> np.ndarray:
        """One view of a training clip with a stretch masked, the same for the same seed and epoch."""
        draw = np.random.default_rng([self.seed, epoch, *file.encode()])
        states = np.array(self.views[file][int(draw.integers(len(self.views[file])))])
        length = states.shape[1]
        width = int(draw.uniform(0, self.frame_mask) * length)
        start = int(draw.integers(0, length - width + 1))
        states[:, start : start + width] = 0
        return states

    def batches(self, files: Sequence[str], size: int, epoch: int | None = None) -> Iterator[Batch]:
        """Shuffled and augmented for a training epoch; the clips themselves, in order, when it is None."""
        for part in in_batches(files, size, self.seed, epoch):
            arrays = [self.views[f][0] if epoch is None else self.changed(f, epoch) for f in part]
            target = torch.tensor([self.targets[f] for f in part])
            yield Batch(_padded(arrays, self.step), target, part)


def _padded(arrays: Sequence[np.ndarray], step: int) -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([a.shape[1] for a in arrays])
    layers, _, width = arrays[0].shape
    longest = -(-int(lengths.max()) // step) * step
    out = np.zeros((len(arrays), layers, longest, width), np.float32)
    for row, a in zip(out, arrays, strict=True):
        row[:, : a.shape[1]] = a
    return torch.from_numpy(out), lengths
