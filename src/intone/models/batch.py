"""What every example source yields and every network takes: tensors for B clips, their targets and their keys."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """B clips: `network(*inputs)` gives logits [B, 8] and an embedding [B, D]."""

    inputs: tuple[Tensor, ...]
    targets: Tensor
    """[B] int64, index into EMOTIONS."""
    files: tuple[str, ...]


class Examples(Protocol):
    """A source of batches, whatever the modality."""

    def batches(self, files: Sequence[str], size: int, epoch: int | None = None) -> Iterator[Batch]:
        """Shuffled and augmented for a training epoch; as they are, in the order of `files`, when it is None."""
        ...
