"""Two networks and their inputs side by side: what every fusion that is trained is built on."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Self

import torch
from torch import Tensor, nn


class Branches(nn.Module, ABC):
    """Networks whose inputs come in turn; frozen ones keep weights and statistics while what is built on them learns.

    While training, a whole branch is hidden now and then (modality dropout, Neverova et al. 2016), so that the branch
    that knows its training clips by heart can't drown the other, and the fusion still works where one says nothing. For
    the same reason a frozen branch's dropout goes on: without it, training clips would look surer than others ever do.
    """

    def __init__(self, branches: Sequence[nn.Module], inputs: Sequence[int], frozen: bool, hide: float) -> None:
        """`inputs`: how many tensors each branch takes; `hide`: share of training clips that lose a branch."""
        super().__init__()
        self.branches = nn.ModuleList(branches)
        if frozen:  # and where not, what a branch itself holds still (word vectors, an encoder) stays so
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
        """What the fusion takes from a branch that hears or reads its own inputs; of each tensor a row a clip."""

    @abstractmethod
    def joined(self, given: Iterable[tuple[Tensor, ...]], lost: Tensor) -> tuple[Tensor, Tensor]:
        """What the branches gave in turn, and which one each clip loses [B] -> logits [B, 8], embedding [B, D]."""

    def hidden(self, like: Tensor) -> Tensor:
        """Which branch each clip of [B, ...] loses, [B] on its device; -1 is none, as always outside training."""
        clips = like.shape[0]  # and not its len, which an exported graph would keep as a number
        if not self.training:
            return torch.full((clips,), -1, device=like.device)
        which = torch.randint(len(self.branches), (clips,))  # drawn here, so that every device draws the same
        return torch.where(torch.rand(clips) < self.hide, which, -1).to(like.device)

    def train(self, mode: bool = True) -> Self:
        """All but what frozen branches hold still."""
        super().train(mode)
        self._hold_statistics()
        return self

    def _hold_statistics(self) -> None:
        """Also before training begins, since Lightning trains a network in the modes in which it comes."""
        if self.frozen:
            for module in self.branches.modules():
                if getattr(module, "track_running_stats", False):
                    module.eval()
