"""Embeddings of a speaker's sentences [k, D] -> that voice's statistics -> log-probabilities relative to the voice.

A voice differs from others more than an emotion differs from the next. Where sentences of the speaker are known, with
no label, their mean is an estimate of the voice, and what is left after subtracting it is emotion. The estimate is the
posterior mean under a normal prior over voices (as in MAP adaptation of speaker models; Gauvain & Lee 1994, IEEE
Transactions on Speech and Audio Processing 2, 291-298): few sentences move it little. NumPy alone.
"""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from intone.inference.fusion import log_softmax, softmax

PLAIN_WEIGHT: Final = 1.0
"""Sentences that the plain model's prediction weighs as much as: of k, the adapted one weighs k / (k + 1). It protects
single sentences; from development on training actors, where 0 and 3 were worse."""

DEVIATION_WEIGHT: Final = 60.0
"""Sentences that the prior deviation of a voice weighs as much as."""

HALF: Final = ("mean", "emotions", "weight", "bias")
"""Arrays that a model file stores in half precision; a variance may be too small for that."""

ONE_SIDED: Final = (0.15, 0.2)
"""Offset of the mean that the sentences' own emotions explain, root mean square in standard deviations of a voice, from
which it is removed in part, and from which wholly. Of eight random sentences nine in ten have less than 0.14; eight
neutral ones have 0.23, and without this their mean would be taken for the voice's."""


@dataclass(frozen=True)
class Voice:
    """Statistics of one speaker's sentences: no sound, no words, no label."""

    count: int
    """Number of sentences."""
    mean: np.ndarray
    """Mean embedding, [D]."""
    square: np.ndarray
    """Mean of the squared embeddings, [D]."""
    proportions: np.ndarray
    """Mean probabilities of the plain model, [labels]."""

    @classmethod
    def of(cls, embeddings: np.ndarray, probabilities: np.ndarray) -> "Voice":
        """From k sentences: embeddings [k, D], the plain model's probabilities [k, labels]; k may be 0."""
        if not len(embeddings):
            width = embeddings.shape[1]
            return cls(0, np.zeros(width), np.zeros(width), np.zeros(probabilities.shape[1]))
        x = embeddings.astype(np.float64)
        return cls(len(x), x.mean(0), (x**2).mean(0), probabilities.mean(0))

    def without(self, other: "Voice") -> "Voice":
        """Statistics of the rest, where the other's sentences are among these."""
        return self + Voice(-other.count, other.mean, other.square, other.proportions)

    def __add__(self, other: "Voice") -> "Voice":
        """Statistics of both sets of sentences."""
        count = self.count + other.count
        if not count:
            return Voice(0, 0 * self.mean, 0 * self.square, 0 * self.proportions)
        parts = ((self, self.count / count), (other, other.count / count))
        return Voice(
            count,
            sum((v.mean * share for v, share in parts), np.zeros_like(self.mean)),
            sum((v.square * share for v, share in parts), np.zeros_like(self.square)),
            sum((v.proportions * share for v, share in parts), np.zeros_like(self.proportions)),
        )


