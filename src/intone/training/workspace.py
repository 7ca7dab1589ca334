"""Model name + track + protocol + fold -> a finished fold in the runs folder, made now or found there.

A recipe asks the lab for the folds it builds on (a fusion for its branches), so whatever is finished is never made
twice, and an experiment that was stopped goes on where it was.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
import pandas as pd

from intone.cache import digest
from intone.data.corpus import Corpus
from intone.data.splits import Split
from intone.emotions import INDEX
from intone.errors import IntoneError, Missing
from intone.training.processor import processor
from intone.training.runs import (
    Outcome,
    RunName,
    StoredFold,
    claim,
    fingerprint,
    finished,
    fold_folder,
    read_fold,
    write_fold,
)

Value = TypeVar("Value")


class Recipe(Protocol):
    """How one model is made; a frozen dataclass, whose fields are its settings."""

    modality: ClassVar[str]
    """audio, text or fusion."""
    effort: ClassVar[tuple[str, ...]]
    """The fields of `Effort` that it heeds."""
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def make(self, lab: "Lab", track: str, split: Split, folder: Path) -> Outcome:
        """Train on the fold's training clips, choose on its validation clips, listen to all; `folder` is its own."""
        ...

    def prepare(self, lab: "Lab", workers: int) -> None:
        """Put into the cache what all folds share, before several workers ask for it at once."""
        return

    def stands_on(self) -> Mapping[str, str]:
        """Pretrained weights -> their sha256: a finished fold is another one when they are others."""
        return {}

    def least_speakers(self, models: Mapping[str, "Recipe"]) -> int:
        """How many training speakers it needs in a fold; `models` are those that it may be made of."""
        return 1

    def on(self, weights: str) -> "Recipe":
        """The same on another pretrained encoder; raises IntoneError where there is none below it."""
        raise IntoneError(f"This model is trained from scratch: it takes no weights, and not {weights} either.")


@dataclass(frozen=True)
class Effort:
    """How long networks train; the full settings, or a few epochs for a try."""

    audio_epochs: int = 50
    text_epochs: int = 12
    goemotions_epochs: int = 6
    """Passes over GoEmotions of the text networks that the track `natural` uses."""
    joint_epochs: int = 12
    """Passes of early fusion when it trains together with its branches."""
    head_epochs: int = 12
    """Passes of a head over a speech encoder's states."""
    tuned_epochs: int = 12
    """Passes of a head together with the encoder's blocks below it."""

    @classmethod
    def of(cls, epochs: int) -> "Effort":
        """So many passes of everything, for a try."""
        return cls(**{part.name: epochs for part in fields(cls)})


@dataclass
class Lab:
    """Everything that folds are made from, and where they are kept."""

    corpus: Corpus
    models: Mapping[str, Recipe]
    runs: Path
    transcripts: pd.DataFrame | None = None
    """Columns `file, text`: what was heard in each clip."""
    goemotions: pd.DataFrame | None = None
    """Columns `id, text, emotion, part`: sentences for the track `natural`."""
    glove: Path | None = None
    """Folder of the GloVe vectors."""
    effort: Effort = field(default_factory=Effort)
    seed: int = 0
    memory: dict[str, Any] = field(default_factory=dict)
    """What recipes keep between folds (features, word vectors)."""

    @cached_property
    def emotions(self) -> dict[str, str]:
        """`file` -> emotion."""
        return dict(zip(self.corpus.clips["file"], self.corpus.clips["emotion"], strict=True))

    @cached_property
    def speakers(self) -> dict[str, str]:
        """`file` -> speaker."""
        return dict(zip(self.corpus.clips["file"], self.corpus.clips["speaker"], strict=True))

    def true(self, files: Sequence[str]) -> np.ndarray:
        """Emotion indices [N] of clips."""
        return np.array([INDEX[self.emotions[f]] for f in files])

    def keep(self, key: str, make: Callable[[], Value]) -> Value:
        """What `make` gave the first time it was asked for under `key`."""
        if key not in self.memory:
            self.memory[key] = make()
        return self.memory[key]

    def recipe(self, model: str) -> Recipe:
        """The model's recipe; raises IntoneError for an unknown name."""
        if model not in self.models:
            raise IntoneError(f"There is no model {model!r}: choose one of {', '.join(self.models)}.")
        return self.models[model]

    def recipe_of(self, model: str, kind: Any, what: str) -> Any:
        """The model's recipe; raises IntoneError where it is not of that class, which is `what`."""
        recipe = self.recipe(model)
        if not isinstance(recipe, kind):
            raise IntoneError(f"{model} is not {what}: name one that is.")
        return recipe

    def where(self, model: str, track: str, split: Split) -> Path:
        """The folder of one fold; audio alone has the track `none`."""
        track = "none" if self.recipe(model).modality == "audio" else track
        return fold_folder(self.runs, RunName(model, track, split.protocol, self.seed), split.fold)

    def fold(self, model: str, track: str, split: Split) -> StoredFold:
        """The finished fold; made now unless it is there with the same settings and data."""
        recipe, folder = self.recipe(model), self.where(model, track, split)
        settings = self.settings(model, track)
        mark = fingerprint(settings, split, self.corpus.clips)
        if not finished(folder, mark):
            claim(folder, mark)
            outcome = recipe.make(self, track, split, folder)
            write_fold(folder, split, self.corpus.clips, outcome, settings, mark, processor(), self.corpus.origin)
        return read_fold(folder)

    def network(self, model: str, track: str, split: Split) -> Any:
        """The trained network of a finished fold, for a fusion to build on; a choice gives the one it picked."""
        recipe, folder = self._picked(model, track, split)
        return recipe.network_of(folder)

    def examples(self, model: str, track: str, split: Split) -> Any:
        """The fold's clips as that network takes them."""
        recipe, folder = self._picked(model, track, split)
        return recipe.examples(self, track, split, folder)

    def _picked(self, model: str, track: str, split: Split) -> tuple[Any, Path]:
        picked = self.fold(model, track, split).config["details"].get("picked", model)
        return self.recipe(picked), self.where(picked, track, split)

    def settings(self, model: str, track: str) -> dict[str, Any]:
        """Everything that a finished fold of this model depends on, branches included, JSON-able."""
        recipe = self.recipe(model)
        named = [v for v in asdict(recipe).values() if isinstance(v, tuple)]
        branches = [b for names in named for b in names if isinstance(b, str) and b in self.models]
        effort = asdict(self.effort)
        weights = recipe.stands_on()
        return {
            "model": model,
            "track": "none" if recipe.modality == "audio" else track,
            "words": "" if recipe.modality == "audio" else self._words_digest(track),
            "seed": self.seed,
            "effort": {name: effort[name] for name in recipe.effort},
            "recipe": asdict(recipe),
            "branches": {b: self.settings(b, track) for b in branches},
            **({"weights": dict(weights)} if weights else {}),
        }

    def _words_digest(self, track: str) -> str:
        """Names the texts that a track is made from, so that other words make other folds."""
        table = self.goemotions if track == "natural" else self.transcripts
        return "" if table is None else self.keep(f"words {track}", lambda: digest(table.to_csv(index=False)))

    def with_seed(self, seed: int) -> "Lab":
        """The same lab with another seed; what recipes keep is shared."""
        return replace(self, seed=seed)

    def needed(self, what: str, value: Value | None, command: str) -> Value:
        """The value, or Missing with the command that gets it."""
        if value is None:
            raise Missing(f"{what} are needed and not there: `{command}` gets them.")
        return value
