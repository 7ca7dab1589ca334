"""Token ids [B, T] and their counts [B] -> emotion logits [B, labels] and an embedding [B, 4 * hidden].

Word vectors, a bidirectional LSTM (Hochreiter & Schmidhuber 1997) or GRU (Cho et al. 2014), and the sentence's states
pooled twice: by attention (Yang et al. 2016) and by maximum (Conneau et al. 2017).
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from intone.emotions import EMOTIONS
from intone.models.batch import Batch, inside
from intone.text import Encoder, padded

POOL = 16
"""Batches whose sentences are sorted by length together: little padding, but different batches in every epoch."""


@dataclass(frozen=True)
class TextRnnPreset:
    """Sizes of the network, and its dropout."""

    cell: Literal["lstm", "gru"] = "lstm"
    """Kind of recurrent layer."""
    embedding: Literal["glove", "learned"] = "glove"
    """glove: a small learned vector beside each word's frozen GloVe vector; learned: only a larger learned one."""
    hidden: int = 96
    """States of each of the two directions."""
    learned: int = 50
    """Size of the learned vectors; twice as much without GloVe."""
    word_dropout: float = 0.1
    """Share of training tokens that become `<unknown>`."""
    embedding_dropout: float = 0.3
    """On word vectors."""
    dropout: float = 0.5
    """Before the last layer."""


class BothWays(nn.Module):
    """[B, T, inward] and lengths [B] -> [B, T, 2 * hidden]: one layer runs forward, the other back from the true end.

    Reversing the sentence by hand gives the same result as a packed bidirectional layer, and an LSTM in bf16 takes a
    third of the time on a processor.
    """

    def __init__(self, cell: str, inward: int, hidden: int) -> None:
        super().__init__()
        layer = {"lstm": nn.LSTM, "gru": nn.GRU}[cell]
        self.on = layer(inward, hidden, batch_first=True)
        self.back = layer(inward, hidden, batch_first=True)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """States of both directions at each token; those after the end mean nothing."""
        place = torch.arange(x.shape[1], device=x.device).expand(x.shape[:2])
        last = lengths[:, None] - 1
        turned = torch.where(place <= last, last - place, place)[..., None]
        on, back = _states(self.on, x), _states(self.back, torch.take_along_dim(x, turned, 1))
        return torch.cat([on, torch.take_along_dim(back, turned, 1)], 2)


def _states(layer: nn.RNNBase, x: Tensor) -> Tensor:
    """The layer's states; in bf16, which oneDNN's LSTM refuses on a processor without AVX-512, by torch's own code."""
    if not torch.is_autocast_enabled("cpu") or torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return layer(x)[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about Intel's graphics, at each change of these flags
        with torch.backends.mkldnn.flags(enabled=False):
            return layer(x)[0]


class TextRnn(nn.Module):
    """Recurrent network over a sentence; `TextRnn(words, preset, glove_size)` with the same sizes rebuilds it."""

    def __init__(
        self,
        words: int,
        preset: TextRnnPreset = TextRnnPreset(),
        glove_size: int = 50,
        classes: int = len(EMOTIONS),
    ) -> None:
        super().__init__()
        glove = preset.embedding == "glove"
        learned = preset.learned if glove else 2 * preset.learned
        states = 2 * preset.hidden
        self.preset = preset
        self.glove = nn.Embedding(words, glove_size, padding_idx=0).requires_grad_(False) if glove else None
        self.learned = nn.Embedding(words, learned, padding_idx=0)
        nn.init.normal_(self.learned.weight, std=0.1 if glove else 0.3)
        self.embedding_dropout = nn.Dropout(preset.embedding_dropout)
        self.layer = BothWays(preset.cell, learned + (glove_size if glove else 0), preset.hidden)
        self.score = nn.Sequential(nn.Linear(states, 64), nn.Tanh(), nn.Linear(64, 1))
        self.head = nn.Sequential(nn.Dropout(preset.dropout), nn.Linear(2 * states, classes))
        self.width, self.size = states, 2 * states

    def start_from(self, vectors: np.ndarray) -> "TextRnn":
        """Take the vocabulary's GloVe vectors, (words, glove_size) float32; call it once, before training."""
        if self.glove is None:
            raise ValueError("this preset learns its word vectors: it takes none from elsewhere")
        with torch.no_grad():
            self.glove.weight.copy_(torch.from_numpy(vectors))
        return self

    def sequence(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """[B, T] int64 ids, [B] int64 counts -> states [B, T, width], the counts."""
        if self.training:
            hidden = (torch.rand(tokens.shape, device=tokens.device) < self.preset.word_dropout) & (tokens > 0)
            tokens = tokens.masked_fill(hidden, 1)
        vectors = self.learned(tokens)
        if self.glove is not None:
            vectors = torch.cat([self.glove(tokens), vectors], 2)
        return self.layer(self.embedding_dropout(vectors), lengths).float(), lengths

    def forward(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """[B, T] int64 ids, [B] int64 counts -> logits [B, labels], embedding [B, size]."""
        states, _ = self.sequence(tokens, lengths)
        outside = ~inside(lengths, tokens.shape[1])[..., None]
        share = self.score(states).float().masked_fill(outside, -1e4).softmax(1)
        embedding = torch.cat([(states * share).sum(1), states.masked_fill(outside, -1e4).amax(1)], 1)
        return self.head(embedding), embedding


class TextExamples:
    """Sentences as padded token ids."""

    def __init__(
        self, sentences: Mapping[str, str], targets: Mapping[str, int], vocabulary: Encoder, seed: int = 0
    ) -> None:
        """`sentences` and `targets` (indices of labels) by `file`, or by a comment's id."""
        self.ids = {file: vocabulary.encode(sentence) for file, sentence in sentences.items()}
        self.targets, self.seed = targets, seed

    def batches(self, files: Sequence[str], size: int, epoch: int | None = None) -> Iterator[Batch]:
        """Padded batches: shuffled, with sentences of similar length, for a training epoch; else in order."""
        parts: Sequence[Sequence[str]]
        if epoch is None:
            parts = [files[start : start + size] for start in range(0, len(files), size)]
        else:
            parts = self._mixed(files, size, np.random.default_rng([self.seed, epoch]))
        for part in parts:
            tokens, lengths = padded([self.ids[file] for file in part])
            target = torch.tensor([self.targets[file] for file in part])
            yield Batch((torch.from_numpy(tokens), torch.from_numpy(lengths)), target, tuple(part))

    def _mixed(self, files: Sequence[str], size: int, draw: np.random.Generator) -> list[list[str]]:
        """Files in random order, cut into batches of sentences of similar length, which are in random order again."""
        order = [files[i] for i in draw.permutation(len(files))]
        pools = [order[start : start + size * POOL] for start in range(0, len(order), size * POOL)]
        mixed = [file for pool in pools for file in sorted(pool, key=lambda file: len(self.ids[file]))]
        parts = [mixed[start : start + size] for start in range(0, len(mixed), size)]
        return [parts[i] for i in draw.permutation(len(parts))]
