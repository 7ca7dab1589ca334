"""A trained network -> the same network as one graph over plain features or token ids, for a model file.

The audio branch takes features [windows, rows, frames] and gives logits [windows, labels] and an embedding [windows,
D], which is standardised: about 1 in each number for a clip like the training clips. The text branch takes ids [tokens]
and gives logits [labels]. A learned fusion takes both and gives logits [windows, labels]: each window is fused with the
whole sentence.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import torch
from torch import Tensor, nn

from intone.audio.features import FeatureSettings
from intone.evaluation.calibration import Calibration
from intone.inference.card import Reading
from intone.models.branches import Branches
from intone.models.cnn import AudioCnn
from intone.models.encoder_head import AudioTransformer
from intone.models.linear_probe import MIN_PROMINENCE
from intone.models.rnn import BothWays
from intone.models.speech_encoder import WhisperTrunk
from intone.models.standardised import Standardised


@dataclass(frozen=True)
class SoundGraph:
    """The audio branch of a model file."""

    network: nn.Module
    """[windows, rows, frames] -> logits [windows, labels], embedding [windows, D]."""
    features: FeatureSettings
    """The features that the network takes."""


@dataclass(frozen=True)
class TextGraph:
    """The text branch of a model file."""

    network: nn.Module
    reading: Reading
    """How sentences become ids."""


@dataclass(frozen=True)
class ModelGraph:
    """Everything in a model file except what is measured with it."""

    network: "FileGraph"
    features: FeatureSettings
    calibration: Calibration
    """Calibration of the audio branch alone."""
    reading: Reading | None = None


OUTPUTS: Final = ("audio", "embedding", "sentence", "fused")
"""Outputs of a model file, in order; without a text branch or a learned fusion, a file has only the first of them."""


class SpectrogramGraph(nn.Module):
    """A network over standardised features, with the statistics that standardise them."""

    def __init__(self, network: Standardised) -> None:
        super().__init__()
        self.mean, self.deviation = network.mean.clone(), network.deviation.clone()
        self.network = network.folded() if isinstance(network, AudioCnn) else network

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """[windows, rows, frames] -> logits, embedding."""
        logits, embedding = self.network(*self.inputs(features))
        return logits, embedding

    def inputs(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """The network's inputs: standardised features, and their frames."""
        return ((features - self.mean) / self.deviation)[:, None], whole(features[:, 0])

    def around(self, network: nn.Module) -> "SpectrogramGraph":
        """This graph around another network of its kind."""
        assert isinstance(network, Standardised)
        return SpectrogramGraph(network)


class ProbeGraph(nn.Module):
    """Whisper's first blocks, mean and deviation over the clip, one logistic regression per layer, averaged.

    Features have as many rows as Whisper takes, or one more, the frames' weights (audio/frame_weights.py).
    """

    def __init__(self, trunk: WhisperTrunk, readers: Mapping[int, Mapping[str, Tensor]]) -> None:
        """`readers`: layer (1 is the first block's output) -> `mean, deviation` [2D], `weight` [labels, 2D], `bias`."""
        super().__init__()
        self.trunk, self.layers = trunk, tuple(readers)
        self.readers = nn.ModuleList(LayerReader(parts) for parts in readers.values())

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """[windows, rows, frames] -> logits, embedding."""
        bands = self.trunk.bands
        states = self.trunk(features[:, :bands])
        prominent = features[:, bands:] if features.shape[1] > bands else torch.ones_like(features[:, :1])
        # Every second frame, computed like the convolution below the states, so that the graph has equal lengths.
        share = nn.functional.avg_pool1d(prominent, 1, 2).clamp_min(0).transpose(1, 2) + MIN_PROMINENCE
        share = share / share.sum(1, keepdim=True)
        said = [reader(states[k], share) for k, reader in zip(self.layers, self.readers, strict=True)]
        logits = torch.stack([logits for logits, _ in said]).mean(0)
        return logits, torch.cat([standard for _, standard in said], 1)


