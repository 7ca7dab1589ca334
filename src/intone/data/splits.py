"""Clip table + protocol + fold -> the clips for training, validation and test, disjoint by speaker or refused."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from intone.data.labels import ordered
from intone.errors import IntoneError

PARTS = ("train", "validation", "test")

AUDITED = ("luna5_test_statistics", "luna5_test_layer")
"""luna5's folds, but with each test actor's own statistics, or with the layers that do best on the test clips."""

LEAKY = ("random", *AUDITED)
"""Protocols with a deliberate leak from the test clips, to measure its effect; `random` shuffles clips."""

Actors = tuple[int, ...]

LUNA5: tuple[tuple[Actors, Actors], ...] = (
    ((2, 5, 14, 15, 16), (3, 6)),
    ((3, 6, 7, 13, 18), (10, 11)),
    ((10, 11, 12, 19, 20), (8, 17)),
    ((8, 17, 21, 23, 24), (1, 14)),
    ((1, 4, 9, 22), (2, 5)),
)
"""(test, validation) actors of each fold: Luna-Jiménez et al. 2022; validation as in ResLSTM-SER, arXiv 2606.03359."""

EMOBOX6: tuple[tuple[Actors, Actors], ...] = (
    ((1, 11, 20, 21), (2, 7)),
    ((4, 10, 12, 14), (1, 6)),
    ((8, 9, 19, 23), (10, 13)),
    ((3, 5, 7, 24), (12, 17)),
    ((2, 15, 16, 18), (14, 19)),
    ((6, 13, 17, 22), (8, 3)),
)
"""(test, validation) actors of each fold: test as in EmoBox (Interspeech 2024)."""

LOSO24: tuple[tuple[Actors, Actors], ...] = tuple(((k,), (k % 24 + 1, (k + 1) % 24 + 1)) for k in range(1, 25))
"""(test, validation) actors of each fold: actor k for test, actors k+1 and k+2 (modulo 24) for validation."""

PROTOCOLS = ("luna5", "emobox6", "loso24", "luna5_sentence", "random", "speakers", "corpora")
"""`random` shuffles clips and so leaks speakers (only for the leakage audit); `speakers` leaves some speakers out in
each fold, for any corpus that is not RAVDESS; `corpora` leaves one of several corpora out in each fold."""

OF_RAVDESS = ("luna5", "emobox6", "loso24", "luna5_sentence")
"""Protocols that name RAVDESS's actors."""


@dataclass(frozen=True)
class Split:
    """One fold: each part is a tuple of the clip table's `file` keys."""

    protocol: str
    fold: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]

    def part_of(self) -> dict[str, str]:
        """`file` -> train, validation or test."""
        return {file: part for part in PARTS for file in getattr(self, part)}


def folds(clips: pd.DataFrame, protocol: str) -> list[Split]:
    """All folds of a protocol over a clip table, in order.

    Raises IntoneError for an unknown protocol, for a part without clips, and where a speaker would be in two parts of a
    fold (except in `random`, which exists to measure the effect of that).
    """
    if protocol not in PROTOCOLS:
        raise IntoneError(f"There is no protocol {protocol!r}: choose one of {', '.join(PROTOCOLS)}.")
    if protocol == "random":
        return _random(clips)
    if protocol == "speakers":
        return [_by_speaker(clips, protocol, str(k + 1), *pair) for k, pair in enumerate(_groups(clips))]
    if protocol == "corpora":
        return _corpora(clips)
    table = {"luna5": LUNA5, "emobox6": EMOBOX6, "loso24": LOSO24, "luna5_sentence": LUNA5}[protocol]
    splits = []
    for k, (test, validation) in enumerate(table, start=1):
        split = _by_speaker(clips, protocol, str(k), _names(test), _names(validation))
        splits += _crossed(clips, split) if protocol == "luna5_sentence" else [split]
    return splits


def check_learnable(clips: pd.DataFrame, splits: Sequence[Split], speakers: int = 1) -> list[str]:
    """Sentences for the user before anything is trained: the emotions that a fold's training clips lack.

    Raises IntoneError where nothing can be learned: all clips have one emotion, in total or in a fold's training part,
    or that part has fewer than `speakers` speakers.
    """
    emotions = set(clips["emotion"])
    if len(emotions) < 2:
        raise IntoneError(f"All {len(clips)} clips are {min(emotions)}: add clips of another emotion to tell it from.")
    rows = clips.set_index("file")
    said = []
    for split in splits:
        part = rows.loc[list(split.train)]
        if (found := part["speaker"].nunique()) < speakers:
            raise IntoneError(
                f"This model learns from {speakers} speakers or more, and fold {split.fold} of {split.protocol} leaves "
                f"{found} to train on: add clips of other speakers, or take another model."
            )
        if part["emotion"].nunique() < 2:
            raise IntoneError(
                f"In fold {split.fold} of {split.protocol} all training clips are {part['emotion'].iloc[0]}: add clips "
                "of other emotions by more of the speakers."
            )
        if lacking := ordered(emotions - set(part["emotion"])):
            said.append(f"Fold {split.fold}: no training clip is {' or '.join(lacking)}, so it can't be learned there.")
    return said


