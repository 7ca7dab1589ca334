"""Pooled states of a speech encoder [N, layers, 2D] -> logits [N, labels]: one logistic regression per layer, averaged.

The layers to average are chosen on inner folds by speaker of the training clips, so that a fold's choice depends only
on its own training speakers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from safetensors.numpy import load_file, save_file
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from intone.errors import IntoneError
from intone.evaluation.calibration import log_loss, temperature
from intone.models.partial_labels import PartialRegression, Targets

MIN_PROMINENCE: Final = 1e-6
"""Added to every frame's prominence, so that the weights never sum to zero."""

UNKNOWN: Final = -20.0
"""Log-probability of an emotion without training clips."""


def pooled(states: np.ndarray, prominence: np.ndarray | None = None) -> np.ndarray:
    """States [layers, T, D] -> mean and standard deviation over the clip, [layers, 2D] float32.

    With `prominence` [T] (audio/frame_weights.py) frames are weighted by it; else all weigh the same.
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
class LinearProbePreset:
    """Settings of the probe and of the choice of layers."""

    strength: float = 0.03
    """C, scikit-learn's inverse regularisation; the same for all layers, since a choice for each was worse."""
    widest: int = 4
    """At most this many neighbouring layers are averaged."""
    inner: int = 5
    """Inner folds."""


@dataclass(frozen=True)
class LayerReader:
    """A logistic regression on one layer's pooled states, standardised; float32."""

    mean: np.ndarray
    """[2D]."""
    deviation: np.ndarray
    """[2D]."""
    weight: np.ndarray
    """[labels, 2D]."""
    bias: np.ndarray
    """[labels]."""

    def log_probabilities(self, x: np.ndarray) -> np.ndarray:
        """[N, 2D] -> [N, labels]."""
        out: np.ndarray = log_softmax((x - self.mean) / self.deviation @ self.weight.T + self.bias, axis=1)
        return out

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays by name, as stored in a file."""
        return {"mean": self.mean, "deviation": self.deviation, "weight": self.weight, "bias": self.bias}

    @classmethod
    def of(cls, scale: StandardScaler, regression: LogisticRegression | PartialRegression) -> "LayerReader":
        """From scikit-learn's fitted objects; for two labels it keeps only the second's coefficients."""
        weight, bias = both_of(regression)
        # safetensors writes memory in its own order, and scikit-learn's coefficients are stored column by column.
        parts = (scale.mean_, scale.scale_, weight, bias)
        return cls(*(np.ascontiguousarray(part, np.float32) for part in parts))


def both_of(regression: LogisticRegression | PartialRegression) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients [classes, D] and intercepts [classes]; of two classes scikit-learn keeps only the second's."""
    weight, bias = regression.coef_, regression.intercept_
    if len(regression.coef_) == 1:
        return np.concatenate([0 * weight, weight]), np.concatenate([0 * bias, bias])
    return weight, bias


@dataclass(frozen=True)
class FittedProbe:
    """A trained probe."""

    readers: Mapping[int, LayerReader]
    """Layer of the encoder, from 1 -> its regression, in order."""

    def logits(self, x: Mapping[int, np.ndarray]) -> np.ndarray:
        """Layer -> pooled states [N, 2D] -> mean log-probability, [N, labels]."""
        found: np.ndarray = np.mean([reader.log_probabilities(x[k]) for k, reader in self.readers.items()], axis=0)
        return found

    def save(self, path: Path, weights: str) -> None:
        """Write it as safetensors, with the encoder's name; the folder is created if needed."""
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = {f"layer{k}.{n}": v for k, reader in self.readers.items() for n, v in reader.arrays().items()}
        save_file(tensors, path, metadata={"weights": weights})

    @classmethod
    def load(cls, path: Path) -> "FittedProbe":
        """The probe that `save` wrote."""
        kept = load_file(path)
        layers = sorted({int(name.split(".")[0].removeprefix("layer")) for name in kept})
        names = ("mean", "deviation", "weight", "bias")
        return cls({k: LayerReader(*(kept[f"layer{k}.{name}"] for name in names)) for k in layers})


