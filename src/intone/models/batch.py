"""Clips -> batches, the input of every network: tensors for B clips, their targets and their keys.

A batch's clips are padded to the longest one; `inside` tells a clip's own part from padding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """B clips: `network(*inputs)` gives logits [B, labels] and an embedding [B, D]."""

    inputs: tuple[Tensor, ...]
    targets: Tensor
    """[B] int64, places of the clips' labels among the corpus's."""
    files: tuple[str, ...]


class Examples(Protocol):
    """A source of batches, of any modality."""

    def batches(self, files: Sequence[str], size: int, epoch: int | None = None) -> Iterator[Batch]:
        """Batches: shuffled and augmented for a training epoch; unchanged, in the order of `files`, when it is None."""
        ...


def inside(lengths: Tensor, length: int) -> Tensor:
    """True lengths [B] -> [B, length] bool: True for a clip's own positions, False for padding."""
    return torch.arange(length, device=lengths.device) < lengths[:, None]


def own_mean(states: Tensor, lengths: Tensor) -> Tensor:
    """[B, T, D] and true lengths [B] -> the mean over each clip's own states, [B, D]."""
    return (states * inside(lengths, states.shape[1])[..., None]).sum(1) / lengths[:, None]


def in_batches(files: Sequence[str], size: int, seed: int, epoch: int | None) -> Iterator[tuple[str, ...]]:
    """Keys, `size` at a time: shuffled by seed and epoch, or in their order when the epoch is None."""
    if epoch is not None:
        files = np.random.default_rng([seed, epoch]).permutation(np.array(files)).tolist()
    for start in range(0, len(files), size):
        yield tuple(files[start : start + size])
