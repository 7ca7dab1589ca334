"""Predictions table (`PREDICTION_COLUMNS`) -> accuracy, UAR, macro-F1, recalls, ECE, intervals and paired tests.

All rates are in percent, ECE is a fraction. Any system's table with these columns can be used.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from intone.emotions import EMOTIONS
from intone.errors import IntoneError

KEYS = ("file", "speaker", "fold", "split", "emotion", "predicted")
"""Columns that every predictions table has."""

PREDICTION_COLUMNS = (*KEYS, *EMOTIONS)
"""Columns of a predictions table of RAVDESS, in order; for another corpus, a column for each of its labels."""


@dataclass(frozen=True)
class Score:
    """The scores of a set of predictions."""

    clips: int
    accuracy: float
    uar: float
    """Unweighted average recall: the mean of the emotions' recalls."""
    macro_f1: float
    uar_low: float
    """95 % interval of the UAR, by resampling speakers."""
    uar_high: float
    ece: float
    """Expected calibration error of the top class, 15 bins of equal width; a fraction."""
    recalls: Mapping[str, float]


def labels_of(table: pd.DataFrame) -> list[str]:
    """The labels of a predictions table, one column of probabilities each, in order.

    They are the eight emotions where all of these are there and sum to one, else all numeric columns except `KEYS`.
    """
    numbers = [c for c in table.columns if c not in KEYS and pd.api.types.is_numeric_dtype(table[c])]
    if set(EMOTIONS) <= set(numbers) and (len(numbers) == len(EMOTIONS) or _whole(table[list(EMOTIONS)]).all()):
        return list(EMOTIONS)
    return [str(column) for column in numbers]


def _whole(values: pd.DataFrame) -> np.ndarray:
    """Whether each row holds probabilities that sum to one, [N]; False for NaN, too."""
    numbers = values.apply(pd.to_numeric, errors="coerce").to_numpy(float)
    whole: np.ndarray = (numbers >= 0).all(1) & (np.abs(numbers.sum(1) - 1) <= 1e-3)
    return whole


def places(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, int]:
    """Indices of the true labels [N] and of the predicted ones [N], and the number of labels."""
    labels = labels_of(table)
    index = {label: k for k, label in enumerate(labels)}
    return table["emotion"].map(index).to_numpy(), table["predicted"].map(index).to_numpy(), len(labels)


def confusion(true: np.ndarray, predicted: np.ndarray, n: int = len(EMOTIONS)) -> np.ndarray:
    """Indices of labels [N], [N], among n labels -> counts [n true, n predicted]."""
    return np.bincount(true * n + predicted, minlength=n * n).reshape(n, n)


def accuracy(table: np.ndarray) -> float:
    """Share of clips on the diagonal of [..., labels, labels], in percent."""
    return 100 * np.trace(table, axis1=-2, axis2=-1) / table.sum((-2, -1))


