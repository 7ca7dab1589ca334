"""A model's folds -> the same model trained on every speaker, calibrated on the folds' unseen speakers.

No speaker is left to test it on, so its scores are those of the folds' models on their test speakers. Its temperature,
and at that temperature its threshold for "unsure", come from these models' logits for test speakers.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from intone.data.splits import Split, folds
from intone.errors import IntoneError
from intone.evaluation.calibration import Calibration, probabilities, temperature
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
    """
    labels = list(space.labels)
    tested = [table[table["split"] == "test"].set_index("file") for table in (fold.predictions for fold in made)]
    logits = [fold.logits.loc[table.index, labels] for fold, table in zip(made, tested, strict=True)]

    def warmth(answers: Sequence[pd.DataFrame]) -> float:
        together = pd.concat(answers)
        return temperature(together.to_numpy(), space.true(list(together.index)))

    def answered(k: int, t: float) -> pd.DataFrame:
        chances = pd.DataFrame(probabilities(logits[k].to_numpy(), t), logits[k].index, labels)
        return tested[k].drop(columns=labels).join(chances).reset_index()

    t, order = warmth(logits), range(len(made))
    shipped = pd.concat([answered(k, t) for k in order])
    strange = pd.concat([answered(k, warmth([*logits[:k], *logits[k + 1 :]])) for k in order])
    return Calibration.of(t, shipped, strange)
