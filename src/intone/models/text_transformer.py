"""Token ids [B, T] and their counts [B] -> emotion logits [B, 8] and an embedding [B, D], by a pretrained Transformer.

BERT (Devlin et al. 2019) and what is built like it: DistilBERT, MiniLM (Wang et al. 2020), MPNet, RoBERTa. The
sentence's states are averaged over its own tokens, which suits sentence encoders (Reimers & Gurevych 2019).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from intone.emotions import EMOTIONS
from intone.models import pretrained

LONGEST = 64
"""Tokens kept of a sentence, its marks of begin and end among them."""


@dataclass(frozen=True)
class TextTransformerPreset:
    """Which encoder, and how much of it learns."""

    weights: str = "all-MiniLM-L6-v2"
    """A name that `intone models list` knows, a local folder, or a hub id."""
    frozen: bool = False
    """The encoder stays as it was; the last layer alone learns."""
    dropout: float = 0.1
    """Before the last layer."""


class SubwordVocabulary:
    """A pretrained tokenizer in the place of a vocabulary of words."""

    def __init__(self, weights: str) -> None:
        self.tokenizer: Any = pretrained.tokenizer(weights)

    def encode(self, sentence: str) -> np.ndarray:
        """Ids with the marks of begin and end, int64, at most `LONGEST`."""
        return np.array(self.tokenizer(sentence, truncation=True, max_length=LONGEST)["input_ids"], np.int64)


class TextTransformer(nn.Module):
    """An encoder, its mean state over the sentence, one linear layer."""

    def __init__(self, encoder: nn.Module, preset: TextTransformerPreset) -> None:
        super().__init__()
        self.encoder, self.frozen = encoder.requires_grad_(not preset.frozen), preset.frozen
        self.width = self.size = int(encoder.config.hidden_size)  # type: ignore[union-attr,arg-type]
        self.head = nn.Sequential(nn.Dropout(preset.dropout), nn.Linear(self.size, len(EMOTIONS)))

    def train(self, mode: bool = True) -> "TextTransformer":
        """A frozen encoder stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self

    def sequence(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """[B, T] int64 ids, [B] int64 counts -> states [B, T, width], the counts."""
        inside = torch.arange(tokens.shape[1], device=tokens.device) < lengths[:, None]
        return self.encoder(input_ids=tokens, attention_mask=inside.long()).last_hidden_state.float(), lengths

    def forward(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """[B, T] int64 ids, [B] int64 counts -> logits [B, 8], embedding [B, size]."""
        states, _ = self.sequence(tokens, lengths)
        inside = torch.arange(tokens.shape[1], device=tokens.device) < lengths[:, None]
        embedding = (states * inside[..., None]).sum(1) / lengths[:, None]
        return self.head(embedding), embedding
