"""Clip (mono float32, 16 kHz) -> hidden states of chosen layers of a pretrained speech encoder, [layers, T, D].

Whisper's encoder (Radford et al. 2023) gets the clip's own frames, not padded to 30 s; wav2vec 2.0, HuBERT, WavLM and
AST get what their own feature extractors compute. The encoder is cut after the last layer that is asked for: the middle
layers carry the emotion, and the layers above need not be computed, kept or shipped.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from faster_whisper.feature_extractor import FeatureExtractor
from torch import Tensor, nn
from transformers import AutoFeatureExtractor

from intone.audio.frame_weights import prominence
from intone.audio.frames import HOP_SAMPLES, SAMPLE_RATE
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
        self.longest = 2 * int(whole.config.max_source_positions)
        self.bands = int(whole.config.num_mel_bins)
        self.extractor = FeatureExtractor(feature_size=self.bands)

    def forward(self, mel: Tensor) -> list[Tensor]:
        """[1, bands, frames] -> the blocks' input and each block's output, [1, frames / 2, D]."""
        x = nn.functional.gelu(self.second(nn.functional.gelu(self.first(mel)))).transpose(1, 2)
        states = [x + self.positions.weight[: x.shape[1]]]
        for block in self.blocks:
            out = block(states[-1], None)
            states.append(out[0] if isinstance(out, tuple) else out)
        return states

    def given(self, signal: np.ndarray) -> Tensor:
        """[samples] -> log-mel [1, bands, frames], as Whisper was trained with."""
        mel = self.extractor(signal, padding=0)[:, : self.longest]
        return torch.from_numpy(mel.astype(np.float32))[None]

    def encode(self, signal: np.ndarray) -> list[Tensor]:
        """[samples] -> states by layer, [1, T, D]."""
        states: list[Tensor] = self(self.given(signal))
        return states

    def settings(self) -> dict[str, Any]:
        """What the states depend on besides weights and configuration."""
        return {"longest": self.longest}


class HubTrunk(nn.Module):
    """wav2vec 2.0, HuBERT, WavLM or AST as `transformers` runs them, with as few blocks as the top layer needs."""

    def __init__(self, weights: str, encoder: nn.Module, top: int, depth: int) -> None:
        super().__init__()
        self.whole = encoder
        self.blocks = [m for m in encoder.modules() if isinstance(m, nn.ModuleList) and len(m) == depth][-1]
        del self.blocks[top + 1 :]  # one more than needed: some encoders normalise their last block's output
        self.extractor: Any = pretrained.loaded(weights, AutoFeatureExtractor)
        config: Any = encoder.config
        self.patches = config.model_type == "audio-spectrogram-transformer"
        if self.patches:
            self.high = (config.num_mel_bins - config.patch_size) // config.frequency_stride + 1
            self.stride = int(config.time_stride)

    def encode(self, signal: np.ndarray) -> list[Tensor]:
        """[samples] -> states by layer, [1, T, D]."""
        found = self.extractor(signal, sampling_rate=SAMPLE_RATE, return_tensors="pt")
        given = {k: v for k, v in found.items() if k in ("input_values", "input_features")}
        states = self.whole(**given, output_hidden_states=True).hidden_states
        return [self._columns(x, len(signal)) for x in states] if self.patches else list(states)

    def _columns(self, x: Tensor, samples: int) -> Tensor:
        """AST's tokens [1, 2 + rows * columns, D] -> the mean over rows of the clip's own columns, [1, T, D]."""
        grid = x[:, 2:].unflatten(1, (self.high, -1)).mean(1)
        return grid[:, : max(1, -(-samples // (HOP_SAMPLES * self.stride)))]

    def settings(self) -> dict[str, Any]:
        """What the states depend on besides weights and configuration."""
        found: dict[str, Any] = self.extractor.to_dict()
        return found


class SpeechStates:
    """A pretrained encoder: `states(signal)` gives the states of the chosen layers."""

    def __init__(self, weights: str, layers: Sequence[int]) -> None:
        """`layers` count from 1, the first block's output; 0 is its input.

        Raises IntoneError where the encoder has fewer layers, and what `pretrained.encoder` raises.
        """
        self.layers = tuple(layers)
        encoder = pretrained.encoder(weights)
        depth, self.config = pretrained.depth(weights), pretrained.settings(encoder)
        if not self.layers or not 0 <= min(self.layers) <= max(self.layers) <= depth:
            raise IntoneError(
                f"{weights} has layers 0 to {depth}, and not {', '.join(map(str, self.layers)) or 'none'}."
            )
        top = max(self.layers)
        self.network: WhisperTrunk | HubTrunk = (
            WhisperTrunk(encoder, top)
            if self.config["model_type"] == "whisper"
            else HubTrunk(weights, encoder, top, depth)
        )
        self.width = int(self.config["d_model" if isinstance(self.network, WhisperTrunk) else "hidden_size"])
        self.network.requires_grad_(False)

    def parameters(self, top: int | None = None) -> int:
        """Number of parameters in use; with `top`, of the encoder cut after that layer."""
        count = sum(p.numel() for p in self.network.parameters())
        if top is None:
            return count
        kept = top + isinstance(self.network, HubTrunk)
        return count - sum(p.numel() for block in self.network.blocks[kept:] for p in block.parameters())

    @cached_property
    def name(self) -> str:
        """sha256 of everything that the states depend on: names them in caches."""
        settings = digest(list(self.layers), self.config, self.network.settings())
        return digest(settings, pretrained.digest_of(self.network))

    @torch.inference_mode()
    def __call__(self, signal: np.ndarray) -> np.ndarray:
        """[samples] -> [layers, T, D], float16; one clip at a time, independent of others' lengths."""
        states = self.network.encode(signal)
        return torch.cat([states[k] for k in self.layers]).numpy().astype(np.float16)

    def prominence(self, part: np.ndarray, room: float, states: int) -> np.ndarray:
        """Prominence of each of the `states` states of a part of a clip whose `room_power` is `room`, [T]."""
        if not isinstance(self.network, WhisperTrunk):
            return prominence(part, room, states)
        frames = len(part) // HOP_SAMPLES  # per frame, as in a model file; the convolutions keep every second one
        return prominence(part, room, frames)[::2][:states]
