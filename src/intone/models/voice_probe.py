"""Embeddings of labelled sentences [N, copies, layers, width] and their speakers -> `VoiceModel`; labels train alone.

Each speaker's copies of one kind are centred on that speaker's mean of that kind: a recording has one kind of noise.
The voices' prior comes from the clips themselves. A speaker of whom few sentences are known is another case than one of
whom all are: for every count there is a temperature, from speakers held out in turn.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut

from intone.evaluation.calibration import temperature, unsure_below, unsure_near
from intone.inference.fusion import log_softmax, softmax
from intone.inference.voice import DEVIATION_WEIGHT, Voice, VoiceModel
from intone.models.linear_probe import UNKNOWN, both_of
from intone.models.partial_labels import PartialRegression, Targets, merged, right_labels, without_calm

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


@dataclass(frozen=True)
class Sentences:
    """Labelled sentences to learn from."""

    x: np.ndarray
    """Embeddings of each sentence and its copies, [N, copies, layers, width]."""
    true: np.ndarray
    """Label indices, [N]."""
    speakers: np.ndarray
    """[N]."""
    labels: tuple[str, ...]
    corpora: np.ndarray | None = None
    """[N], where they are of several corpora, which may not have the same labels."""

    def at(self, rows: np.ndarray) -> "Sentences":
        """Some of them, without their copies."""
        corpora = None if self.corpora is None else self.corpora[rows]
        return Sentences(self.x[rows, :1], self.true[rows], self.speakers[rows], self.labels, corpora)

    @property
    def coarse(self) -> np.ndarray:
        """Whether a sentence's corpus doesn't tell calm from neutral, bool [N]."""
        if self.corpora is None:
            return np.zeros(len(self.true), bool)
        return without_calm(list(self.corpora), [self.labels[k] for k in self.true])


def fitted(known: Sentences, preset: VoiceProbePreset) -> VoiceModel:
    """Learn voices and a regression relative to them; temperatures are 1."""
    x, true = known.x, known.true
    clean = x[:, 0].reshape(len(x), -1).astype(np.float64)
    voices = [known.speakers == name for name in np.unique(known.speakers)]
    means = np.stack([clean[own].mean(0) for own in voices])
    relative = clean.copy()
    for own, mean in zip(voices, means, strict=True):
        relative[own] -= mean
    counts = np.array([own.sum() for own in voices])
    within = (relative**2).sum(0) / max(1, (counts - 1).sum()) + SMALLEST
    spread = means.var(0, ddof=1) if len(means) > 1 else np.zeros(len(within))
    between = np.maximum(spread - within * (1 / counts).mean(), SMALLEST)
    emotions = np.stack(
        [relative[true == k].mean(0) if (true == k).any() else np.zeros(len(within)) for k in range(len(known.labels))]
    )
    usual = np.sqrt(within).reshape(x.shape[2:])
    standard = _standard(x, voices, usual)
    weights, biases = regressions(replace(known, x=standard), preset.strength)
    one, farthest = np.ones(1), np.sqrt((standard[:, 0].reshape(len(x), -1) ** 2).mean(1).max(keepdims=True))
    return VoiceModel(means.mean(0), between, within, emotions, weights, biases, one, one, 0 * one, farthest)


def calibrated(model: VoiceModel, known: Sentences, preset: VoiceProbePreset) -> VoiceModel:
    """This model with a temperature and a threshold for each of `COUNTS`, from predictions for held-out speakers.

    For each held-out speaker and count, sentences are drawn at random and the speaker's others are judged. A count that
    is too high for the speakers is left out. Of several corpora, each is held out in turn, with all its speakers: so
    unlike is a user's recording. Clips with a label that the other corpora don't have are left out; calm counts as
    neutral where either side has none.
    """
    judged: dict[int, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
    for clips, held_out, coarse in _held_out(known, preset):
        twin, probe = fitted(clips, preset), regressions(clips, preset.plain_strength)
        for name in np.unique(known.speakers[held_out]):
            own = held_out[known.speakers[held_out] == name]
            order = np.random.default_rng([len(own), *known.true[own]])
            answers = plain(known.x[own, 0], *probe)
            for count, logits, rows in _draws(known.x[own, 0], answers, own, twin, preset.draws, order):
                judged.setdefault(count, []).append((logits, known.true[rows], coarse[rows]))
    return _with_fits(model, known, judged)


def calibrated_on(model: VoiceModel, known: Sentences, answers: np.ndarray, preset: VoiceProbePreset) -> VoiceModel:
    """This model with a temperature and a threshold for each of `COUNTS`, from speakers that it didn't learn from, and
    the plain model's logits for their sentences, [N, labels]."""
    judged: dict[int, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
    for name in np.unique(known.speakers):
        own = np.flatnonzero(known.speakers == name)
        order = np.random.default_rng([len(own), *known.true[own]])
        for count, logits, rows in _draws(known.x[own, 0], answers[own], own, model, preset.draws, order):
            judged.setdefault(count, []).append((logits, known.true[rows], known.coarse[rows]))
    return _with_fits(model, known, judged)


def _with_fits(
    model: VoiceModel, known: Sentences, judged: Mapping[int, Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]]
) -> VoiceModel:
    """This model with the temperature and threshold that fit held-out predictions, by the number of sentences known."""
    fits = [_fits(known, judged[count]) for count in sorted(judged)]
    if not fits:
        return model
    warmth, thresholds = np.array(fits).T
    return replace(model, counts=np.array(sorted(judged), float), temperatures=warmth, thresholds=thresholds)


