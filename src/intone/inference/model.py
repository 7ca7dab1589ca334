"""One ONNX file -> a model for audio (mono float32, 16 kHz) and words, without torch; the file includes its card.

Inputs are `features` [windows, rows, frames] and, with a text branch, `tokens` [tokens]; outputs, in order, are the
audio branch's logits [windows, labels], its embedding [windows, D], the text branch's logits [labels] and, with a
learned fusion, the fused logits of each window and the sentence [windows, labels], all before any temperature.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime

from intone.audio.extractors import of_windows
from intone.audio.features import FeatureSettings
from intone.audio.frames import SAMPLE_RATE
from intone.audio.trimming import speech_span
from intone.device import CPU
from intone.errors import BadClip, IntoneError, Missing
from intone.inference.card import METADATA_KEY, Card
from intone.inference.fusion import softmax
from intone.inference.session import NoGpu, session
from intone.inference.voice import Voice, VoiceModel
from intone.per_process import PerProcess

VOICE_KEY: Final = "intone-voice"
"""Name of the one that holds the model of voices, where the file has one."""

VOICE_FACTS_KEY: Final = "intone-voice-facts"
"""Name of the one that says, in a line, what that was learned from and under which licence."""

STRANGER: Final = 1.5
"""How many times as far from the training clips as the farthest of these a new voice's speech may be; tones, bells and
white noise were 1.55 to 2.3 times as far."""

MIN_SAMPLES: Final = SAMPLE_RATE * 3 // 10
"""Samples; a shorter sound is padded with silence."""


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
    embedding: np.ndarray
    """Embedding of each window, [windows, D]."""
    logits: np.ndarray
    """The audio branch's logits of each window, before any temperature, [windows, labels]."""
    known: int = 0
    """Other sentences of the same voice that the prediction was adapted with; 0: it is that of an unseen speaker."""