def recalls(table: np.ndarray) -> np.ndarray:
    """Recall of each emotion, [..., labels], in percent; NaN for an emotion without clips."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return 100 * np.diagonal(table, axis1=-2, axis2=-1) / table.sum(-1)


def uar(table: np.ndarray) -> float:
    """Mean of the recalls of the emotions that occur, in percent."""
    return np.nanmean(recalls(table), axis=-1)


def macro_f1(table: np.ndarray) -> float:
    """Mean F1 of the emotions that occur, in percent."""
    hits, true, said = np.diagonal(table), table.sum(1), table.sum(0)
    return float(100 * (2 * hits / np.maximum(true + said, 1))[true > 0].mean())


def check_predictions(table: pd.DataFrame, name: str = "predictions") -> pd.DataFrame:
    """The table, if it is valid; raises IntoneError, which names the first invalid rows."""
    missing = [c for c in KEYS if c not in table]
    if not missing:  # each of the eight needs its column, even without clips
        ours = set(table["emotion"]) <= set(EMOTIONS)
        missing = [e for e in EMOTIONS if e not in table and ours and set(EMOTIONS) & set(table.columns)]
        missing = missing if set(missing) & {*table["emotion"], *table["predicted"]} else []
    if missing:
        raise IntoneError(f"{name} lacks the columns {', '.join(missing)}.")
    labels = labels_of(table)
    for column in ("file", "speaker"):
        blank = table[column].isna() | (table[column].astype(str).str.strip() == "")
        if blank.any():
            raise IntoneError(f"{name} names no {column} in {blank.sum()} rows, from row {1 + blank.argmax()} on.")
    for column in ("emotion", "predicted"):
        refuse(table[~table[column].isin(labels)], f"{name} has an unknown emotion in '{column}'")
    refuse(table[table.duplicated(["file", "fold"])], f"{name} holds a clip twice in one fold")
    tested = table[table["split"] == "test"]
    refuse(tested[tested.duplicated("file")], f"{name} tests a clip twice")
    refuse(table[~_whole(table[labels])], f"{name} has probabilities that don't sum to one")
    values = table[labels].to_numpy(float)
    own = values[np.arange(len(table)), [labels.index(label) for label in table["predicted"]]]
    refuse(table[own < values.max(1) - 1e-4], f"{name} predicts what is not most probable")
    return table


def refuse(rows: pd.DataFrame, what: str) -> None:
    """Raises IntoneError that names the first of the rows, if there are any."""
    if len(rows):
        some = ", ".join(rows["file"].astype(str).head(3))
        raise IntoneError(f"{what}: {some}{' and more' if len(rows) > 3 else ''} ({len(rows)} rows).")


def speaker_confusions(table: pd.DataFrame) -> np.ndarray:
    """Predictions -> counts [speakers, labels, labels], speakers in sorted order."""
    speakers = pd.factorize(table["speaker"], sort=True)[0]
    true, said, n = places(table)
    flat = (speakers * n + true) * n + said
    return np.bincount(flat, minlength=(speakers.max() + 1) * n * n).reshape(-1, n, n)


CROSSED_ROUNDS: Final = 2_000
"""Draws of speakers and comments: each weights every clip, which takes fifty times as long as drawing speakers."""


def interval(
    table: pd.DataFrame,
    rounds: int = 10_000,
    seed: int = 0,
    rate: Callable[[np.ndarray], np.ndarray | float] | None = None,
) -> tuple[float, float]:
    """95 % percentile interval of the UAR or another rate, speakers drawn with replacement (clips go with them).

    Where a column `comment` says which clips share their words, comments are drawn too, crossed with the speakers: a
    clip counts as often as its speaker times as often as its comment (Owen 2007). `rate`: counts [..., labels, labels]
    -> percent [...], such as `accuracy`.
    """
    if "comment" in table and table["comment"].notna().all():
        return _crossed_interval(table, min(rounds, CROSSED_ROUNDS), seed, rate or uar)
    counts = speaker_confusions(table)
    n = len(counts)
    times = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=rounds)
    low, high = np.percentile((rate or uar)(np.tensordot(times, counts, 1)), [2.5, 97.5])
    return float(low), float(high)


def _crossed_interval(
    table: pd.DataFrame, rounds: int, seed: int, rate: Callable[[np.ndarray], np.ndarray | float]
) -> tuple[float, float]:
    """`interval` over speakers and comments."""
    true, said, n = places(table)
    cell = np.eye(n * n, dtype=np.float32)[true * n + said]
    draw, weights = np.random.default_rng(seed), np.ones((rounds, len(table)), np.float32)
    for column in ("speaker", "comment"):
        unit = pd.factorize(table[column], sort=True)[0]
        count = unit.max() + 1
        weights *= draw.multinomial(count, np.full(count, 1 / count), size=rounds)[:, unit]
    found = rate((weights @ cell).reshape(-1, n, n))
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return float(low), float(high)


def calibration_error(table: pd.DataFrame, bins: int = 15) -> float:
    """Top-class expected calibration error (Guo et al. 2017), equal-width bins; a fraction."""
    confidence = table[labels_of(table)].to_numpy().max(1)
    right = (table["predicted"] == table["emotion"]).to_numpy()
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(place, confidence - right, bins)
    return float(np.abs(gaps).sum() / len(table))


def calibration_interval(
    table: pd.DataFrame, bins: int = 15, rounds: int = 2_000, seed: int = 0
) -> tuple[float, float]:
    """95 % percentile interval of the calibration error, speakers drawn with replacement; fractions."""
    confidence = table[labels_of(table)].to_numpy().max(1)
    right = (table["predicted"] == table["emotion"]).to_numpy()
    speakers = pd.factorize(table["speaker"])[0]
    place = speakers * bins + np.minimum((confidence * bins).astype(int), bins - 1)
    count = speakers.max() + 1
    gaps = np.bincount(place, confidence - right, count * bins).reshape(count, bins)
    clips = np.bincount(speakers, minlength=count)
    times = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=rounds)
    low, high = np.percentile(np.abs(times @ gaps).sum(1) / (times @ clips), [2.5, 97.5])
    return float(low), float(high)


def score(table: pd.DataFrame) -> Score:
    """All figures of one part (train, validation or test) of a predictions table."""
    counts = confusion(*places(table))
    low, high = interval(table)
    return Score(
        clips=len(table),
        accuracy=float(accuracy(counts)),
        uar=float(uar(counts)),
        macro_f1=macro_f1(counts),
        uar_low=low,
        uar_high=high,
        ece=calibration_error(table),
        recalls=dict(zip(labels_of(table), recalls(counts).tolist(), strict=True)),
    )


def speaker_uars(table: pd.DataFrame) -> pd.Series:
    """UAR of each speaker, in percent, indexed by `speaker`."""
    return pd.Series(uar(speaker_confusions(table)), np.unique(table["speaker"]), name="uar")


@dataclass(frozen=True)
class Paired:
    """One system against another, over the speakers in both; differences: one minus other, in UAR points."""

    gap: float
    low: float
    high: float
    """95 % percentile interval of the mean difference, speakers drawn with replacement."""
    p: float
    """Two-sided, by sign flips."""
    better: int
    worse: int
    """Speakers with a higher and with a lower UAR; the rest have the same."""
    speakers: int


def paired(one: pd.DataFrame, other: pd.DataFrame, rounds: int = 10_000, seed: int = 0) -> Paired:
    """Two predictions tables of the same clips -> their difference. Raises what `sign_flip` raises."""
    gap, p = sign_flip(one, other)
    gaps = (speaker_uars(one) - speaker_uars(other)).to_numpy()
    drawn = gaps[np.random.default_rng(seed).integers(len(gaps), size=(rounds, len(gaps)))].mean(1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Paired(gap, float(low), float(high), p, int((gaps > 0).sum()), int((gaps < 0).sum()), len(gaps))


def sign_flip(one: pd.DataFrame, other: pd.DataFrame, rounds: int = 20_000, seed: int = 0) -> tuple[float, float]:
    """Mean difference of the speakers' UARs (one minus other) and its two-sided sign-flip p over speakers.

    Speakers are paired by name; raises IntoneError when the two tables don't hold the same ones.
    """
    a, b = speaker_uars(one), speaker_uars(other)
    if set(a.index) != set(b.index):
        raise IntoneError("A paired test needs the same speakers in both tables.")
    gaps = (a - b.reindex(a.index)).to_numpy()
    return float(gaps.mean()), flip_p(gaps, rounds, seed)


def flip_p(gaps: np.ndarray, rounds: int = 20_000, seed: int = 0) -> float:
    """Speakers' differences [speakers] -> how often their sum is as large with signs at random: two-sided p."""
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), size=(rounds, len(gaps)))
    reached = (np.abs(signs @ gaps) >= abs(gaps.sum()) - 1e-9).sum()
    return float((1 + reached) / (1 + rounds))


