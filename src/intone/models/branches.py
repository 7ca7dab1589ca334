"""Two networks' inputs, one after another -> their outputs for a fusion; the base of every trained fusion."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Self

import torch
from torch import Tensor, nn


class Branches(nn.Module, ABC):
    """Networks whose inputs come one after another; frozen ones stay unchanged while the fusion is trained.

    In training, a whole branch is masked for some clips (modality dropout, Neverova et al. 2016), so that a branch that
    has memorised its training clips can't dominate the other, and the fusion still works where one has no information.
    For the same reason a frozen branch's dropout stays on: without it, its outputs would be more confident for training
    clips than for any others.
    """

    def __init__(self, branches: Sequence[nn.Module], inputs: Sequence[int], frozen: bool, hide: float) -> None:
        """`inputs`: how many tensors each branch takes; `hide`: share of training clips with a masked branch."""
        super().__init__()
        self.branches = nn.ModuleList(branches)
        if frozen:  # if not, what a branch itself freezes (word vectors, an encoder) stays frozen
            self.branches.requires_grad_(False)
        self.inputs, self.frozen, self.hide = tuple(inputs), frozen, hide
        self._hold_statistics()

    def in_turn(self, inputs: Sequence[Tensor]) -> Iterator[tuple[nn.Module, Sequence[Tensor]]]:
        """Each branch with its own inputs."""
        start = 0
        for branch, count in zip(self.branches, self.inputs, strict=True):
            yield branch, inputs[start : start + count]
            start += count

    @abstractmethod
    def given(self, branch: nn.Module, own: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """What the fusion takes from a branch, given the branch's own inputs: tensors with one row per clip."""

    @abstractmethod
    def joined(self, given: Iterable[tuple[Tensor, ...]], lost: Tensor) -> tuple[Tensor, Tensor]:
        """The branches' outputs, and each clip's masked branch [B] -> logits [B, labels], embedding [B, D]."""

    def hidden(self, like: Tensor) -> Tensor:
        """The branch that is masked for each clip of [B, ...], [B] on its device; -1 is none, as outside training."""
        clips = like.shape[0]  # not its len, which would be a constant in an exported graph
        if not self.training:
            return torch.full((clips,), -1, device=like.device)
        which = torch.randint(len(self.branches), (clips,))  # drawn on the CPU, so that every device gets the same
        return torch.where(torch.rand(clips) < self.hide, which, -1).to(like.device)

    def train(self, mode: bool = True) -> Self:
        """Set the mode of everything except frozen branches' statistics."""
        super().train(mode)
        self._hold_statistics()
        return self

    def _hold_statistics(self) -> None:
        """Freeze batch statistics; also before training begins, since Lightning keeps the modes that it finds."""
        if self.frozen:
            for module in self.branches.modules():
                if getattr(module, "track_running_stats", False):
                    module.eval()