def plain_calibration(known: Sentences, preset: VoiceProbePreset) -> tuple[float, float]:
    """Temperature and threshold of the plain regressions, from speakers or corpora held out as in `calibrated`."""
    judged = []
    for clips, rows, coarse in _held_out(known, preset):
        answers = plain(known.x[rows, 0], *regressions(clips, preset.plain_strength))
        judged.append((answers, known.true[rows], coarse[rows]))
    return _fits(known, judged)


def _held_out(known: Sentences, preset: VoiceProbePreset) -> Iterator[tuple[Sentences, np.ndarray, np.ndarray]]:
    """For each inner fold what is learned from, which rows are judged, and where calm counts as neutral then, [N]."""
    some = GroupKFold(min(preset.inner, len(set(known.speakers)))).split(known.x, known.true, known.speakers)
    folds = some if known.corpora is None else LeaveOneGroupOut().split(known.x, known.true, known.corpora)
    for learn, held_out in folds:
        clips = known.at(learn)  # the clips themselves: with their copies, twins take six times as long
        coarse = known.coarse | (known.corpora is not None and bool(clips.coarse.all()))
        yield clips, held_out[np.isin(known.true[held_out], clips.true)], coarse


def plain(x: np.ndarray, weights: np.ndarray, biases: np.ndarray) -> np.ndarray:
    """Embeddings [N, layers, width] and the regressions of `regressions` -> mean log-probabilities [N, labels]."""
    found: np.ndarray = log_softmax(np.einsum("nlw,lcw->nlc", x, weights) + biases).mean(1)
    return found


def _fits(known: Sentences, judged: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """Held-out logits [n, labels], label indices [n] and where calm counts as neutral [n], in parts -> their
    temperature, and the confidence below which to be unsure."""
    rule = unsure_below if known.corpora is None else unsure_near
    logits, true, coarse = map(np.concatenate, zip(*judged, strict=True))
    warmth = temperature(logits, right_labels(true, known.labels, coarse))
    chances = merged(softmax(logits / warmth), known.labels, coarse)
    return warmth, rule(chances.max(1), chances.argmax(1) == true)


def _draws(
    x: np.ndarray, plain: np.ndarray, rows: np.ndarray, model: VoiceModel, draws: int, chance: np.random.Generator
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """One speaker's sentences [n, layers, width], plain log-probabilities and rows -> count, logits and rows of those
    that weren't drawn, for each draw."""
    flat, chances = x.reshape(len(x), -1), softmax(plain)
    for count in COUNTS:
        for _ in range(draws):
            order = chance.permutation(len(x))
            drawn, others = order[:count], order[count:]
            if len(others):
                voice = Voice.of(flat[drawn], chances[drawn])
                yield count, model.log_probabilities(flat[others], plain[others], voice), rows[others]


def _standard(x: np.ndarray, voices: Sequence[np.ndarray], usual: np.ndarray) -> np.ndarray:
    """Embeddings relative to their voices, in the voices' standard deviations; `usual` [layers, width]: the prior."""
    out = x.astype(np.float32)
    for own in voices:
        out[own] -= out[own].mean(0)
        share = DEVIATION_WEIGHT / (own.sum() + DEVIATION_WEIGHT)
        out[own] /= np.sqrt(share * usual**2 + (1 - share) * (out[own] ** 2).mean(0))
    return out


def regressions(known: Sentences, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """A logistic regression for each layer -> coefficients [layers, labels, width], intercepts [layers, labels]."""
    copies, layers, width = known.x.shape[1:]
    weights = np.zeros((layers, len(known.labels), width))
    biases = np.full((layers, len(known.labels)), UNKNOWN)
    for layer in range(layers):
        regression = _regression(known, known.x[:, :, layer].reshape(-1, width), copies, strength)
        weights[layer, regression.classes_], biases[layer, regression.classes_] = both_of(regression)
    return weights, biases


def _regression(
    known: Sentences, x: np.ndarray, copies: int, strength: float
) -> LogisticRegression | PartialRegression:
    if known.corpora is not None:
        targets = Targets.of(known.true, list(known.corpora), known.labels)
        return PartialRegression(strength).fit(x, targets.repeated(copies))
    regression = LogisticRegression(C=strength, class_weight="balanced", max_iter=500, tol=1e-3)
    return regression.fit(x, np.repeat(known.true, copies))