class LayerReader(nn.Module):
    """States [windows, T, D] of one layer -> log-probabilities [windows, labels], standardised pooled states."""

    def __init__(self, parts: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.mean, self.deviation = nn.Parameter(parts["mean"]), nn.Parameter(parts["deviation"])
        self.linear = nn.Linear(parts["weight"].shape[1], parts["weight"].shape[0])
        self.linear.load_state_dict({"weight": parts["weight"], "bias": parts["bias"]})

    def forward(self, states: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation over time, weighted by `share` [windows, T, 1]; standardised, then the regression."""
        mean = (share * states).sum(1)
        deviation = (share * (states - mean[:, None]) ** 2).sum(1).sqrt()
        standard = (torch.cat([mean, deviation], 1) - self.mean) / self.deviation
        return self.linear(standard).log_softmax(1), standard


class HeadGraph(nn.Module):
    """Whisper's first blocks and the network that was trained on chosen layers of them."""

    def __init__(self, trunk: WhisperTrunk, layers: Sequence[int], network: AudioTransformer) -> None:
        super().__init__()
        self.trunk, self.layers, self.network = trunk, tuple(layers), network

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """[windows, bands, frames] -> logits, embedding."""
        logits, embedding = self.network(*self.inputs(features))
        return logits, embedding

    def inputs(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """The network's inputs: states of the chosen layers, and their count."""
        states = self.trunk(features[:, : self.trunk.bands])
        chosen = torch.stack([states[k] for k in self.layers], 1)
        return chosen, whole(chosen[:, 0, :, 0])

    def around(self, network: nn.Module) -> "HeadGraph":
        """This trunk below another network of its kind."""
        assert isinstance(network, AudioTransformer)
        return HeadGraph(self.trunk, self.layers, network)


class EnsembleGraph(nn.Module):
    """Several graphs over the same features; their calibrated logits are averaged."""

    def __init__(self, parts: Sequence[nn.Module], temperatures: Sequence[float]) -> None:
        super().__init__()
        self.parts, self.temperatures = nn.ModuleList(parts), tuple(temperatures)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """[windows, rows, frames] -> logits, the parts' embeddings concatenated."""
        answers = [part(features) for part in self.parts]
        logits = torch.stack([own / t for (own, _), t in zip(answers, self.temperatures, strict=True)]).mean(0)
        return logits, torch.cat([embedding for _, embedding in answers], 1)


class BothWaysOperator(nn.Module):
    """`BothWays` as ONNX's own bidirectional operator, for one whole sentence; it runs only in a model file."""

    ORDER: ClassVar = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2)}
    """ONNX's order of the gates, by their indices in torch's."""

    def __init__(self, layer: BothWays) -> None:
        super().__init__()
        self.kind, self.hidden = type(layer.on).__name__, int(layer.on.hidden_size)
        both = (layer.on, layer.back)
        self.inward = nn.Parameter(torch.stack([self._turned(x.weight_ih_l0) for x in both]))
        self.around = nn.Parameter(torch.stack([self._turned(x.weight_hh_l0) for x in both]))
        biases = [torch.cat([self._turned(x.bias_ih_l0), self._turned(x.bias_hh_l0)]) for x in both]
        self.bias = nn.Parameter(torch.stack(biases))

    def _turned(self, weight: Tensor) -> Tensor:
        parts = weight.detach().chunk(len(self.ORDER[self.kind]))
        return torch.cat([parts[i] for i in self.ORDER[self.kind]])

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """[1, T, inward] -> states of both directions at each token, [1, T, 2 * hidden]."""
        settings: dict[str, Any] = {"hidden_size": self.hidden, "direction": "bidirectional"}
        if self.kind == "GRU":
            settings["linear_before_reset"] = 1  # as in torch, unlike in the original GRU
        length = x.shape[1]
        inputs = (x.transpose(0, 1), self.inward, self.around, self.bias)
        shape = (length, 2, 1, self.hidden)
        y = torch.onnx.ops.symbolic(self.kind, inputs, settings, dtype=x.dtype, shape=shape)
        return y.permute(2, 0, 1, 3).reshape(1, length, 2 * self.hidden)


def with_operators(network: nn.Module) -> nn.Module:
    """A copy of the network whose recurrent layers are ONNX's operators."""
    twin = deepcopy(network)
    for module in list(twin.modules()):
        for name, part in module.named_children():
            if isinstance(part, BothWays):
                setattr(module, name, BothWaysOperator(part))
    return twin


class SentenceGraph(nn.Module):
    """A text network over one sentence."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Tensor) -> Tensor:
        """[tokens] int64 -> logits [labels]."""
        logits: Tensor = self.network(*self.inputs(tokens))[0][0]
        return logits

    def inputs(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """The network's inputs: one sentence's ids, and their count."""
        return tokens[None], whole(tokens[None])


class FusionGraph(nn.Module):
    """A learned fusion of audio and text branch; a graph computes branches that `FileGraph` shares only once."""

    def __init__(self, fusion: Branches, sound: SpectrogramGraph | HeadGraph, reading: SentenceGraph) -> None:
        """`sound` and `reading` hold the fusion's branches, which are removed from `fusion` itself."""
        super().__init__()
        self.fusion, self.sound, self.reading = fusion, sound, reading
        fusion.branches = nn.ModuleList()

    def forward(self, features: Tensor, tokens: Tensor) -> Tensor:
        """[windows, rows, frames], [tokens] -> logits [windows, labels]."""
        sound = self.fusion.given(self.sound.network, self.sound.inputs(features))
        read = self.fusion.given(self.reading.network, self.reading.inputs(tokens))
        repeated = tuple(x.expand(features.shape[0], *x.shape[1:]) for x in read)
        logits: Tensor = self.fusion.joined((sound, repeated), self.fusion.hidden(features))[0]
        return logits


class FileGraph(nn.Module):
    """The audio branch, the text branch if there is one, and a learned fusion of both if there is one."""

    def __init__(self, sound: nn.Module, reading: nn.Module | None, fusing: FusionGraph | None = None) -> None:
        super().__init__()
        self.sound, self.reading, self.fusing = sound, reading, fusing

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of its outputs, from `OUTPUTS`."""
        return OUTPUTS[: 2 + (self.reading is not None) + (self.fusing is not None)]

    def forward(self, features: Tensor, tokens: Tensor | None = None) -> tuple[Tensor, ...]:
        """Audio logits [windows, labels], embedding [windows, D]; text logits [labels], fused [windows, labels]."""
        out: tuple[Tensor, ...] = self.sound(features)
        if self.reading is not None:
            out = (*out, self.reading(tokens))
        return out if self.fusing is None else (*out, self.fusing(features, tokens))


def whole(like: Tensor) -> Tensor:
    """[B, T] -> T for each of the B, as nothing is padded. It is counted, since T would be a constant in a graph."""
    return torch.ones_like(like, dtype=torch.int64).sum(1)
