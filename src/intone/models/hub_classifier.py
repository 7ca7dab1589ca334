"""An audio classifier of `transformers` -> a graph for a model file, and the settings of its feature extractor."""

from typing import Any, Final

from torch import Tensor, nn
from transformers import AutoFeatureExtractor

from intone.audio.extractors import ExtractorSettings
from intone.audio.frames import FRAME_SAMPLES, HOP_SAMPLES, SAMPLE_RATE
from intone.errors import IntoneError
from intone.models.pretrained import loaded

LONGEST: Final = 15.0
"""Seconds of the longest window of a network that takes samples of any number; most sentences are shorter."""

SPECTRUM: Final = (400, 160)
"""Samples of a window and of a step of Whisper's log-mel: no model that is known has others."""


class HubGraph(nn.Module):
    """An audio classifier over its feature extractor's output; its embedding is what its last layers classify."""

    def __init__(self, network: nn.Module, features: ExtractorSettings) -> None:
        """`network` is taken apart: its classifier belongs to the graph."""
        super().__init__()
        whole: Any = network
        self.kind, self.head = features.kind, whole.classifier
        whole.classifier = nn.Identity()
        self.network = network

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """[windows, rows, frames] -> logits [windows, labels], embedding [windows, D]."""
        embedding: Tensor = self.network(self.inputs(features)).logits
        return self.head(embedding), embedding

    def inputs(self, features: Tensor) -> Tensor:
        """The network's input: samples [windows, samples], AST's [windows, frames, bands] or Whisper's as they are."""
        match self.kind:
            case "waveform":
                return features[:, 0]
            case "fbank":
                return features.transpose(1, 2)
        return features


def extractor(where: str, revision: str | None = None) -> ExtractorSettings:
    """The settings of a model's feature extractor. Raises IntoneError for one that intone can't compute."""
    found = loaded(where, AutoFeatureExtractor, revision=revision)
    if found.sampling_rate != SAMPLE_RATE:
        raise IntoneError(
            f"{where} takes sound at {found.sampling_rate} Hz, and intone works at {SAMPLE_RATE} Hz: take another."
        )
    match type(found).__name__:
        case "Wav2Vec2FeatureExtractor":
            return ExtractorSettings("waveform", bool(found.do_normalize))
        case "ASTFeatureExtractor":
            scale = (float(found.mean), float(found.std))
            return ExtractorSettings("fbank", bool(found.do_normalize), found.num_mel_bins, found.max_length, *scale)
        case "WhisperFeatureExtractor" if (found.n_fft, found.hop_length) == SPECTRUM:
            return ExtractorSettings("whisper_chunk", False, found.feature_size, found.nb_max_frames)
    raise IntoneError(
        f"{where} takes what a {type(found).__name__} of its settings computes, which intone doesn't: name a model "
        "that takes samples (wav2vec 2.0, HuBERT, WavLM), or AST or Whisper."
    )


def window(features: ExtractorSettings) -> float:
    """Seconds of the longest sound that fits into the network's input."""
    match features.kind:
        case "waveform":
            return LONGEST
        case "fbank":
            return ((features.frames - 1) * HOP_SAMPLES + FRAME_SAMPLES) / SAMPLE_RATE
    return features.frames * HOP_SAMPLES / SAMPLE_RATE
