"""Clip (mono float32, 16 kHz) -> hidden states of chosen layers of a pretrained speech encoder, [layers, T, D].

Whisper's encoder (Radford et al. 2023) hears the clip's own frames and not 30 s of padding; wav2vec 2.0, HuBERT, WavLM
and AST are fed as their own feature extractors say. The encoder is cut behind the last layer that is asked for: emotion
sits in the middle layers, and what is cut away need not be computed, kept or shipped.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from faster_whisper.feature_extractor import FeatureExtractor
from torch import Tensor, nn
from transformers import AutoFeatureExtractor

from intone.audio import SAMPLE_RATE
from intone.cache import digest
from intone.errors import IntoneError
from intone.models import pretrained


class WhisperTrunk(nn.Module):
    """The convolutions and first blocks of Whisper's encoder, for clips of any length up to its 30 s."""

    def __init__(self, encoder: nn.Module, blocks: int) -> None:
        super().__init__()
        whole: Any = encoder
        self.first, self.second, self.positions = whole.conv1, whole.conv2, whole.embed_positions
        self.blocks = whole.layers[:blocks]

    def forward(self, mel: Tensor) -> list[Tensor]:
        """[1, bands, frames] -> what enters the blocks and what each gives, [1, frames / 2, D]."""
        x = nn.functional.gelu(self.second(nn.functional.gelu(self.first(mel)))).transpose(1, 2)
        states = [x + self.positions.weight[: x.shape[1]]]
        for block in self.blocks:
            out = block(states[-1], None)
            states.append(out[0] if isinstance(out, tuple) else out)
        return states


class SpeechStates:
    """A pretrained encoder that listens: `states(signal)` gives what the chosen layers say of it."""

    def __init__(self, weights: str, layers: Sequence[int]) -> None:
        """`layers` count from 1, the first block's output; 0 is what enters it.

        Raises IntoneError where the encoder has fewer layers, and what `pretrained.encoder` raises.
        """
        self.layers = tuple(layers)
        encoder = pretrained.encoder(weights)
        config: Any = encoder.config
        whisper = config.model_type == "whisper"
        depth = pretrained.depth(weights)
        if not self.layers or not 0 <= min(self.layers) <= max(self.layers) <= depth:
            raise IntoneError(
                f"{weights} has layers 0 to {depth}, and not {', '.join(map(str, self.layers)) or 'none'}."
            )
        self.width = int(config.d_model if whisper else config.hidden_size)
        self.inputs = _whisper_input(config) if whisper else _own_input(weights)
        self.network: nn.Module = WhisperTrunk(encoder, max(self.layers)) if whisper else encoder
        self.network.requires_grad_(False)

    @property
    def parameters(self) -> int:
        """How many run."""
        return sum(p.numel() for p in self.network.parameters())

    @cached_property
    def name(self) -> str:
        """sha256 of everything that runs, and the layers: names the states in caches."""
        return digest(self.layers, pretrained.digest_of(self.network))

    @torch.inference_mode()
    def __call__(self, signal: np.ndarray) -> np.ndarray:
        """[samples] -> [layers, T, D], float16; one clip at a time, so that no other clip's length touches it."""
        given = self.inputs(signal)
        if isinstance(self.network, WhisperTrunk):
            states = self.network(given["input_features"])
        else:
            states = self.network(**given, output_hidden_states=True).hidden_states
        return torch.cat([states[k] for k in self.layers]).numpy().astype(np.float16)


def _whisper_input(config: Any) -> Callable[[np.ndarray], dict[str, Tensor]]:
    extractor = FeatureExtractor(feature_size=config.num_mel_bins)
    longest = 2 * config.max_source_positions

    def inputs(signal: np.ndarray) -> dict[str, Tensor]:
        mel = extractor(signal, padding=0)[:, :longest]
        return {"input_features": torch.from_numpy(mel.astype(np.float32))[None]}

    return inputs


def _own_input(weights: str) -> Callable[[np.ndarray], dict[str, Tensor]]:
    extractor = pretrained.loaded(weights, AutoFeatureExtractor)

    def inputs(signal: np.ndarray) -> dict[str, Tensor]:
        found = extractor(signal, sampling_rate=SAMPLE_RATE, return_tensors="pt")
        return {k: v for k, v in found.items() if k in ("input_values", "input_features")}

    return inputs
