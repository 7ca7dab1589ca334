"""One kind of model: its parts, how it is trained, how it predicts, how it is exported to a file.

A new kind is one subclass of `Recipe` in a module of `recipes/`, and a line in its registry.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np
import pandas as pd
from torch import nn

from intone.audio.features import FeatureSettings
from intone.data.splits import Split
from intone.errors import IntoneError
from intone.evaluation.details import Details
from intone.inference.voice import VoiceModel
from intone.models.batch import Examples
from intone.models.graph import FileGraph, ModelGraph, SoundGraph, TextGraph
from intone.models.standardised import Standardised
from intone.text import Encoder
from intone.training.module import TrainingPreset

if TYPE_CHECKING:
    from intone.training.finished_fold import FinishedFold
    from intone.training.workspace import Workspace

Predictor = Callable[[Sequence[np.ndarray]], np.ndarray]
"""Clips (mono float32, 16 kHz) -> logits or probabilities [N, labels]."""

FIRST_EPOCHS: Final = 60
"""Epochs of every training in the settings of finished runs: the preset's value, which the run then overwrote."""


@dataclass(frozen=True)
class FoldTask:
    """One fold on which a model is to be trained."""

    track: str
    split: Split
    folder: Path
    """The fold's own folder, for its files."""
    parts: Mapping[str, "FinishedFold"] = field(default_factory=dict)
    """Each part of the model -> that part's finished fold."""

    @property
    def branches(self) -> list["FinishedFold"]:
        """The parts; for a choice, the fold that it picked."""
        return [part.picked for part in self.parts.values()]