@dataclass
class LinearProbe:
    """A frozen encoder's probe in training: the chosen layers and their regressions."""

    preset: LinearProbePreset = field(default_factory=LinearProbePreset)
    classes: int = 8
    """How many labels there are."""
    layers: tuple[int, ...] = ()
    """Indices of the chosen layers, from 0."""
    readers: list[Pipeline] = field(default_factory=list)
    temperature: float = 1.0
    """Of its logits, from training speakers held out in turn; `fit` sets it."""

    def fit(
        self,
        x: np.ndarray,
        true: np.ndarray,
        speakers: Sequence[str],
        targets: Targets | None = None,
        unchanged: np.ndarray | None = None,
    ) -> "LinearProbe":
        """Choose layers and train on clips [N, layers, 2D], their emotions [N] and speakers [N].

        `targets`: what is known of the clips' labels, where they are of corpora that don't have the same ones.
        `unchanged`: which rows are clips as they are, and no noisy or faster copy, bool [N]: the temperature is theirs.
        Raises IntoneError where there is only one speaker.
        """
        if len(set(speakers)) < 2:
            raise IntoneError("A probe chooses its layers on speakers held out in turn: it needs two or more.")
        inner = list(GroupKFold(min(self.preset.inner, len(set(speakers)))).split(x, true, speakers))
        answers = [self._out_of_fold(x[:, layer], true, targets, inner) for layer in range(x.shape[1])]
        right = true if targets is None else targets.right
        self.layers = min(self.windows(x.shape[1]), key=lambda w: _loss(np.mean([answers[k] for k in w], 0), right))
        rows = np.ones(len(x), bool) if unchanged is None else unchanged
        self.temperature = temperature(np.mean([answers[k] for k in self.layers], 0)[rows], right[rows])
        return self.on_layers(self.layers, x, true, targets)

    def on_layers(
        self, layers: tuple[int, ...], x: np.ndarray, true: np.ndarray, targets: Targets | None = None
    ) -> "LinearProbe":
        """Train on these layers of clips [N, layers, 2D] and their emotions [N]; nothing is chosen."""
        self.layers = layers
        self.readers = [self._read(x[:, k], true, targets) for k in layers]
        return self

    def logits(self, x: np.ndarray) -> np.ndarray:
        """[N, layers, 2D] -> mean log-probability of the chosen layers, [N, labels]."""
        said = [self._log_probabilities(r, x[:, k]) for k, r in zip(self.layers, self.readers, strict=True)]
        return np.mean(said, axis=0)

    def fitted(self, layers: Sequence[int]) -> FittedProbe:
        """The trained probe; `layers` are the encoder's numbers of the layers to choose from."""
        pairs = zip(self.layers, self.readers, strict=True)
        return FittedProbe({layers[k]: LayerReader.of(*(part for _, part in reader.steps)) for k, reader in pairs})

    @property
    def parameters(self) -> int:
        """Coefficients and intercepts."""
        return sum(r[-1].coef_.size + r[-1].intercept_.size for r in self.readers)

    def windows(self, layers: int) -> list[tuple[int, ...]]:
        """Indices of neighbouring layers to choose from: single ones first, so that more layers have to be better."""
        widths = range(1, min(self.preset.widest, layers) + 1)
        return [tuple(range(k, k + w)) for w in widths for k in range(layers - w + 1)]

    def _out_of_fold(
        self,
        x: np.ndarray,
        true: np.ndarray,
        targets: Targets | None,
        inner: list[tuple[np.ndarray, np.ndarray]],
    ) -> np.ndarray:
        out = np.empty((len(x), self.classes))
        for learn, held_out in inner:
            if len(known := np.unique(true[learn])) > 1:
                reader = self._read(x[learn], true[learn], None if targets is None else targets[learn])
                out[held_out] = self._log_probabilities(reader, x[held_out])
            else:  # the training clips have only one emotion: predict it for every clip
                out[held_out] = log_softmax(np.where(np.arange(self.classes) == known, 0.0, UNKNOWN))
        return out

    def _read(self, x: np.ndarray, true: np.ndarray, targets: Targets | None) -> Pipeline:
        if targets is not None:
            return make_pipeline(StandardScaler(), PartialRegression(self.preset.strength)).fit(x, targets)
        # Every emotion has the same weight, though one of RAVDESS's has half as many clips as the others.
        regression = LogisticRegression(C=self.preset.strength, class_weight="balanced", max_iter=500, tol=1e-3)
        return make_pipeline(StandardScaler(), regression).fit(x, true)

    def _log_probabilities(self, reader: Pipeline, x: np.ndarray) -> np.ndarray:
        """[N, 2D] -> [N, labels]; an emotion without training clips gets a very low score."""
        out = np.full((len(x), self.classes), UNKNOWN)
        out[:, reader.classes_] = reader.predict_log_proba(x)
        return log_softmax(out, axis=1)


def _loss(logits: np.ndarray, true: np.ndarray) -> float:
    """Log loss at the best temperature, since calibration follows anyway."""
    return log_loss(logits / temperature(logits, true), true)
