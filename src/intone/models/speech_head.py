"""Classifiers of speech whose head is a dense layer, tanh and an output layer on pooled states; samples -> logits.

`transformers` has no class for them, yet many emotion models of the hub are of this kind: their configuration names
`Wav2Vec2ForSpeechClassification`, from a tutorial of 2021. Names of weights are those in their checkpoints.
"""

from typing import Any, Final

import torch
from torch import Tensor, nn
from transformers import HubertModel, HubertPreTrainedModel, Wav2Vec2Model, Wav2Vec2PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from intone.errors import IntoneError


class SpeechHead(nn.Module):
    """Pooled states [windows, D] -> logits [windows, labels]."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.out_proj = nn.Linear(config.hidden_size, config.num_labels)

    def forward(self, pooled: Tensor) -> Tensor:
        """[windows, D] -> [windows, labels]."""
        logits: Tensor = self.out_proj(torch.tanh(self.dense(pooled)))
        return logits


class Wav2Vec2SpeechClassifier(Wav2Vec2PreTrainedModel):
    """wav2vec 2.0 with such a head."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.wav2vec2, self.classifier, self.mode = Wav2Vec2Model(config), SpeechHead(config), _mode(config)
        self.post_init()

    def forward(self, input_values: Tensor) -> SequenceClassifierOutput:
        """Samples [windows, samples] -> logits [windows, labels]."""
        states = self.wav2vec2(input_values).last_hidden_state
        return SequenceClassifierOutput(logits=self.classifier(pooled(states, self.mode)))


class HubertSpeechClassifier(HubertPreTrainedModel):
    """HuBERT with such a head."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.hubert, self.classifier, self.mode = HubertModel(config), SpeechHead(config), _mode(config)
        self.post_init()

    def forward(self, input_values: Tensor) -> SequenceClassifierOutput:
        """Samples [windows, samples] -> logits [windows, labels]."""
        states = self.hubert(input_values).last_hidden_state
        return SequenceClassifierOutput(logits=self.classifier(pooled(states, self.mode)))


SPEECH_CLASSIFIERS: Final = {
    "Wav2Vec2ForSpeechClassification": Wav2Vec2SpeechClassifier,
    "HubertForSpeechClassification": HubertSpeechClassifier,
}
"""Architecture, as configurations name it -> its class."""


def pooled(states: Tensor, mode: str) -> Tensor:
    """[windows, T, D] -> mean, sum or max over time, [windows, D]."""
    match mode:
        case "sum":
            return states.sum(1)
        case "max":
            return states.amax(1)
    return states.mean(1)


def _mode(config: Any) -> str:
    mode = str(getattr(config, "pooling_mode", None) or "mean")
    if mode not in ("mean", "sum", "max"):
        raise IntoneError(f"This model pools its states by {mode!r}, which intone doesn't know: name another model.")
    return mode
