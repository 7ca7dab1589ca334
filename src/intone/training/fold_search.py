"""One fold's training clips -> its search: each trial is a recipe with other values, judged on inner folds.

An inner fold is a finished fold in RUNS/tuned/folds, so that a trial which was interrupted goes on from there. The
workspace has no clip of the fold's validation and test speakers.
"""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from intone.cache import digest
from intone.data.inner_folds import inner_folds, training_clips
from intone.data.splits import Split, check_learnable
from intone.errors import Diverged, Missing
from intone.evaluation.calibration import clip_losses
from intone.inference.cluster import Cluster
from intone.training.finished_fold import TUNED
from intone.training.parallel import Task, make_all
from intone.training.recipe_fields import Scalar, changed, searchable
from intone.training.runs import fingerprint
from intone.training.search_space import SearchSpace
from intone.training.study import Study
from intone.training.tuned import FOLDER
from intone.training.workspace import FeatureStore, Workspace


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is searched, and how."""

    model: str
    track: str = "none"
    space: SearchSpace
    trials: int = 20
    """For each fold."""
    inner: int = 4
    """Inner folds of each fold."""
    workers: int = 1
    """Inner folds that train at the same time."""
    cluster: Cluster | None = None


@dataclass(frozen=True, kw_only=True)
class FoldSearch:
    """A search on one fold's training speakers."""

    search: Search
    split: Split
    workspace: Workspace
    """Of the fold's training clips alone."""
    inner: Sequence[Split]

    @classmethod
    def of(cls, search: Search, workspace: Workspace, split: Split) -> "FoldSearch":
        """The search, before any trial; raises IntoneError where an inner fold has too few speakers to learn from."""
        inside = replace(
            workspace,
            corpus=training_clips(workspace.corpus, split),
            runs=workspace.runs / FOLDER / "folds",
            store=FeatureStore(),
        )
        inner = inner_folds(inside.corpus.clips, split, search.inner)
        least = inside.recipe(search.model).least_speakers(inside.models)
        check_learnable(inside.corpus.clips, inner, least)
        return cls(search=search, split=split, workspace=inside, inner=inner)

    @property
    def speakers(self) -> list[str]:
        """The fold's training speakers."""
        return sorted(set(self.workspace.speakers.values()))

    def study(self, path: Path) -> Study:
        """The fold's study in that file: one for each search, setting, seed and division of clips."""
        settings = self.workspace.settings(self.search.model, self.search.track)
        marks = [fingerprint(settings, split, self.workspace.corpus.clips) for split in self.inner]
        name = f"{self.split.fold}-{digest(str(self.search.space), *marks)[:16]}"
        fields = searchable(self.workspace.recipe(self.search.model))
        preset = {field: fields[field].value for field in self.search.space.of}
        return Study.open(path, name, self.search.space, preset, self.workspace.seed)

    def loss(self, values: dict[str, Scalar]) -> float:
        """Mean calibrated loss of all clips, each held out in an inner fold, in nats, at temperatures that the inner
        folds' own validation speakers chose; NaN where a training diverges."""
        recipe = changed(self.workspace.recipe(self.search.model), values)
        name = f"{self.search.model}{TUNED}-{digest(recipe.settings(), recipe.epochs())[:12]}"
        space = replace(self.workspace, models={**self.workspace.models, name: recipe})
        recipe.prepare(space, self.search.workers)
        try:
            self._make(space, name)
        except Diverged:
            return math.nan
        losses = []
        for split in self.inner:
            held_out = list(split.test)
            logits = space.fold(name, self.search.track, split).calibrated.loc[held_out]
            losses.append(clip_losses(logits.to_numpy(), space.true(held_out)))
        return float(np.concatenate(losses).mean())

    def _make(self, space: Workspace, name: str) -> None:
        """Train the inner folds that aren't finished."""
        search, left = self.search, [split for split in self.inner if not self._made(space, name, split)]
        tasks = [Task(name, search.track, split, space.seed) for split in left]
        for _ in make_all(space, tasks, search.workers, search.cluster):
            pass

    def _made(self, space: Workspace, name: str, split: Split) -> bool:
        with suppress(Missing):
            space.made(name, split, self.search.track)
            return True
        return False
