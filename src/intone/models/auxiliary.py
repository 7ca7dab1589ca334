"""Embeddings [B, D] of training clips -> the loss of predicting further labels from them, such as the intensity.

A network that also has to predict the intensity and the sentence learns from the same clips more about what is not
emotion (multi-task learning, Caruana 1997). The heads are dropped after training.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class SideTasks:
    """Further labels of training clips."""

    labels: Mapping[str, Mapping[str, int]]
    """Column -> `file` -> class, from 0."""
    weight: float
    """Weight of each column's cross-entropy relative to the emotion's."""

    @classmethod
    def of(cls, clips: pd.DataFrame, columns: Sequence[str], train: Sequence[str], weight: float) -> "SideTasks":
        """Labels from those columns of the clip table that are known for all training clips and not all the same."""
        table = clips.set_index("file").loc[list(train)]
        labels: dict[str, dict[str, int]] = {}
        for column in columns:
            known = table[column].notna() & (table[column] != "")
            if known.all() and table[column].nunique() > 1:
                codes, _ = pd.factorize(table[column], sort=True)
                labels[column] = dict(zip(train, codes.tolist(), strict=True))
        return cls(labels, weight)


class SideHeads(nn.Module):
    """One linear layer for each column."""

    def __init__(self, size: int, tasks: SideTasks) -> None:
        super().__init__()
        self.tasks = tasks
        self.heads = nn.ModuleList(nn.Linear(size, max(of.values()) + 1) for of in tasks.labels.values())

    def forward(self, embedding: Tensor, files: Sequence[str]) -> Tensor:
        """Weighted sum of the columns' cross-entropies: [B, D] and the clips' keys -> a scalar."""
        total = embedding.new_zeros(())
        for labels, head in zip(self.tasks.labels.values(), self.heads, strict=True):
            target = torch.tensor([labels[file] for file in files], device=embedding.device)
            total = total + self.tasks.weight * nn.functional.cross_entropy(head(embedding).float(), target)
        return total
