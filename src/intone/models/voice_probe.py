"""Embeddings of labelled sentences [N, copies, layers, width] and their speakers -> `VoiceModel`; labels train alone.

Each speaker's copies of one kind are centred on that speaker's mean of that kind: a recording has one kind of noise.
The voices' prior comes from the clips themselves. A speaker of whom few sentences are known is another case than one of
whom all are: for every count there is a temperature, from speakers held out in turn.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut

from intone.evaluation.calibration import temperature, unsure_below, unsure_near
from intone.inference.fusion import log_softmax, softmax
from intone.inference.voice import DEVIATION_WEIGHT, Voice, VoiceModel
from intone.models.linear_probe import UNKNOWN, both_of

COUNTS: Final = (1, 2, 4, 8, 16, 30)
"""Numbers of other sentences for which a temperature is fitted, as far as the speakers have as many."""

SMALLEST: Final = 1e-8
"""Variance of voices at least, in variances of the embedding."""


@dataclass(frozen=True)
class VoiceProbePreset:
    """Settings of the regressions on embeddings relative to the voice."""

    strength: float = 0.002
    """C, scikit-learn's inverse regularisation."""
    plain_strength: float = 0.005
    """That of the plain model in the inner folds."""
    inner: int = 5
    """Inner folds by speaker, for the temperatures."""
    draws: int = 4
    """Draws of other sentences for each speaker and count, for the temperatures."""


def fitted(
    x: np.ndarray, true: np.ndarray, speakers: Sequence[str], labels: int, preset: VoiceProbePreset
) -> VoiceModel:
    """Learn from embeddings [N, copies, layers, width], label indices [N] and speakers [N]; temperatures are 1."""
    speaker = np.asarray(speakers)
    clean = x[:, 0].reshape(len(x), -1).astype(np.float64)
    voices = [speaker == name for name in np.unique(speaker)]
    means = np.stack([clean[own].mean(0) for own in voices])
    relative = clean.copy()
    for own, mean in zip(voices, means, strict=True):
        relative[own] -= mean
    counts = np.array([own.sum() for own in voices])
    within = (relative**2).sum(0) / max(1, (counts - 1).sum()) + SMALLEST
    spread = means.var(0, ddof=1) if len(means) > 1 else np.zeros(len(within))
    between = np.maximum(spread - within * (1 / counts).mean(), SMALLEST)
    emotions = np.stack(
        [relative[true == k].mean(0) if (true == k).any() else np.zeros(len(within)) for k in range(labels)]
    )
    usual = np.sqrt(within).reshape(x.shape[2:])
    standard = _standard(x, voices, usual)
    weights, biases = regressions(standard, true, labels, preset)
    one, farthest = np.ones(1), np.sqrt((standard[:, 0].reshape(len(x), -1) ** 2).mean(1).max(keepdims=True))
    return VoiceModel(means.mean(0), between, within, emotions, weights, biases, one, one, 0 * one, farthest)


def calibrated(
    model: VoiceModel,
    x: np.ndarray,
    true: np.ndarray,
    speakers: Sequence[str],
    preset: VoiceProbePreset,
    corpora: Sequence[str] | None = None,
) -> VoiceModel:
    """This model with a temperature and a threshold for each of `COUNTS`, from predictions for held-out speakers.

    Arguments are those of `fitted`. For each held-out speaker and count, sentences are drawn at random and the
    speaker's others are judged. A count that is too high for the speakers is left out. With `corpora` [N] each corpus
    is held out in turn, with all its speakers: so unlike is a user's recording. Clips with a label that the other
    corpora don't have are left out.
    """
    speaker, labels = np.asarray(speakers), model.bias.shape[1]
    judged: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
    some = GroupKFold(min(preset.inner, len(set(speakers)))).split(x, true, speaker)
    folds = some if corpora is None else LeaveOneGroupOut().split(x, true, corpora)
    for learn, held_out in folds:
        clips = x[learn, :1]  # the clips themselves: with their copies, twins take six times as long
        twin = fitted(clips, true[learn], speaker[learn], labels, preset)
        weights, biases = regressions(clips, true[learn], labels, replace(preset, strength=preset.plain_strength))
        held_out = held_out[np.isin(true[held_out], true[learn])]
        for name in np.unique(speaker[held_out]):
            own = held_out[speaker[held_out] == name]
            said = np.einsum("nlw,lcw->nlc", x[own, 0], weights) + biases
            for count, *rows in _draws(x[own, 0], log_softmax(said).mean(1), true[own], twin, preset):
                judged.setdefault(count, []).append((rows[0], rows[1]))
    rule = unsure_below if corpora is None else unsure_near
    parts = [tuple(map(np.concatenate, zip(*judged[count], strict=True))) for count in sorted(judged)]
    fits = [_fits(rule, logits, found) for logits, found in parts]
    if not fits:
        return model
    warmth, thresholds = np.array(fits).T
    return replace(model, counts=np.array(sorted(judged), float), temperatures=warmth, thresholds=thresholds)


def _fits(rule: Callable[[np.ndarray, np.ndarray], float], logits: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """Held-out logits [N, labels] and labels [N] -> their temperature, and by the rule the confidence below which to be
    unsure."""
    warmth = temperature(logits, true)
    chances = softmax(logits / warmth)
    return warmth, rule(chances.max(1), chances.argmax(1) == true)


def _draws(
    x: np.ndarray, plain: np.ndarray, true: np.ndarray, model: VoiceModel, preset: VoiceProbePreset
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """One speaker's sentences [n, layers, width], plain log-probabilities and labels -> count, logits and labels of
    those that weren't drawn, for each draw."""
    flat, chances = x.reshape(len(x), -1), softmax(plain)
    chance = np.random.default_rng([len(x), *true])
    for count in COUNTS:
        for _ in range(preset.draws):
            order = chance.permutation(len(x))
            drawn, others = order[:count], order[count:]
            if len(others):
                voice = Voice.of(flat[drawn], chances[drawn])
                yield count, model.log_probabilities(flat[others], plain[others], voice), true[others]


def _standard(x: np.ndarray, voices: Sequence[np.ndarray], usual: np.ndarray) -> np.ndarray:
    """Embeddings relative to their voices, in the voices' standard deviations; `usual` [layers, width]: the prior."""
    out = x.astype(np.float32)
    for own in voices:
        out[own] -= out[own].mean(0)
        share = DEVIATION_WEIGHT / (own.sum() + DEVIATION_WEIGHT)
        out[own] /= np.sqrt(share * usual**2 + (1 - share) * (out[own] ** 2).mean(0))
    return out


def regressions(
    x: np.ndarray, true: np.ndarray, labels: int, preset: VoiceProbePreset
) -> tuple[np.ndarray, np.ndarray]:
    """A logistic regression for each layer -> coefficients [layers, labels, width], intercepts [layers, labels]."""
    copies, layers, width = x.shape[1:]
    targets = np.repeat(true, copies)
    weights, biases = np.zeros((layers, labels, width)), np.full((layers, labels), UNKNOWN)
    for layer in range(layers):
        regression = LogisticRegression(C=preset.strength, class_weight="balanced", max_iter=500, tol=1e-3)
        regression.fit(x[:, :, layer].reshape(-1, width), targets)
        weights[layer, regression.classes_], biases[layer, regression.classes_] = both_of(regression)
    return weights, biases
