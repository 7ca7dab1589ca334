"""The metadata of a model file, as JSON -> its card: everything in the file except its weights."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np

from intone.audio.extractors import Features, settings_of
from intone.emotions import EMOTIONS
from intone.inference.fusion import RULES, softmax
from intone.text import Encoder, Subwords, Vocabulary

METADATA_KEY: Final = "intone"
"""Name of the metadata entry that holds the card."""

LEARNED: Final = "learned"
"""The rule of a learned fusion: its logits are an output of the file."""

TINY: Final = 1e-12
"""Lowest probability before a logarithm is taken."""


UNCALIBRATED: Final = (
    "calibration unknown: its probabilities are the network's own until `intone calibrate` has seen clips"
)
"""The fact about a model of others, whose temperature nobody has chosen."""


@dataclass(frozen=True)
class Reading:
    """A model's text branch, and its fusion with the audio branch."""

    vocabulary: tuple[str, ...] = ()
    """Words by id; empty with a pretrained tokenizer."""
    tokenizer: str = ""
    """The pretrained tokenizer, as JSON of the library `tokenizers`."""
    longest: int = 64
    """Tokens kept of a sentence."""
    temperature: float = 1.0
    """Temperature of the text branch's logits."""
    rule: str = "fusion_late_weighted"
    """Rule that fuses the two branches' predictions (fusion.py), or `LEARNED`."""
    weight: float = 0.5
    """Weight of the audio branch against the text branch, in a weighted fusion."""
    fused_temperature: float = 1.0
    """Temperature of the fused logits."""
    unsure: float = 0.0
    """The card's `unsure`, for audio and words together."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """The card's `scores`, for audio and words together."""
    track: str = ""
    """Track of the words in `scores` (data/texts.py): `natural` ones are paired by label, and measure only fusion."""

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder of sentences into ids."""
        return Subwords(self.tokenizer, self.longest) if self.tokenizer else Vocabulary(self.vocabulary)

    def joined(self, sound: np.ndarray, read: np.ndarray, fused: np.ndarray | None = None) -> np.ndarray:
        """Calibrated probabilities [labels] of the audio branch and of the text branch -> fused probabilities [labels].

        With a learned fusion they are the mean over windows, from the fused logits [windows, labels].
        """
        if fused is not None:
            together: np.ndarray = softmax(fused / self.fused_temperature).mean(0)
            return together
        branches = [np.log(np.maximum(p, TINY)) for p in (sound, read)]
        return softmax(RULES[self.rule](branches, self.weight) / self.fused_temperature)


@dataclass(frozen=True)
class Card:
    """Everything in a model file except its weights."""

    name: str
    version: str
    """Version of intone that made it."""
    features: Features
    """The input that its network takes."""
    temperature: float
    """Temperature of the audio branch's logits (Guo et al. 2017), from clips of speakers unseen by the model, or by the
    models of its folds."""
    fingerprint: str
    """Fingerprint of settings and training data."""
    trained_on: str
    licence: str
    unsure: float = 0.0
    """Confidence below which a prediction from audio alone is "unsure"; chosen on speakers unseen in the same way."""
    language: str = "en"
    """The language of words that it takes."""
    languages: tuple[str, ...] = ("en",)
    """Languages of the clips that it was trained on."""
    window: float = 5.0
    """Longest input in seconds; a longer segment is divided into windows that overlap by half."""
    known: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Lowest and highest level, bandwidth, SNR and distance of its training clips (ood.py)."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Scores of the audio branch alone on unseen speakers (out of fold)."""
    parity: float = 0.0
    """Largest difference of a logit from the network that the file was made from, in 32 bits."""
    quantization: Mapping[str, float] = field(default_factory=dict)
    """Where weights are 8-bit: how the predictions differ from those in 32 bits."""
    reading: Reading | None = None
    labels: tuple[str, ...] = EMOTIONS
    dimensions: bool = False
    """Whether its outputs are ratings of `labels`, each from 0 to 1, and no logits of emotions."""
    calibrated: bool = True
    """Whether temperature and `unsure` were chosen on labelled clips; else probabilities are the network's own."""
    calibrated_on: str = ""
    """The clips of `intone calibrate`, and what it found on them."""

    @property
    def corpora(self) -> tuple[str, ...]:
        """Names of the corpora that it was trained on."""
        return tuple(self.trained_on.split(",")[0].split("+"))

    @property
    def farthest(self) -> float:
        """Largest distance of a training clip: coughs and bells mostly lie beyond it, new speakers' speech within."""
        return self.known.get("distance", (0.0, math.inf))[1]

    def facts(self) -> list[str]:
        """Its scores, how closely the file matches the network, and how it was calibrated, one per line."""
        out = [f"sound alone, out of fold: {_listed(self.scores)}"] if self.scores else []
        if self.reading and self.reading.scores:
            marked = " (paired by label: measures fusion, not RAVDESS)" if self.reading.track == "natural" else ""
            out.append(f"sound and words, out of fold{marked}: {_listed(self.reading.scores)}")
        if self.dimensions:
            out.append(f"rates {', '.join(self.labels)}, each from 0 to 1")
        out.append(f"largest difference of a logit from the network: {self.parity:.1e}")
        if self.quantization:
            out.append(f"in 8 bits: {_listed(self.quantization)}")
        if self.calibrated_on:
            out.append(f"calibrated on {self.calibrated_on}")
        return out if self.calibrated else [*out, UNCALIBRATED]

    def as_json(self) -> str:
        """The card as JSON, as stored in the file."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def of_json(cls, text: str) -> "Card":
        """The card from the JSON in a file."""
        kept: dict[str, Any] = json.loads(text)
        reading = kept["reading"] and Reading(**{**kept["reading"], "vocabulary": tuple(kept["reading"]["vocabulary"])})
        known = {name: (low, high) for name, (low, high) in kept["known"].items()}
        return cls(
            **{
                **kept,
                "features": settings_of(kept["features"]),
                "reading": reading,
                "known": known,
                "labels": tuple(kept["labels"]),
                "languages": tuple(kept.get("languages", ("en",))),
            }
        )


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())
