"""A model's folds -> the same model trained on every speaker, calibrated on the folds' unseen speakers.

No speaker is left to test it on, so its scores are those of the folds' models on their test speakers. Its temperature,
and at that temperature its threshold for "unsure", come from these models' logits for test speakers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from intone.data.splits import Split, folds
from intone.errors import IntoneError
from intone.evaluation.calibration import Calibration, probabilities, temperature
from intone.models.partial_labels import merged, right_labels, without_calm
from intone.training.finished_fold import FinishedFold
from intone.training.processor import processor
from intone.training.recipe import FoldTask
from intone.training.record import FoldRecord
from intone.training.runs import claim, commit, fingerprint, finished
from intone.training.workspace import Workspace

PROTOCOL: Final = "everyone"
"""Protocol in the name of its run folder, runs/MODEL__TRACK__everyone/fold-all."""


def train_everyone(space: Workspace, model: str, track: str, protocol: str) -> Path:
    """The folder of the model trained on every clip of the corpus, made now or found there.

    `protocol` is that of the folds, which are made first where they are missing. A choice becomes the candidate that
    most folds picked; a late fusion is combined from its branches. Raises IntoneError for a model whose training needs
    validation speakers, and for words that depend on the corpus' own sentences.
    """
    recipe = space.recipe(model)
    made = [space.fold(model, track, split) for split in folds(space.corpus.clips, protocol)]
    picked = recipe.represented_by(made)
    if picked:
        return train_everyone(space, picked, track, protocol)
    check(space, model, track)
    split = Split(PROTOCOL, "all", tuple(space.corpus.clips["file"]), (), ())
    settings = {**space.settings(model, track), "folds": protocol}
    mark, folder = fingerprint(settings, split, space.corpus.clips), space.where(model, track, split)
    if not finished(folder, mark):
        claim(folder, mark)
        below = {part: train_everyone(space, part, track, protocol) for part in recipe.parts}
        parts = {part: FinishedFold(where, space.models) for part, where in below.items()}
        details = recipe.refit(space, FoldTask(track, split, folder, parts), made)
        standing = judged(space, made)
        FoldRecord(
            fingerprint=mark,
            settings=settings,
            corpus=space.corpus.origin,
            temperature=standing.temperature,
            unsure=standing.unsure,
            scores=standing.scores,
            details=details,
            processor=processor(),
            commit=commit(),
        ).write(folder)
    return folder


def check(space: Workspace, model: str, track: str) -> None:
    """Raises IntoneError for what `train_everyone` or `intone export` would refuse after the folds are trained."""
    if reason := space.recipe(model).refusal(space, model, track):
        raise IntoneError(reason)


def judged(space: Workspace, made: Sequence[FinishedFold]) -> Calibration:
    """Temperature, threshold and scores from folds: each clip as predicted by the network of the fold that tests it.

    The scores are at the temperature fitted on the other folds' test speakers, since users' speakers are unseen, too.
    Clips of an emotion that a fold's training clips lack are left out: the model itself knows it. Where a corpus, or
    what a fold learned from, has no calm, it counts as neutral.
    """
    tested, order = [_Tested.of(space, fold) for fold in made], range(len(made))

    def warmth(parts: Sequence[_Tested]) -> float:
        return temperature(*(np.concatenate(both) for both in zip(*((p.logits, p.right) for p in parts), strict=True)))

    t = warmth(tested)
    shipped = pd.concat([part.at(t) for part in tested])
    strange = pd.concat([tested[k].at(warmth([*tested[:k], *tested[k + 1 :]])) for k in order])
    return Calibration.of(t, shipped, strange, strangers=made[0].name.protocol == "corpora")


@dataclass(frozen=True)
class _Tested:
    """A fold's test clips of emotions that were there to learn."""

    table: pd.DataFrame
    """Their predictions."""
    logits: np.ndarray
    """[N, labels]."""
    right: np.ndarray
    """The labels that are right, bool [N, labels]."""
    coarse: np.ndarray
    """Where calm counts as neutral, bool [N]."""
    labels: Sequence[str]

    @classmethod
    def of(cls, space: Workspace, fold: FinishedFold) -> "_Tested":
        predictions, labels = fold.predictions, list(space.labels)
        learned = set(predictions.loc[predictions["split"] == "train", "emotion"])
        table = predictions[(predictions["split"] == "test") & predictions["emotion"].isin(learned)]
        files, clips = list(table["file"]), space.corpus.clips
        of_clip = without_calm(list(clips["corpus"]), list(clips["emotion"]), learned)
        everywhere = dict(zip(clips["file"], of_clip, strict=True))
        coarse = np.array([everywhere[file] for file in files])
        logits = fold.logits.loc[files, labels].to_numpy()
        return cls(table, logits, right_labels(space.true(files), labels, coarse), coarse, labels)

    def at(self, t: float) -> pd.DataFrame:
        """The predictions at a temperature."""
        chances = merged(probabilities(self.logits, t), self.labels, self.coarse)
        predicted = [self.labels[k] for k in chances.argmax(1)]
        return self.table.assign(predicted=predicted, **dict(zip(self.labels, chances.T, strict=True)))