def _names(actors: Actors) -> list[str]:
    return [f"ravdess-{actor:02d}" for actor in actors]


def _groups(clips: pd.DataFrame, size: int = 2) -> list[tuple[list[str], list[str]]]:
    """(test, validation) speakers of each fold: `size` neighbours for test, the next one for validation."""
    speakers = sorted(clips["speaker"].unique())
    if len(speakers) < 4:
        raise IntoneError(
            f"Speaker-disjoint folds need 4 speakers or more, and this table has {len(speakers)}: add clips of others."
        )
    return [(speakers[i : i + size], [speakers[(i + size) % len(speakers)]]) for i in range(0, len(speakers), size)]


def _by_speaker(clips: pd.DataFrame, protocol: str, fold: str, test: Sequence[str], validation: Sequence[str]) -> Split:
    speaker = clips["speaker"]
    out = {
        "test": clips.loc[speaker.isin(test), "file"],
        "validation": clips.loc[speaker.isin(validation), "file"],
        "train": clips.loc[~speaker.isin([*test, *validation]), "file"],
    }
    split = Split(protocol, fold, **{part: tuple(sorted(files)) for part, files in out.items()})
    check_disjoint(split, clips)
    return split


def check_disjoint(split: Split, clips: pd.DataFrame) -> None:
    """Raises IntoneError where a part is empty or a speaker is in two parts."""
    speaker_of = dict(zip(clips["file"], clips["speaker"], strict=True))
    speakers = {part: {speaker_of[f] for f in getattr(split, part)} for part in PARTS}
    for part, found in speakers.items():
        if not found:
            raise IntoneError(
                f"Fold {split.fold} of {split.protocol} has no {part} clips: the protocol needs all its speakers."
            )
    for one, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
        both = sorted(speakers[one] & speakers[other])
        if both:
            raise IntoneError(
                f"Fold {split.fold} of {split.protocol} has {', '.join(both)} in both {one} and {other}: refused."
            )


def _corpora(clips: pd.DataFrame) -> list[Split]:
    """One fold per corpus, which is its test part; one man and one woman of each other corpus are for validation."""
    if clips["corpus"].nunique() < 2:
        raise IntoneError("Leaving a corpus out takes two or more: name them with --corpora.")
    speakers = clips.drop_duplicates("speaker").sort_values("speaker")
    chosen = speakers.drop_duplicates(["corpus", "sex"])
    splits = []
    for corpus in sorted(clips["corpus"].unique()):
        test = speakers.loc[speakers["corpus"] == corpus, "speaker"]
        validation = chosen.loc[chosen["corpus"] != corpus, "speaker"]
        splits.append(_by_speaker(clips, "corpora", corpus, list(test), list(validation)))
    return splits


def _crossed(clips: pd.DataFrame, split: Split) -> list[Split]:
    """One speaker-disjoint fold -> one fold per sentence: train and validate on the others, test on it."""
    statement = dict(zip(clips["file"], clips["statement"], strict=True))
    out = []
    for held in sorted(set(statement.values())):
        parts = {p: tuple(f for f in getattr(split, p) if (statement[f] == held) == (p == "test")) for p in PARTS}
        out.append(Split(split.protocol, f"{split.fold}-{held}", **parts))
    return out


def _random(clips: pd.DataFrame, count: int = 5, seed: int = 0) -> list[Split]:
    """Folds of clips shuffled into fifths, regardless of their speaker; validation is a tenth of the rest."""
    files = np.array(sorted(clips["file"]))
    order = np.random.default_rng(seed).permutation(len(files))
    splits = []
    for k, test in enumerate(np.array_split(order, count)):
        rest = np.setdiff1d(order, test)
        rest = np.random.default_rng([seed, k]).permutation(rest)
        cut = len(rest) // 10
        parts = {"test": test, "validation": rest[:cut], "train": rest[cut:]}
        if not all(len(part) for part in parts.values()):
            raise IntoneError(f"{len(files)} clips are too few for random folds: add some, 13 at the least.")
        splits.append(Split("random", str(k + 1), **{part: tuple(sorted(files[i])) for part, i in parts.items()}))
    return splits
