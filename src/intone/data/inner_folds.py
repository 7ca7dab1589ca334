"""One fold -> inner folds by speaker over its training clips alone, on which settings are compared.

The fold's own validation and test speakers are in no inner fold. Each inner fold has validation speakers of its own,
for what its training chooses (epoch, temperature), and is judged on others.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import pandas as pd

from intone.data.corpus import Corpus
from intone.data.splits import Split, check_disjoint
from intone.errors import IntoneError

FEWEST: Final = 3
"""Inner folds, and speakers of them: one to judge on, one to choose the epoch on, one to learn from."""


def inner_folds(clips: pd.DataFrame, split: Split, count: int) -> list[Split]:
    """`count` inner folds of a fold, fewer where it has fewer training speakers; each clip is held out in one of them.

    Speakers are dealt to groups in turn, corpus by corpus and sex by sex, so that the groups are alike. An inner fold
    is judged on a group, and every second speaker of the next group is for its validation. Raises IntoneError for fewer
    than `FEWEST` folds or speakers.
    """
    if count < FEWEST:
        raise IntoneError(f"{count} inner folds are too few to learn, choose and judge: give --inner {FEWEST} or more.")
    rows = clips[clips["file"].isin(split.train)]
    speakers = rows.drop_duplicates("speaker").sort_values(["corpus", "sex", "speaker"])["speaker"].tolist()
    if len(speakers) < FEWEST:
        raise IntoneError(
            f"Fold {split.fold} of {split.protocol} has {len(speakers)} training speakers, and inner folds need "
            f"{FEWEST}: add clips of other speakers."
        )
    groups = [speakers[k :: min(count, len(speakers))] for k in range(min(count, len(speakers)))]
    return [_inner(rows, split, k, groups) for k in range(len(groups))]


def _inner(rows: pd.DataFrame, split: Split, k: int, groups: Sequence[Sequence[str]]) -> Split:
    test, validation = groups[k], groups[(k + 1) % len(groups)][::2]
    speaker = rows["speaker"]
    parts = {
        "train": rows.loc[~speaker.isin([*test, *validation]), "file"],
        "validation": rows.loc[speaker.isin(validation), "file"],
        "test": rows.loc[speaker.isin(test), "file"],
    }
    name = f"{split.protocol}-{split.fold}-inner{len(groups)}"
    inner = Split(name, str(k + 1), **{part: tuple(sorted(files)) for part, files in parts.items()})
    check_disjoint(inner, rows)
    return inner


def training_clips(corpus: Corpus, split: Split) -> Corpus:
    """The corpus without all clips that are not for training in the fold."""
    clips = corpus.clips[corpus.clips["file"].isin(split.train)].reset_index(drop=True)
    return replace(corpus, clips=clips, paths={file: corpus.paths[file] for file in clips["file"]})