class Model:
    """A loaded model file."""

    def __init__(self, path: Path, threads: int = 0, device: str = CPU) -> None:
        """Raises IntoneError where the file isn't one of intone's, or the device not there, Missing where the file
        isn't there."""
        self._session = PerProcess(partial(_loaded, path.absolute(), threads, device))
        metadata = self.session.get_modelmeta().custom_metadata_map
        self.card = Card.of_json(metadata[METADATA_KEY])
        self.voices = VoiceModel.of_text(metadata[VOICE_KEY]) if VOICE_KEY in metadata else None
        """What adapts predictions to a voice; None where the file can't."""
        self.voice_facts = metadata.get(VOICE_FACTS_KEY, "")
        """What that was learned from, in a line."""

    @property
    def session(self) -> onnxruntime.InferenceSession:
        """The network; loaded again after a fork or a pickle."""
        return self._session.get()

    @property
    def name(self) -> str:
        """Name, version and the beginning of the fingerprint."""
        return f"{self.card.name} {self.card.version} {self.card.fingerprint[:8]}"

    def facts(self) -> list[str]:
        """The card's facts, and what the model of voices was learned from, one per line."""
        return [*self.card.facts(), *filter(None, [self.voice_facts])]

    def predict(self, signal: np.ndarray, text: str = "") -> Prediction:
        """A segment [samples] and its words -> its prediction. Raises BadClip where the segment is silent."""
        reading = self.card.reading
        return self.predict_tokens(signal, reading.encoder.encode(text) if reading and text.strip() else None)

    def predict_tokens(self, signal: np.ndarray, tokens: np.ndarray | None) -> Prediction:
        """A segment [samples] and the ids [tokens] of its words, or None -> its prediction.

        Raises IntoneError for a file that rates dimensions."""
        self.check(dimensions=False)
        starts, windows = self.windows(signal)
        audio, embedding, sentence, fused = self.logits(self.features(signal, windows), tokens)
        each = softmax(audio / self.card.temperature)
        said = None
        if sentence is not None and self.card.reading:
            said = softmax(sentence / self.card.reading.temperature)
        together, unsure = self._joined(each.mean(0), self.card.unsure, said, fused)
        distance = float(np.sqrt(np.mean(np.square(embedding))))
        return Prediction(
            together,
            each.mean(0),
            said,
            each,
            (np.array(starts) + len(windows[0]) / 2) / SAMPLE_RATE,
            distance,
            bool(together.max() >= unsure and distance <= self.card.farthest),
            embedding,
            audio,
        )

    def rated(self, signal: np.ndarray) -> dict[str, float]:
        """A segment [samples] -> dimension -> its rating from 0 to 1, the mean over windows. Raises BadClip as
        `predict` does, IntoneError for a file that predicts emotions."""
        self.check(dimensions=True)
        _, windows = self.windows(signal)
        ratings = self.logits(self.features(signal, windows))[0].mean(0)
        return dict(zip(self.card.labels, map(float, ratings.clip(0, 1)), strict=True))

    def check(self, dimensions: bool) -> None:
        """Raises IntoneError for a file of the other kind than the one that is wanted."""
        if self.card.dimensions and not dimensions:
            raise IntoneError(
                f"{self.card.name} rates dimensions: give it with --dimensions, and another with --model."
            )
        if dimensions and not self.card.dimensions:
            raise IntoneError(f"{self.card.name} predicts emotions and rates no dimensions: give it with --model.")

    @property
    def strangest(self) -> float:
        """Largest distance of a sentence that tells of a voice: beyond it lie tones, bells and noise."""
        return STRANGER * self.card.farthest

    def adapted(self, prediction: Prediction, voice: Voice) -> Prediction:
        """A prediction given other sentences of the same voice; as it is where none are known, or the file can't."""
        if self.voices is None or not voice.count:
            return prediction
        each = self.voices.probabilities(prediction.embedding, prediction.logits, voice)
        alone, threshold = each.mean(0), self.voices.unsure(voice.count)
        together, unsure = self._joined(alone, threshold, prediction.sentence)
        near = self.voices.distance(prediction.embedding, voice) <= self.voices.farthest[0]
        sure = bool(together.max() >= unsure and near and prediction.distance <= self.strangest)
        return replace(prediction, probabilities=together, audio=alone, windows=each, sure=sure, known=voice.count)

    @staticmethod
    def voice(prediction: Prediction) -> Voice:
        """What this one sentence tells of its voice."""
        shares: np.ndarray = softmax(prediction.logits).mean(0, keepdims=True)
        return Voice.of(prediction.embedding.mean(0, keepdims=True), shares)

    def _joined(
        self, alone: np.ndarray, threshold: float, said: np.ndarray | None, fused: np.ndarray | None = None
    ) -> tuple[np.ndarray, float]:
        """The audio branch's probabilities and threshold, and the text branch's -> those of both."""
        if said is None or self.card.reading is None:
            return alone, threshold
        return self.card.reading.joined(alone, said, fused), self.card.reading.unsure

    def windows(self, signal: np.ndarray) -> tuple[list[int], list[np.ndarray]]:
        """A segment -> starts (samples) and signals of its windows, all of one length.

        Silence around it is cut off, unless the network takes what an extractor of transformers makes of the whole."""
        trimmed, first = _trimmed(signal, isinstance(self.card.features, FeatureSettings))
        length = min(len(trimmed), round(self.card.window * SAMPLE_RATE))
        count = 1 + max(0, -(-2 * (len(trimmed) - length) // length))
        starts = np.linspace(0, len(trimmed) - length, count).round().astype(int)
        return [first + int(s) for s in starts], [trimmed[s : s + length] for s in starts]

    def features(self, signal: np.ndarray, windows: Sequence[np.ndarray]) -> np.ndarray:
        """A segment and its `windows` -> their features [windows, rows, frames]."""
        return of_windows(windows, signal, self.card.features)

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


def _loaded(path: Path, threads: int, device: str) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise Missing(f"There is no model file {path}: `intone export` makes one from a run.")
    try:
        made = session(path, threads, device)
        Card.of_json(made.get_modelmeta().custom_metadata_map[METADATA_KEY])
    except NoGpu:
        raise
    # onnxruntime's own exceptions have no common base but Exception.
    except Exception as error:
        raise IntoneError(f"{path} is not a model file of intone's: `intone export` makes them.") from error
    return made


def _trimmed(signal: np.ndarray, cut: bool) -> tuple[np.ndarray, int]:
    """A segment, with `cut` without the silence around it, padded to `MIN_SAMPLES`, and its start."""
    if not np.isfinite(signal).all():
        raise BadClip("This signal holds samples that are not numbers (NaN or infinity).")
    start, end = speech_span(signal)  # it refuses silence
    if not cut:
        start, end = 0, len(signal)
    trimmed = signal[start:end]
    if len(trimmed) < MIN_SAMPLES:
        trimmed = np.pad(trimmed, (0, MIN_SAMPLES - len(trimmed)))
    return trimmed, start
