"""A model's folds -> the same model trained on every speaker, calibrated by what the folds said of strangers.

Nobody is left to judge it by, so its figures are those of its twins, out of fold; its temperature, and at that
temperature its threshold for "unsure", come from their logits of test speakers.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from intone.cache import write_whole
from intone.data.splits import Split, folds
from intone.emotions import EMOTIONS
from intone.errors import IntoneError
from intone.evaluation.calibration import probabilities, temperature, unsure_below
from intone.evaluation.metrics import score
from intone.training.processor import processor
from intone.training.recipes.fusion import ChoiceRecipe, LateRecipe
from intone.training.recipes.linear_probe import SpeechProbeRecipe
from intone.training.recipes.text import SentenceRecipe
from intone.training.runs import StoredFold, claim, commit, fingerprint, finished
from intone.training.workspace import Lab, Recipe

PROTOCOL = "everyone"
"""Of its run folder, runs/MODEL__TRACK__everyone/fold-all."""


def train_everyone(lab: Lab, model: str, track: str, protocol: str) -> Path:
    """The folder of the model that learnt from every clip of the corpus, made now or found there.

    `protocol` is that of the folds, which are made first where they aren't there. A choice becomes what most folds
    picked, a late fusion is put together from its branches. Raises IntoneError for a model that needs validation
    speakers while it learns, and for words that hang on the corpus' own sentences.
    """
    recipe = lab.recipe(model)
    made = [lab.fold(model, track, split) for split in folds(lab.corpus.clips, protocol)]
    if isinstance(recipe, ChoiceRecipe):
        picked = Counter(fold.config["details"]["picked"] for fold in made).most_common(1)[0][0]
        return train_everyone(lab, picked, track, protocol)
    check(lab, model, track)
    split = Split(PROTOCOL, "all", tuple(lab.corpus.clips["file"]), (), ())
    settings = {**lab.settings(model, track), "folds": protocol}
    mark, folder = fingerprint(settings, split, lab.corpus.clips), lab.where(model, track, split)
    if not finished(folder, mark):
        claim(folder, mark)
        details = _learn(lab, recipe, track, split, folder, protocol, made)
        config = {"fingerprint": mark, "settings": settings, "corpus": lab.corpus.origin}
        config |= {**judged(lab, made), "processor": processor(), "details": details, "commit": commit()}
        write_whole(folder / "config.json", json.dumps(config, indent=1).encode())
    return folder


def check(lab: Lab, model: str, track: str) -> None:
    """Raises IntoneError for what `train_everyone` or `intone export` would refuse after the folds are trained."""
    if reason := _refusal(lab, model, track):
        raise IntoneError(reason)


def _refusal(lab: Lab, model: str, track: str) -> str:
    """Why a model can't learn from everyone, or can't be put into a file then; "" where it can.

    A choice can where one of its candidates can; a fusion where all of its branches can.
    """
    recipe = lab.recipe(model)
    if isinstance(recipe, ChoiceRecipe):
        reasons = [_refusal(lab, part, track) for part in recipe.parts]
        return reasons[0] if all(reasons) else ""
    if isinstance(recipe, SentenceRecipe | LateRecipe) and recipe.modality != "audio" and track != "natural":
        return f"{model} on {track} learns two sentences by heart: for free speech take --track natural."
    if isinstance(recipe, LateRecipe):
        return next(filter(None, (_refusal(lab, part, track) for part in recipe.parts)), "")
    if not isinstance(recipe, SentenceRecipe | SpeechProbeRecipe):
        return f"{model} chooses its epoch on validation speakers: export one of its folds instead."
    lacking = [e for e in EMOTIONS if e not in set(lab.corpus.clips["emotion"])]
    if isinstance(recipe, SpeechProbeRecipe) and lacking:
        return (
            f"{model} can't be put into a file where no clip is {' or '.join(lacking)}: leave --everyone out, and "
            "export a fold of a network such as audio_cnn."
        )
    return ""


def _learn(
    lab: Lab, recipe: Recipe, track: str, split: Split, folder: Path, protocol: str, made: Sequence[StoredFold]
) -> dict[str, Any]:
    """Everything that is learnt into the folder; a fusion's weight is the mean of its folds'."""
    if not isinstance(recipe, LateRecipe):
        return dict(recipe.make(lab, track, split, folder).details)
    folders = [train_everyone(lab, branch, track, protocol) for branch in recipe.branches]
    details: dict[str, Any] = {"branches": [f.parent.name for f in folders]}
    weights = [fold.config["details"].get("weight_of_first") for fold in made]
    return details | ({"weight_of_first": float(np.mean(weights))} if None not in weights else {})


def judged(lab: Lab, made: Sequence[StoredFold]) -> dict[str, Any]:
    """Temperature, threshold and figures from folds: each clip as its own fold's test heard it.

    The figures are at the temperature that the other folds' test speakers ask for, as strangers are met.
    """
    tested = [table[table["split"] == "test"].set_index("file") for table in (fold.predictions for fold in made)]
    logits = [fold.logits.loc[table.index, list(EMOTIONS)] for fold, table in zip(made, tested, strict=True)]

    def warmth(heard: Sequence[pd.DataFrame]) -> float:
        together = pd.concat(heard)
        return temperature(together.to_numpy(), lab.true(list(together.index)))

    def answers(k: int, t: float) -> pd.DataFrame:
        chances = pd.DataFrame(probabilities(logits[k].to_numpy(), t), logits[k].index, list(EMOTIONS))
        return tested[k].drop(columns=list(EMOTIONS)).join(chances).reset_index()

    t, order = warmth(logits), range(len(made))
    shipped = pd.concat([answers(k, t) for k in order])
    strange = pd.concat([answers(k, warmth([*logits[:k], *logits[k + 1 :]])) for k in order])
    return {"temperature": t, "unsure": threshold(shipped), "scores": figures(strange)}


def threshold(answered: pd.DataFrame) -> float:
    """The confidence below which a predictions table's answers were wrong at least as often as right."""
    right = (answered["predicted"] == answered["emotion"]).to_numpy()
    return unsure_below(answered[list(EMOTIONS)].to_numpy().max(1), right)


def figures(tested: pd.DataFrame) -> dict[str, float]:
    """What a card says of a model: clips, accuracy, UAR with its interval, ECE."""
    found = asdict(score(tested))
    return {name: round(found[name], 4) for name in ("clips", "accuracy", "uar", "uar_low", "uar_high", "ece")}
