"""A clip's functionals (openSMILE's eGeMAPS, ComParE) -> a logistic regression on them: the field's usual baselines."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from intone.data.splits import PARTS
from intone.evaluation.calibration import log_loss, temperature
from intone.evaluation.details import Details
from intone.models.linear_probe import UNKNOWN, both_of
from intone.training.functionals import Functionals
from intone.training.recipe import FoldResult, FoldTask, Recipe
from intone.training.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class FunctionalsRecipe(Recipe):
    """Functionals, standardised, and a logistic regression whose strength is chosen on inner folds by speaker."""

    modality: ClassVar[str] = "audio"
    needs_validation: ClassVar[bool] = False
    functionals: str
    """openSMILE's name of the set."""
    strengths: tuple[float, ...] = (0.0003, 0.003, 0.03, 0.3)
    """Values of C, scikit-learn's inverse regularisation, to choose from."""
    inner: int = 5
    """Inner folds by speaker."""

    def prepare(self, space: Workspace, workers: int) -> None:
        """Compute all clips' functionals."""
        space.fill(Functionals(self.functionals), workers)

    def least_speakers(self, models: Mapping[str, Recipe]) -> int:
        """Two: the strength is chosen on speakers held out in turn."""
        return 2

    def fit(self, space: Workspace, task: FoldTask) -> FoldResult:
        """Choose the strength and the temperature on held-out training speakers, train on all, predict all clips."""
        rows = space.features(Functionals(self.functionals))
        started = time.perf_counter()
        train = list(task.split.train)
        x, true = np.stack([rows[file][0] for file in train]), space.true(train)
        speakers = [space.speakers[file] for file in train]
        answers = {c: self._out_of_fold(x, true, speakers, c, len(space.labels)) for c in self.strengths}
        warmth = {c: temperature(logits, true) for c, logits in answers.items()}
        losses = {c: log_loss(answers[c] / warmth[c], true) for c in self.strengths}
        best = min(losses, key=lambda c: losses[c])
        model = _regression(best).fit(x, true)
        files = [file for part in PARTS for file in getattr(task.split, part)]
        logits = _logits(model, np.stack([rows[file][0] for file in files]), len(space.labels))
        table = pd.DataFrame(logits, pd.Index(files, name="file"), list(space.labels))
        count = model[-1].coef_.size + model[-1].intercept_.size
        details = Details(strength=best)
        return FoldResult(table, count, time.perf_counter() - started, details=details, temperature=warmth[best])

    def _out_of_fold(
        self, x: np.ndarray, true: np.ndarray, speakers: list[str], strength: float, classes: int
    ) -> np.ndarray:
        """Functionals [N, D] -> logits [N, labels] by regressions that didn't learn from the clip's speaker."""
        out = np.empty((len(x), classes))
        for learn, held_out in GroupKFold(min(self.inner, len(set(speakers)))).split(x, true, speakers):
            out[held_out] = _logits(_regression(strength).fit(x[learn], true[learn]), x[held_out], classes)
        return out


def _regression(strength: float) -> Pipeline:
    regression = LogisticRegression(C=strength, class_weight="balanced", max_iter=300, tol=1e-3)
    return make_pipeline(StandardScaler(), regression)


def _logits(model: Pipeline, x: np.ndarray, classes: int) -> np.ndarray:
    """[N, D] -> log-probabilities [N, labels]; an emotion without training clips gets a very low one."""
    weight, bias = both_of(model[-1])
    out = np.full((len(x), classes), UNKNOWN)
    # Not scikit-learn's log-probabilities, which are minus infinity where a probability is too small for a float.
    out[:, model.classes_] = log_softmax(model[:-1].transform(x) @ weight.T + bias, axis=1)
    found: np.ndarray = log_softmax(out, axis=1)
    return found
