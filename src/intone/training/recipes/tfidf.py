"""A track's sentences -> the baseline: a bag of words and a logistic regression."""

import time
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from intone.data.goemotions import reserved
from intone.models.tfidf import TfidfClassifier
from intone.training.recipe import FoldResult, FoldTask, Recipe
from intone.training.recipes.text import comments, of_track
from intone.training.workspace import Workspace


@dataclass(frozen=True)
class TfidfRecipe(Recipe):
    """A bag of words: TF-IDF and logistic regression; trained on the same text as `RnnRecipe`."""

    modality: ClassVar[str] = "text"

    def fit(self, space: Workspace, task: FoldTask) -> FoldResult:
        """Fit on the fold's training sentences, or on GoEmotions for `natural`."""
        words = of_track(space, task.track, task.split)
        started = time.perf_counter()
        model = TfidfClassifier(classes=len(space.labels))
        if task.track == "natural":
            learn, _ = reserved(comments(space))
            model.fit(learn["text"].tolist(), [space.labels.index(e) for e in learn["emotion"]])
        else:
            train = list(task.split.train)
            model.fit(words.loc[train].tolist(), [space.targets[f] for f in train])
        logits = pd.DataFrame(model.logits(words.tolist()), words.index, list(space.labels))
        return FoldResult(logits, model.parameters, time.perf_counter() - started)
