"""Training clips' mean and deviation of each feature row -> buffers of a network, kept in its weights file."""

import numpy as np
import torch
from torch import Tensor, nn


class Standardised(nn.Module):
    """A network over standardised features; it stores the numbers by which its input has to be standardised."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(rows, 1))
        self.register_buffer("deviation", torch.ones(rows, 1))

    def remember(self, mean: np.ndarray, deviation: np.ndarray) -> None:
        """Keep the training clips' statistics, [rows, 1] each."""
        self.mean.copy_(torch.from_numpy(mean))
        self.deviation.copy_(torch.from_numpy(deviation))
