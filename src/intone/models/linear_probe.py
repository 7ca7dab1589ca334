"""Pooled states of a speech encoder [N, layers, 2D] -> emotion logits [N, 8]: a logistic regression a layer, averaged.

Which layers are averaged is chosen on inner folds by speaker of the very clips it learns from, so that a fold chooses
from its own training speakers alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from intone.emotions import EMOTIONS
from intone.errors import IntoneError
from intone.evaluation.calibration import log_loss, temperature

MIN_PROMINENCE: Final = 1e-6
"""Prominence of a frame that doesn't stand out at all, so that something is always heard."""

UNKNOWN: Final = -20.0
"""Log-probability of an emotion that no clip has shown."""


def pooled(states: np.ndarray, prominence: np.ndarray | None = None) -> np.ndarray:
    """States [layers, T, D] -> mean and standard deviation over the clip, [layers, 2D] float32.

    With `prominence` [T] (audio/frame_weights.py) each frame counts by how far it stands out; else all count the same.
    """
    x = states.astype(np.float32)
    if prominence is None:
        return np.concatenate([x.mean(1), x.std(1)], axis=1)
    share = prominence + MIN_PROMINENCE
    share /= share.sum()
    mean = np.einsum("ltd,t->ld", x, share)
    deviation = np.sqrt(np.einsum("ltd,t->ld", (x - mean[:, None]) ** 2, share))
    return np.concatenate([mean, deviation], axis=1)


@dataclass(frozen=True)
class SpeechProbePreset:
    """What is chosen among."""

    strength: float = 0.03
    """C, scikit-learn's inverse regularisation; one for all layers, since a choice for each was worse."""
    widest: int = 4
    """At most so many neighbouring layers are averaged."""
    inner: int = 5
    """Inner folds."""


@dataclass
class SpeechProbe:
    """A frozen encoder's voice: which layers say it, and how they are read."""

    preset: SpeechProbePreset = field(default_factory=SpeechProbePreset)
    layers: tuple[int, ...] = ()
    """Places of the chosen layers, from 0."""
    readers: list[Pipeline] = field(default_factory=list)

    def fit(self, x: np.ndarray, true: np.ndarray, speakers: Sequence[str]) -> "SpeechProbe":
        """Choose and learn from clips [N, layers, 2D], their emotions [N] and speakers [N].

        Raises IntoneError where there is one speaker alone.
        """
        if len(set(speakers)) < 2:
            raise IntoneError("A probe chooses its layers on speakers held out in turn: it needs two or more.")
        inner = list(GroupKFold(min(self.preset.inner, len(set(speakers)))).split(x, true, speakers))
        heard = [self._out_of_fold(x[:, layer], true, inner) for layer in range(x.shape[1])]
        self.layers = min(self.windows(x.shape[1]), key=lambda w: _loss(np.mean([heard[k] for k in w], 0), true))
        self.readers = [self._reader().fit(x[:, k], true) for k in self.layers]
        return self

    def logits(self, x: np.ndarray) -> np.ndarray:
        """[N, layers, 2D] -> mean log-probability of the chosen layers, [N, 8]."""
        said = [self._log_probabilities(r, x[:, k]) for k, r in zip(self.layers, self.readers, strict=True)]
        return np.mean(said, axis=0)

    @property
    def parameters(self) -> int:
        """Coefficients and intercepts."""
        return sum(r[-1].coef_.size + r[-1].intercept_.size for r in self.readers)

    def windows(self, layers: int) -> list[tuple[int, ...]]:
        """Places of neighbouring layers to choose among: single ones first, so that more have to be better."""
        widths = range(1, min(self.preset.widest, layers) + 1)
        return [tuple(range(k, k + w)) for w in widths for k in range(layers - w + 1)]

    def _out_of_fold(self, x: np.ndarray, true: np.ndarray, inner: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        out = np.empty((len(x), len(EMOTIONS)))
        for learn, listen in inner:
            if len(known := np.unique(true[learn])) > 1:
                out[listen] = self._log_probabilities(self._reader().fit(x[learn], true[learn]), x[listen])
            else:  # those that are left show one emotion alone, whatever is heard
                out[listen] = log_softmax(np.where(np.arange(len(EMOTIONS)) == known, 0.0, UNKNOWN))
        return out

    def _reader(self) -> Pipeline:
        # Every emotion weighs the same, though one of RAVDESS's has half of the others' clips.
        regression = LogisticRegression(C=self.preset.strength, class_weight="balanced", max_iter=500, tol=1e-3)
        return make_pipeline(StandardScaler(), regression)

    @staticmethod
    def _log_probabilities(reader: Pipeline, x: np.ndarray) -> np.ndarray:
        """[N, 8], also where the clips it learnt from lack an emotion: that one then gets a very low score."""
        out = np.full((len(x), len(EMOTIONS)), UNKNOWN)
        out[:, reader.classes_] = reader.predict_log_proba(x)
        return log_softmax(out, axis=1)


def _loss(logits: np.ndarray, true: np.ndarray) -> float:
    """Log loss at the temperature that suits it best: calibration follows anyway."""
    return log_loss(logits / temperature(logits, true), true)