def chance_p(table: pd.DataFrame, strata: pd.Series | None = None, rounds: int = 5_000, seed: int = 0) -> float:
    """How often labels permuted within strata (aligned by index; else speakers) reach this UAR: one-sided p.

    Strata are the groups over which the corpus balances labels: permuting across them would widen the null.
    """
    draw = np.random.default_rng(seed)
    group = pd.factorize(table["speaker"] if strata is None else strata.reindex(table.index))[0]
    true, said, n = places(table)
    seen = uar(confusion(true, said, n))
    reached = sum(uar(confusion(permuted_within(true, group, draw), said, n)) >= seen - 1e-9 for _ in range(rounds))
    return (1 + reached) / (1 + rounds)


def chance_p_over_speakers(table: pd.DataFrame, rounds: int = 20_000, seed: int = 0) -> float:
    """Whether speakers in general are above chance, and not only some: one-sided p of sign flips of their UARs less
    chance, which is one over the number of labels whatever is predicted."""
    gaps = speaker_uars(table).to_numpy() - 100 / places(table)[2]
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(rounds, len(gaps)))
    reached = int(((signs * gaps).mean(1) >= gaps.mean() - 1e-9).sum())
    return (1 + reached) / (1 + rounds)


def permuted_within(values: np.ndarray, group: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Values [N], permuted within each group; `group` [N] numbers the groups from 0."""
    permuted = np.empty_like(values)
    permuted[np.argsort(group, kind="stable")] = values[np.lexsort((draw.random(len(values)), group))]
    return permuted