@dataclass(frozen=True)
class VoiceModel:
    """A linear probe of embeddings relative to the voice, and the prior over voices; D = layers * width."""

    mean: np.ndarray
    """Mean voice, [D]."""
    between: np.ndarray
    """Variance of voices, [D]."""
    within: np.ndarray
    """Variance of one voice's sentences, [D]."""
    emotions: np.ndarray
    """Mean of each label's sentences relative to their voices, [labels, D]."""
    weight: np.ndarray
    """Coefficients on embeddings relative to the voice, in standard deviations, [layers, labels, width]."""
    bias: np.ndarray
    """[layers, labels]."""
    counts: np.ndarray
    """Numbers of sentences, rising, [K] ..."""
    temperatures: np.ndarray
    """... the temperature of a prediction that was adapted with so many, [K] ..."""
    thresholds: np.ndarray
    """... and the confidence below which it is `unsure`, [K]."""
    farthest: np.ndarray
    """Largest distance of a training clip from its voice, [1]: what is farther isn't like speech of that voice."""

    def relative(self, embeddings: np.ndarray, voice: Voice) -> np.ndarray:
        """Embeddings [N, D] -> relative to the voice, in its standard deviations, [N, D]."""
        centre, deviation = self.estimate(voice)
        return (embeddings - centre) / deviation

    def distance(self, embeddings: np.ndarray, voice: Voice) -> float:
        """Root mean square of embeddings [N, D] relative to the voice: 1 for a usual sentence of it."""
        return float(np.sqrt(np.mean(np.square(self.relative(embeddings, voice)))))

    def estimate(self, voice: Voice) -> tuple[np.ndarray, np.ndarray]:
        """A voice's mean and standard deviation [D]: those of all voices where nothing is known of it."""
        usual = np.sqrt(self.within)
        if not voice.count:
            return self.mean, usual
        share = self.between / (self.between + self.within / voice.count)
        offset = (voice.proportions - 1 / len(voice.proportions)) @ self.emotions
        removed = self._one_sided(offset / usual)
        centre = self.mean + share * (voice.mean - removed * offset - self.mean)
        prior = DEVIATION_WEIGHT / (voice.count + DEVIATION_WEIGHT)
        spread = voice.square - 2 * voice.mean * centre + centre**2
        variance = prior * self.within + (1 - prior) * ((1 - removed) * spread + removed * self.within)
        return centre, np.sqrt(variance)

    def _one_sided(self, offset: np.ndarray) -> float:
        """How much of the offset [D] that the sentences' emotions explain is removed, 0 to 1."""
        low, high = ONE_SIDED
        size = np.sqrt((offset.reshape(len(self.bias), -1) ** 2).mean(1)).mean()
        return float(np.clip((size - low) / (high - low), 0, 1))

    def adapted(self, embeddings: np.ndarray, voice: Voice) -> np.ndarray:
        """Embeddings [N, D] -> mean log-probabilities over the layers [N, labels], relative to the voice alone."""
        parts = self.relative(embeddings, voice).reshape(len(embeddings), len(self.bias), -1)
        logits = np.einsum("nlw,lcw->lnc", parts, self.weight) + self.bias[:, None]
        found: np.ndarray = log_softmax(logits).mean(0)
        return found

    def log_probabilities(self, embeddings: np.ndarray, plain: np.ndarray, voice: Voice) -> np.ndarray:
        """Embeddings [N, D] and the plain model's logits [N, labels] -> logits [N, labels] that know the voice."""
        share = voice.count / (voice.count + PLAIN_WEIGHT)
        if not share:
            return plain
        return share * self.adapted(embeddings, voice) + (1 - share) * log_softmax(plain)

    def temperature(self, count: int) -> float:
        """Temperature of a prediction that was adapted with `count` sentences, 1 or more."""
        return float(np.exp(np.interp(np.log(count), np.log(self.counts), np.log(self.temperatures))))

    def unsure(self, count: int) -> float:
        """Confidence below which a prediction that was adapted with `count` sentences, 1 or more, is `unsure`."""
        return float(np.interp(np.log(count), np.log(self.counts), self.thresholds))

    def probabilities(self, embeddings: np.ndarray, plain: np.ndarray, voice: Voice) -> np.ndarray:
        """Embeddings [N, D] and the plain model's logits [N, labels] -> calibrated probabilities [N, labels], of a
        voice of which a sentence or more is known."""
        return softmax(self.log_probabilities(embeddings, plain, voice) / self.temperature(voice.count))

    def arrays(self) -> dict[str, np.ndarray]:
        """Arrays by name, as a file stores them."""
        return {part.name: np.ascontiguousarray(getattr(self, part.name), np.float32) for part in fields(self)}

    def as_text(self) -> str:
        """`arrays()` as text, as a model file stores them: those in `HALF` in half precision."""
        file, arrays = io.BytesIO(), self.arrays()
        halved = {name: arrays[name].astype(np.float16) for name in HALF}
        np.savez_compressed(file, **arrays | halved)  # type: ignore[arg-type]  # numpy takes any names
        return base64.b64encode(file.getvalue()).decode()

    @classmethod
    def of_text(cls, text: str) -> "VoiceModel":
        """From `as_text()`."""
        with np.load(io.BytesIO(base64.b64decode(text)), allow_pickle=False) as arrays:
            return cls.of_arrays({name: arrays[name].astype(np.float32) for name in arrays.files})

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "VoiceModel":
        """From `arrays()`."""
        return cls(**{part.name: arrays[part.name] for part in fields(cls)})
