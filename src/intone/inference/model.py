"""One ONNX file -> a model for audio (mono float32, 16 kHz) and words, without torch; the file includes its card.

Inputs are `features` [windows, rows, frames] and, with a text branch, `tokens` [tokens]; outputs, in order, are the
audio branch's logits [windows, labels], its embedding [windows, D], the text branch's logits [labels] and, with a
learned fusion, the fused logits of each window and the sentence [windows, labels], all before any temperature.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime

from intone.audio.features import FeatureSettings, extract_trimmed
from intone.audio.frame_weights import room_power
from intone.audio.frames import SAMPLE_RATE
from intone.audio.trimming import speech_span
from intone.emotions import EMOTIONS
from intone.errors import BadClip, IntoneError, Missing
from intone.inference.fusion import RULES, softmax
from intone.per_process import PerProcess
from intone.text import Encoder, Subwords, Vocabulary

METADATA_KEY: Final = "intone"
"""Name of the metadata entry that holds the card."""

MIN_SAMPLES: Final = SAMPLE_RATE * 3 // 10
"""Samples; a shorter sound is padded with silence."""

LEARNED: Final = "learned"
"""The rule of a learned fusion: its logits are an output of the file."""

TINY: Final = 1e-12
"""Lowest probability before a logarithm is taken."""


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
    features: FeatureSettings
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

    @property
    def farthest(self) -> float:
        """Largest distance of a training clip: coughs and bells mostly lie beyond it, new speakers' speech within."""
        return self.known.get("distance", (0.0, math.inf))[1]

    def facts(self) -> list[str]:
        """Its scores, and how closely the file matches the network, one per line."""
        out = [f"sound alone, out of fold: {_listed(self.scores)}"] if self.scores else []
        if self.reading and self.reading.scores:
            marked = " (paired by label: measures fusion, not RAVDESS)" if self.reading.track == "natural" else ""
            out.append(f"sound and words, out of fold{marked}: {_listed(self.reading.scores)}")
        out.append(f"largest difference of a logit from the network: {self.parity:.1e}")
        return out + ([f"in 8 bits: {_listed(self.quantization)}"] if self.quantization else [])

    def as_json(self) -> str:
        """The card as JSON, as stored in the file."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def of_json(cls, text: str) -> "Card":
        """The card from the JSON in a file."""
        kept: dict[str, Any] = json.loads(text)
        reading = kept["reading"] and Reading(**{**kept["reading"], "vocabulary": tuple(kept["reading"]["vocabulary"])})
        known = {name: (low, high) for name, (low, high) in kept["known"].items()}
        features = FeatureSettings(**kept["features"])
        return cls(
            **{**kept, "features": features, "reading": reading, "known": known, "labels": tuple(kept["labels"])}
        )


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())


@dataclass(frozen=True)
class Prediction:
    """A model's prediction for one segment; probabilities [labels] are calibrated."""

    probabilities: np.ndarray
    audio: np.ndarray
    """From audio alone."""
    sentence: np.ndarray | None
    """From words alone; None without words."""
    windows: np.ndarray
    """From audio alone, window by window, [windows, labels]."""
    middles: np.ndarray
    """Middles of the windows, seconds from the segment's beginning."""
    distance: float
    """Root mean square of the standardised embedding: 1 for a clip like the training clips, more for others."""
    sure: bool
    """Whether the highest probability is high enough, and the distance no larger than that of any training clip."""


class Model:
    """A loaded model file."""

    def __init__(self, path: Path, threads: int = 0) -> None:
        """Raises IntoneError where the file isn't one of intone's, Missing where it isn't there."""
        self._session = PerProcess(partial(_session, path.absolute(), threads))
        self.card = Card.of_json(self.session.get_modelmeta().custom_metadata_map[METADATA_KEY])

    @property
    def session(self) -> onnxruntime.InferenceSession:
        """The network; loaded again after a fork or a pickle."""
        return self._session.get()

    @property
    def name(self) -> str:
        """Name, version and the beginning of the fingerprint."""
        return f"{self.card.name} {self.card.version} {self.card.fingerprint[:8]}"

    def predict(self, signal: np.ndarray, text: str = "") -> Prediction:
        """A segment [samples] and its words -> its prediction. Raises BadClip where the segment is silent."""
        reading = self.card.reading
        return self.predict_tokens(signal, reading.encoder.encode(text) if reading and text.strip() else None)

    def predict_tokens(self, signal: np.ndarray, tokens: np.ndarray | None) -> Prediction:
        """A segment [samples] and the ids [tokens] of its words, or None -> its prediction."""
        starts, windows = self.windows(signal)
        room = room_power(signal)
        features = np.stack([extract_trimmed(w, self.card.features, room) for w in windows])
        audio, embedding, sentence, fused = self.logits(features, tokens)
        each = softmax(audio / self.card.temperature)
        alone, together = each.mean(0), each.mean(0)
        said, unsure = None, self.card.unsure
        if sentence is not None and self.card.reading:
            said = softmax(sentence / self.card.reading.temperature)
            together, unsure = self.card.reading.joined(alone, said, fused), self.card.reading.unsure
        distance = float(np.sqrt(np.mean(np.square(embedding))))
        return Prediction(
            together,
            alone,
            said,
            each,
            (np.array(starts) + len(windows[0]) / 2) / SAMPLE_RATE,
            distance,
            bool(together.max() >= unsure and distance <= self.card.farthest),
        )

    def windows(self, signal: np.ndarray) -> tuple[list[int], list[np.ndarray]]:
        """A segment -> starts (samples) and signals of its windows, all of one length; silence around it is cut off."""
        trimmed, first = _trimmed(signal)
        length = min(len(trimmed), round(self.card.window * SAMPLE_RATE))
        count = 1 + max(0, -(-2 * (len(trimmed) - length) // length))
        starts = np.linspace(0, len(trimmed) - length, count).round().astype(int)
        return [first + int(s) for s in starts], [trimmed[s : s + length] for s in starts]

    def logits(
        self, features: np.ndarray, tokens: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]:
        """Features [windows, rows, frames] and ids [tokens] -> audio logits [windows, labels], embedding, sentence
        logits [labels], fused logits [windows, labels]; None without tokens, or where the file has no such output."""
        feed: dict[str, np.ndarray] = {"features": features}
        if self.card.reading:
            feed["tokens"] = np.ones(1, np.int64) if tokens is None else tokens
        audio, embedding, *read = self.session.run(None, feed)
        sentence, fused = (*read, None, None)[:2] if tokens is not None else (None, None)
        return audio, embedding, sentence, fused


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise Missing(f"There is no model file {path}: `intone export` makes one from a run.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        Card.of_json(session.get_modelmeta().custom_metadata_map[METADATA_KEY])
    # onnxruntime's own exceptions have no common base but Exception.
    except Exception as error:
        raise IntoneError(f"{path} is not a model file of intone's: `intone export` makes them.") from error
    return session


def _trimmed(signal: np.ndarray) -> tuple[np.ndarray, int]:
    """A segment without the silence around it, padded to `MIN_SAMPLES`, and its start."""
    if not np.isfinite(signal).all():
        raise BadClip("This signal holds samples that are not numbers (NaN or infinity).")
    start, end = speech_span(signal)
    trimmed = signal[start:end]
    if len(trimmed) < MIN_SAMPLES:
        trimmed = np.pad(trimmed, (0, MIN_SAMPLES - len(trimmed)))
    return trimmed, start
