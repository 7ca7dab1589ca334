"""Model name + track + protocol + fold -> a finished fold in the runs folder, made now or found there.

A model's parts are finished first (a fusion's branches, a choice's candidates), so nothing is made twice, and an
experiment that was stopped resumes where it was.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import pandas as pd

from intone.cache import digest
from intone.data.corpus import Corpus
from intone.data.splits import Split
from intone.device import AUTO
from intone.emotions import EMOTIONS
from intone.errors import Diverged, IntoneError, Missing
from intone.progress import say
from intone.text import Glove
from intone.training.finished_fold import FinishedFold
from intone.training.processor import processor
from intone.training.recipe import FoldTask, Predictor, Recipe
from intone.training.record import FoldRecord
from intone.training.runs import RunName, claim, fingerprint, finished, fold_folder, write_fold

Value = TypeVar("Value")

Copies = Mapping[str, Sequence[np.ndarray]]
"""`file` -> an array for the clip itself, then one for each of its changed copies."""


class ClipFeatures(Hashable, Protocol):
    """Settings of something that is computed from each clip once; a frozen dataclass."""

    def fill(self, corpus: Corpus, workers: int) -> None:
        """Put all clips' arrays into the cache, several clips at a time. Raises BadClip."""
        ...

    def computed(self, corpus: Corpus) -> Copies:
        """All clips' arrays, from the cache where they are there. Raises BadClip."""
        ...


@dataclass
class FeatureStore:
    """Arrays computed from the clips of one corpus, kept as long as the process runs."""

    kept: dict[ClipFeatures, Copies] = field(default_factory=dict)
    filled: set[ClipFeatures] = field(default_factory=set)

    def fill(self, settings: ClipFeatures, corpus: Corpus, workers: int) -> None:
        """Put all clips' arrays into the cache, once per settings."""
        if settings not in self.filled:
            settings.fill(corpus, workers)
            self.filled.add(settings)

    def get(self, settings: ClipFeatures, corpus: Corpus) -> Copies:
        """All clips' arrays."""
        if settings not in self.kept:
            self.kept[settings] = settings.computed(corpus)
        return self.kept[settings]