@dataclass(frozen=True)
class FoldResult:
    """The result of training one model on one fold."""

    logits: pd.DataFrame
    """Index `file`, one column per label; every clip of the fold, without augmentation."""
    parameters: int
    seconds: float
    """Training time of this fold, without that of its parts."""
    embeddings: pd.DataFrame | None = None
    """Index `file`, one column per dimension."""
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Columns `epoch, split, loss, accuracy, uar`."""
    details: Details = Details()
    temperature: float | None = None
    """Of the logits, where the model needs none that is fitted on validation clips."""
    built_on: Mapping[str, float] = field(default_factory=dict)
    """Model -> its training time, for every model that this one builds on, directly or not."""


@dataclass(frozen=True)
class Voiced:
    """Clips, and what a model knows of voices."""

    embeddings: np.ndarray
    """[N, D]."""
    plain: np.ndarray
    """Logits without any knowledge of the voice, before any temperature, [N, labels]."""
    model: VoiceModel


class Recipe(ABC):
    """How one kind of model is trained, predicts and is exported; a frozen dataclass, whose fields are its settings."""

    modality: ClassVar[str]
    """audio, text or fusion."""
    epoch_names: ClassVar[Mapping[str, str]] = {}
    """Field that holds a `TrainingPreset` -> the name of its epochs in fingerprints."""
    adaptive: ClassVar[bool] = False
    """Whether it predicts otherwise where other clips of the speaker are known: see `voiced`."""
    needs_validation: ClassVar[bool] = True
    """Whether its training chooses something on validation speakers, so that it can't be trained on all speakers."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the models that it is made of."""
        return ()

    @abstractmethod
    def fit(self, space: "Workspace", task: FoldTask) -> FoldResult:
        """Train on the fold's training clips, choose on its validation clips, predict all clips."""

    def prepare(self, space: "Workspace", workers: int) -> None:
        """Put into the cache what all folds share, before several workers need it at once."""
        for part in self.parts:
            space.recipe(part).prepare(space, workers)

    # What it depends on.

    def epochs(self) -> dict[str, int]:
        """Epochs of its trainings, by the names of `epoch_names`."""
        return {name: getattr(self, preset).epochs for preset, name in self.epoch_names.items()}

    def with_epochs(self, budget: Mapping[str, int]) -> Self:
        """This recipe with other epochs, by the names of `epoch_names`; what the budget doesn't name stays."""
        wanted = {preset: budget[name] for preset, name in self.epoch_names.items() if name in budget}
        presets = {preset: replace(getattr(self, preset), epochs=epochs) for preset, epochs in wanted.items()}
        changed: Self = replace(self, **presets)  # type: ignore[type-var]
        return changed

    def pretrained(self) -> Mapping[str, str]:
        """Pretrained weights -> their sha256: with other weights, a finished fold is another fold."""
        return {}

    def least_speakers(self, models: Mapping[str, "Recipe"]) -> int:
        """How many training speakers it needs in a fold; `models` holds its parts."""
        return max((models[part].least_speakers(models) for part in self.parts), default=1)

    def settings(self) -> dict[str, Any]:
        """Its fields, JSON-able, in the form of fingerprints: epochs and seed are elsewhere in a run's settings."""
        kept: dict[str, Any] = asdict(self)  # type: ignore[call-overload]
        for name in self.trainings():
            kept[name] |= {"epochs": FIRST_EPOCHS, "seed": 0}
        return kept

    def trainings(self) -> dict[str, TrainingPreset]:
        """Field -> the `TrainingPreset` that it holds."""
        values = {part.name: getattr(self, part.name) for part in fields(self)}  # type: ignore[arg-type]
        return {name: value for name, value in values.items() if isinstance(value, TrainingPreset)}

    def trained(self, **changes: Any) -> Self:
        """This recipe with these changes to the training preset of each of its networks."""
        presets = {name: replace(preset, **changes) for name, preset in self.trainings().items()}
        changed: Self = replace(self, **presets)  # type: ignore[type-var]
        return changed

    def on(self, weights: str) -> "Recipe":
        """This recipe on another pretrained encoder; raises IntoneError where it is built on none."""
        if self.parts:
            raise IntoneError(f"This model is made of {', '.join(self.parts)}: give the weights to one of them.")
        raise IntoneError(f"This model is trained from scratch: it takes no weights, and not {weights} either.")

    def as_made(self, settings: Mapping[str, Any]) -> Self:
        """The recipe that a finished run with these `settings` was made by."""
        return self

    # What a finished run of it can do.

    def network_of(self, run: "FinishedFold") -> nn.Module:
        """The trained network, for a fusion to build on. Raises IntoneError where there is none."""
        raise IntoneError(f"{run.model} has no network that others could build on.")

    def examples(self, space: "Workspace", run: "FinishedFold", split: Split) -> Examples:
        """The fold's clips as that network's input."""
        raise IntoneError(f"{run.model} has no network that others could build on.")

    def predictor(self, run: "FinishedFold") -> Predictor:
        """Clips -> logits, before any temperature, computed in the same way as for the fold's own clips."""
        raise IntoneError(f"{run.model} hears no sound: an audio model is wanted.")

    def voiced(self, space: "Workspace", run: "FinishedFold", files: Sequence[str]) -> "Voiced":
        """Clips as a speaker-adaptive model takes them. Raises IntoneError where it isn't one."""
        raise IntoneError(f"{run.model} does not adapt to a voice: take a model whose name ends in -adaptive.")

    def spectrogram_network(self, run: "FinishedFold") -> tuple[Standardised, FeatureSettings]:
        """A network over spectrograms and its features, to be explained by saliency."""
        raise IntoneError(f"{run.model} is not a network over spectrograms: name one that is.")

    def attention(self, space: "Workspace", run: "FinishedFold", split: Split) -> Mapping[str, np.ndarray]:
        """Test clip -> its weight at each of its states, [T], summing to 1."""
        raise IntoneError(f"{run.model} is not a head that attends over an encoder's states: name one that is.")

    def text_network(self, run: "FinishedFold") -> tuple[nn.Module, Encoder]:
        """A network over sentences, and the encoder that turns them into ids."""
        raise IntoneError(f"{run.model} is not a network that reads sentences: name one that is.")

    # How it is put into a file.

    def graph(self, run: "FinishedFold", window: float) -> ModelGraph:
        """A whole run as one graph; `window` is the length of its input in seconds. Raises IntoneError."""
        sound = self.sound_graph(run, window)
        return ModelGraph(FileGraph(sound.network, None), sound.features, run.calibration)

    def sound_graph(self, run: "FinishedFold", window: float) -> SoundGraph:
        """The audio branch. Raises IntoneError where no file can hold it."""
        raise IntoneError(
            f"{run.model} can't be put into a file: take a model that hears, or a fusion of one with a network that "
            "reads."
        )

    def text_graph(self, run: "FinishedFold") -> TextGraph:
        """The text branch. Raises IntoneError where no file can hold it."""
        raise IntoneError(f"{run.model} doesn't read in a way that a file can hold.")

    # How it is studied.

    def twin(self, kind: "type[Any]", model: str) -> "Recipe":
        """This probe as one of another class, for the audit of leaks. Raises IntoneError for any other model."""
        raise IntoneError(f"{model} is not a probe of a frozen encoder: name one that is.")

    # How it is trained on all speakers.

    def refusal(self, space: "Workspace", model: str, track: str) -> str:
        """Why it can't be trained on all speakers, or can't be exported then; "" where it can."""
        if self.needs_validation:
            return f"{model} chooses its epoch on validation speakers: export one of its folds instead."
        return ""

    def refit(self, space: "Workspace", task: FoldTask, folds: Sequence["FinishedFold"]) -> Details:
        """Train on every clip, into the task's folder; `folds` are those that were evaluated."""
        return self.fit(space, task).details

    def represented_by(self, folds: Sequence["FinishedFold"]) -> str | None:
        """For a choice, the model that is trained on all speakers in its place; else None."""
        return None
