"""Token ids [B, T] and their counts [B] -> logits [B, labels] and an embedding [B, D], by a pretrained Transformer.

BERT (Devlin et al. 2019) and what is built like it: DistilBERT, MiniLM (Wang et al. 2020), MPNet, RoBERTa. The
sentence's states are averaged over its own tokens, which suits sentence encoders (Reimers & Gurevych 2019).
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from torch import Tensor, nn

from intone.emotions import EMOTIONS
from intone.models import pretrained
from intone.models.batch import inside, own_mean
from intone.text import MAX_TOKENS


@dataclass(frozen=True)
class TextTransformerPreset:
    """Which encoder, and how much of it is trained."""

    weights: str = "all-MiniLM-L6-v2"
    """A name that `intone models list` knows, a local folder, or a hub id."""
    frozen: bool = False
    """Whether the encoder stays unchanged, so that only the last layer is trained."""
    dropout: float = 0.1
    """Before the last layer."""


class SubwordVocabulary:
    """A pretrained tokenizer instead of a vocabulary of words."""

    def __init__(self, weights: str) -> None:
        self.tokenizer: Any = pretrained.tokenizer(weights)

    def encode(self, sentence: str) -> np.ndarray:
        """Ids, including the begin and end tokens, int64, at most `MAX_TOKENS` of them."""
        return np.array(self.tokenizer(sentence, truncation=True, max_length=MAX_TOKENS)["input_ids"], np.int64)

    def __len__(self) -> int:
        return len(self.tokenizer)


class TextTransformer(nn.Module):
    """An encoder, its mean state over the sentence, one linear layer."""

    def __init__(self, encoder: nn.Module, preset: TextTransformerPreset, classes: int = len(EMOTIONS)) -> None:
        super().__init__()
        self.encoder, self.frozen = encoder.requires_grad_(not preset.frozen), preset.frozen
        self.width = self.size = int(encoder.config.hidden_size)  # type: ignore[union-attr,arg-type]
        self.head = nn.Sequential(nn.Dropout(preset.dropout), nn.Linear(self.size, classes))

    def train(self, mode: bool = True) -> Self:
        """A frozen encoder stays in evaluation mode."""
        super().train(mode)
        self.encoder.train(mode and not self.frozen)
        return self

    def sequence(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """[B, T] int64 ids, [B] int64 counts -> states [B, T, width], the counts."""
        own = inside(lengths, tokens.shape[1])
        return self.encoder(input_ids=tokens, attention_mask=own.long()).last_hidden_state.float(), lengths

    def forward(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """[B, T] int64 ids, [B] int64 counts -> logits [B, labels], embedding [B, size]."""
        states, _ = self.sequence(tokens, lengths)
        embedding = own_mean(states, lengths)
        return self.head(embedding), embedding