@dataclass
class Workspace:
    """Everything that folds are made from, and where they are kept."""

    corpus: Corpus
    models: Mapping[str, Recipe]
    runs: Path
    transcripts: pd.DataFrame | None = None
    """Columns `file, text`: the transcript of each clip."""
    goemotions: pd.DataFrame | None = None
    """Columns `id, text, emotion, part`: sentences for the track `natural`."""
    glove: Path | None = None
    """Folder of the GloVe vectors."""
    seed: int = 0
    """Seed of initial weights, order and augmentation."""
    device: str = AUTO
    """Where networks are trained: a name of `--device`."""
    store: FeatureStore = field(default_factory=FeatureStore)

    @property
    def labels(self) -> tuple[str, ...]:
        """The corpus's labels, in the order of all logits, probabilities and tables."""
        return self.corpus.labels

    @cached_property
    def emotions(self) -> dict[str, str]:
        """`file` -> label."""
        return dict(zip(self.corpus.clips["file"], self.corpus.clips["emotion"], strict=True))

    @cached_property
    def targets(self) -> dict[str, int]:
        """`file` -> index of its label."""
        return {file: self.labels.index(emotion) for file, emotion in self.emotions.items()}

    @cached_property
    def speakers(self) -> dict[str, str]:
        """`file` -> speaker."""
        return dict(zip(self.corpus.clips["file"], self.corpus.clips["speaker"], strict=True))

    @cached_property
    def word_vectors(self) -> Glove:
        """The GloVe vectors; raises Missing where they aren't there."""
        return Glove.read(self.needed("GloVe vectors", self.glove, "intone models get glove-6b-50d"))

    def true(self, files: Sequence[str]) -> np.ndarray:
        """Indices of the clips' labels, [N]."""
        return np.array([self.targets[f] for f in files])

    def corpora(self, files: Sequence[str]) -> np.ndarray | None:
        """The clips' corpora, [N]; None where all clips here are of one."""
        if self.corpus.clips["corpus"].nunique() < 2:
            return None
        found: np.ndarray = self.corpus.clips.set_index("file")["corpus"].loc[list(files)].to_numpy(str)
        return found

    def features(self, settings: ClipFeatures) -> Copies:
        """All clips' arrays, computed once per settings."""
        return self.store.get(settings, self.corpus)

    def fill(self, settings: ClipFeatures, workers: int) -> None:
        """Put all clips' arrays into the cache, several clips at a time, with a progress bar on stderr."""
        self.store.fill(settings, self.corpus, workers)

    def recipe(self, model: str) -> Recipe:
        """The model's recipe; raises IntoneError for an unknown name."""
        if model not in self.models:
            raise IntoneError(f"There is no model {model!r}: choose one of {', '.join(self.models)}.")
        return self.models[model]

    def where(self, model: str, track: str, split: Split) -> Path:
        """The folder of one fold; audio alone has the track `none`."""
        track = "none" if self.recipe(model).modality == "audio" else track
        return fold_folder(self.runs, RunName(model, track, split.protocol, self.seed), split.fold)

    def fold(self, model: str, track: str, split: Split) -> FinishedFold:
        """The finished fold; made now unless it is there with the same settings and data."""
        recipe, folder = self.recipe(model), self.where(model, track, split)
        settings = self.settings(model, track)
        mark = fingerprint(settings, split, self.corpus.clips)
        if not finished(folder, mark):
            claim(folder, mark)
            parts = {part: self.fold(part, track, split) for part in recipe.parts}
            result = recipe.fit(self, FoldTask(track, split, folder, parts))
            if not (result.logits.to_numpy() < np.inf).all():  # nor is NaN
                raise Diverged(f"The training of {folder} diverged, and predicts no numbers: give it a lower rate.")
            record = FoldRecord(
                fingerprint=mark,
                settings=settings,
                corpus=self.corpus.origin,
                temperature=1.0,
                processor=processor(),
            )
            write_fold(folder, split, self.corpus.clips, result, record)
        return FinishedFold(folder, self.models)

    def made(self, model: str, split: Split, track: str = "none") -> FinishedFold:
        """A fold that is finished; raises Missing where it is not, and trains nothing."""
        folder = self.where(model, track, split)
        if not finished(folder, fingerprint(self.settings(model, track), split, self.corpus.clips)):
            raise Missing(f"{folder} is not there, or was made with other settings: `intone reproduce` makes it.")
        return FinishedFold(folder, self.models)

    def all_made(self, models: Sequence[str], splits: Sequence[Split]) -> list[str]:
        """The audio models whose folds are all finished; raises IntoneError where there is none."""
        out = []
        for model in models:
            try:
                for split in splits:
                    self.made(model, split)
            except Missing as problem:
                say(f"left out: {model}: {problem}")
            else:
                out.append(model)
        if not out:
            raise IntoneError(f"None of {', '.join(models)} has been trained: `intone reproduce`.")
        return out

    def predictor(self, model: str, split: Split) -> Predictor:
        """Clips -> probabilities [N, labels] by a finished fold's network; raises Missing where it isn't trained."""
        return self.made(model, split).predictor()

    def settings(self, model: str, track: str) -> dict[str, Any]:
        """Everything that a finished fold of this model depends on, its parts included, JSON-able."""
        recipe = self.recipe(model)
        weights = recipe.pretrained()
        audio = recipe.modality == "audio"
        return {
            "model": model,
            "track": "none" if audio else track,
            "words": "" if audio else self._words_digest(track),
            "seed": self.seed,
            "effort": dict(recipe.epochs()),
            "recipe": recipe.settings(),
            "branches": {part: self.settings(part, track) for part in recipe.parts},
            **({"weights": dict(weights)} if weights else {}),
            **({"labels": list(self.labels)} if self.labels != EMOTIONS else {}),
        }

    def _words_digest(self, track: str) -> str:
        """Digest of the texts that a track is made from, so that other words give other folds."""
        return self._goemotions_digest if track == "natural" else self._transcripts_digest

    @cached_property
    def _transcripts_digest(self) -> str:
        return "" if self.transcripts is None else digest(self.transcripts.to_csv(index=False))

    @cached_property
    def _goemotions_digest(self) -> str:
        return "" if self.goemotions is None else digest(self.goemotions.to_csv(index=False))

    def with_seed(self, seed: int) -> "Workspace":
        """This workspace with another seed; what was computed from clips is shared."""
        return replace(self, seed=seed)

    def bare(self) -> "Workspace":
        """This workspace without what was computed from clips, which is large: other processes find it in the cache."""
        return replace(self, store=FeatureStore())

    def needed(self, what: str, value: Value | None, command: str) -> Value:
        """The value, or Missing with the command that gets it."""
        if value is None:
            raise Missing(f"{what} are needed and not there: `{command}` gets them.")
        return value
