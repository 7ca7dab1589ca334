"""Branches' outputs for N clips -> one output: the weight of a late fusion, and early fusion of embeddings [N, D].

Late fusion itself is arithmetic (inference/fusion.py). Early fusion is a network over the branches' embeddings, trained
on frozen branches or together with them.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor, nn

from intone.emotions import EMOTIONS
from intone.evaluation.calibration import log_loss
from intone.inference import fusion
from intone.models.batch import Batch, Examples, in_batches
from intone.models.branches import Branches


def first_weight(branches: Sequence[np.ndarray], true: np.ndarray) -> float:
    """Two branches' calibrated logits [N, labels] on validation clips, indices of their labels [N] -> the first one's
    weight in [0, 1] at which a weighted fusion has the lowest loss. Raises ValueError for another number of branches.
    """
    if len(branches) != 2:
        raise ValueError(f"a weighted fusion takes two branches, not {len(branches)}")

    def cost(weight: float) -> float:
        return log_loss(fusion.weighted(branches, weight), true)

    return float(minimize_scalar(cost, bounds=(0, 1), method="bounded").x)


class EarlyFusion(Branches):
    """The branches' embeddings, concatenated -> logits [B, labels]."""

    def __init__(
        self,
        branches: Sequence[nn.Module],
        inputs: Sequence[int],
        frozen: bool,
        hidden: int = 128,
        hide: float = 0.3,
        classes: int = len(EMOTIONS),
    ) -> None:
        super().__init__(branches, inputs, frozen, hide)
        sizes = [int(branch.size) for branch in branches]  # type: ignore[arg-type]
        self.norms = nn.ModuleList(nn.LayerNorm(s) for s in sizes)
        self.body = nn.Sequential(nn.Dropout(0.3), nn.Linear(sum(sizes), hidden), nn.ReLU(), nn.Dropout(0.3))
        self.head = nn.Linear(hidden, classes)
        self.size = hidden

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Each branch's inputs in turn -> logits [B, labels], embedding [B, hidden]."""
        given = [self.given(branch, own) for branch, own in self.in_turn(inputs)]
        return self.joined(given, self.hidden(inputs[0]))

    def given(self, branch: nn.Module, own: Sequence[Tensor]) -> tuple[Tensor]:
        """The branch's embedding [B, D]."""
        return (branch(*own)[1].float(),)

    def joined(self, given: Iterable[tuple[Tensor, ...]], lost: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings, and the branch masked for each clip [B] -> logits [B, labels], embedding [B, hidden]."""
        gone = lost[:, None]
        parts = [
            norm(e).masked_fill(gone == i, 0.0) for i, (norm, (e,)) in enumerate(zip(self.norms, given, strict=True))
        ]
        embedding = self.body(torch.cat(parts, 1))
        return self.head(embedding), embedding


class PairedExamples:
    """Two or more sources side by side: the same clips, in the same order, each with its own inputs."""

    def __init__(self, sources: Sequence[Examples], seed: int = 0) -> None:
        self.sources, self.seed = sources, seed

    def batches(self, files: Sequence[str], size: int, epoch: int | None = None) -> Iterator[Batch]:
        """One batch of all sources at a time; shuffled here, and joined by key."""
        for part in in_batches(files, size, self.seed, epoch):
            found = [_in_order(next(iter(s.batches(part, len(part), epoch))), part) for s in self.sources]
            yield Batch(tuple(x for b in found for x in b.inputs), found[0].targets, part)


def _in_order(batch: Batch, files: Sequence[str]) -> Batch:
    """The batch's rows in the order of `files`."""
    place = {file: i for i, file in enumerate(batch.files)}
    rows = torch.tensor([place[file] for file in files])
    return Batch(tuple(x[rows] for x in batch.inputs), batch.targets[rows], tuple(files))
