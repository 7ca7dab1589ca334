"""A speaker's clips -> which of them are known to a speaker-adaptive system, and which are judged; labels [N] only
decide which clips can be drawn.

Ways of drawing besides a random one show what happens where the known clips aren't like the speaker's others: all of
one or two emotions, neutral and calm alone, or in random unequal shares.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

RECORDING: Final = "recording"
"""All clips of the speaker are known, the judged one included."""

KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "random": ("0", "1", "2", "4", "8", "16", "30", RECORDING),
    "skewed": ("1", "2", "4", "8", "16", "30"),
    "two": ("1", "2", "4", "8", "16"),
    "one": ("1", "2", "4", "8"),
    "neutral": ("1", "2", "4", "8"),
}
"""Way of drawing -> numbers of known clips: at random; at random, with unequal shares of the emotions; of two emotions;
of one; neutral and calm clips alone."""

SKEW: Final = 0.5
"""Concentration of the Dirichlet distribution of the shares: mostly one to three emotions prevail."""

CALM: Final = ("neutral", "calm")


@dataclass(frozen=True)
class Draw:
    """Rows of one speaker's clips."""

    number: int
    known: np.ndarray
    judged: np.ndarray
    """Those that weren't drawn; all of them where none or all are known."""


def drawn(kind: str, k: str, emotions: np.ndarray, speaker: str, draws: int) -> Iterator[Draw]:
    """Draws of `k` of a speaker's clips, whose labels are `emotions` [N]; one only where there is no choice.

    A speaker, a kind and a count fix the draws. Where a draw can't be made, since the speaker has too few clips of a
    kind, it is left out.
    """
    every = np.arange(len(emotions))
    if k in ("0", RECORDING):
        yield Draw(0, every[:0] if k == "0" else every, every)
        return
    for number in range(draws):
        chance = np.random.default_rng([number, int(k), *kind.encode(), *speaker.encode()])
        known = _known(kind, int(k), emotions, chance)
        if known is not None:
            yield Draw(number, known, np.setdiff1d(every, known))


def _known(kind: str, k: int, emotions: np.ndarray, chance: np.random.Generator) -> np.ndarray | None:
    found = np.unique(emotions)
    pool = np.arange(len(emotions))
    if kind == "skewed":
        shares = dict(zip(found, chance.dirichlet(np.full(len(found), SKEW)), strict=True))
        weights = np.array([max(shares[emotion], 1e-6) for emotion in emotions])
        return chance.choice(pool, k, replace=False, p=weights / weights.sum()) if k < len(pool) else None
    if kind != "random":
        names = CALM if kind == "neutral" else chance.choice(found, {"one": 1, "two": 2}[kind], replace=False)
        pool = np.flatnonzero(np.isin(emotions, names))
    # Of the neutral clips of an actor there are four: a draw of eight of one emotion is of another one.
    return chance.choice(pool, k, replace=False) if k <= len(pool) and k < len(emotions) else None
