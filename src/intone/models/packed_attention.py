"""Padded states of clips [B, T, …] -> their own states in one row, [N, …]; each clip attends only to itself.

Four of ten states of a padded batch are padding. Layers that process each state by itself (nearly all of a block's
work) can skip it; only attention needs the padded form again.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

import torch
from torch import Tensor, nn
from transformers import AttentionInterface

from intone.models.batch import inside

NAME: Final = "own_clip"
"""Name of the attention in `transformers`."""

STEP: Final = 128
"""Packed batches hold a multiple of this many states: on a processor, memory is kept for every shape that occurs."""


@dataclass(frozen=True)
class Places:
    """Positions of the states of B clips with at most T states each."""

    rows: Tensor
    """[N] int64: index of each state among all B * T."""
    behind: Tensor
    """[B, 1, 1, T]: what is added to the attention scores of each clip, so that no state attends to padding."""
    spare: int
    """Empty states at the end, up to a whole number of `STEP`."""

    @classmethod
    def of(cls, lengths: Tensor, longest: int) -> Self:
        """From true lengths [B], and T."""
        own = inside(lengths, longest)
        rows = own.flatten().nonzero()[:, 0]
        return cls(rows, unheard(own), -len(rows) % STEP)

    def packed(self, states: Tensor) -> Tensor:
        """[B, T, …] -> [N + spare, …]."""
        own = states.flatten(0, 1).index_select(0, self.rows)
        return torch.cat([own, own.new_zeros(self.spare, *own.shape[1:])])

    def padded(self, states: Tensor) -> Tensor:
        """[N + spare, …] -> [B, T, …], zeros after each clip's end."""
        clips, longest = len(self.behind), self.behind.shape[-1]
        empty = states.new_zeros(clips * longest, *states.shape[1:])
        return empty.index_copy(0, self.rows, states[: len(self.rows)]).unflatten(0, (clips, longest))


def unheard(own: Tensor) -> Tensor:
    """True for a clip's own states, [B, T] bool -> what is added to their attention scores, [B, 1, 1, T]."""
    return -1e4 * ~own[:, None, None]


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    places: Places | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Scaled queries, keys and values [B, heads, T, D] -> [B, T, heads, D]; with places, [1, heads, N, D] likewise."""
    if places is not None:
        query, key, value = (places.padded(x[0].transpose(0, 1)).transpose(1, 2) for x in (query, key, value))
        attention_mask = places.behind
    scores = query @ key.transpose(2, 3)
    if attention_mask is not None:
        scores = scores + attention_mask
    found = (scores.softmax(-1) @ value).transpose(1, 2)
    return (found if places is None else places.packed(found)[None]), None


AttentionInterface.register(NAME, _attention)
