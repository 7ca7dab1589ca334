"""A finished network's embeddings of a fold's clips -> a regression on them relative to the speaker's own voice.

The network stays as it is: without other clips of a speaker it predicts, with some `VoiceModel` (inference/voice.py)
does. It has learned from the training clips, so that it is too sure of them: temperatures come from validation clips.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from safetensors.numpy import load_file, save_file

from intone.errors import IntoneError
from intone.inference.voice import VoiceModel
from intone.models.voice_probe import Sentences, VoiceProbePreset, calibrated_on, fitted
from intone.training.finished_fold import FinishedFold
from intone.training.recipe import FoldResult, FoldTask, Recipe, Voiced
from intone.training.recipes.adaptive_probe import VOICE_FILE
from intone.training.recipes.fusion import spent
from intone.training.workspace import Workspace


@dataclass(frozen=True)
class AdaptiveNetworkRecipe(Recipe):
    """A network of the experiment, and a logistic regression on its embeddings relative to the voice."""

    modality: ClassVar[str] = "audio"
    adaptive: ClassVar[bool] = True
    network: str
    """Name of the model whose embeddings these are."""
    voice: VoiceProbePreset = field(default_factory=VoiceProbePreset)

    @property
    def parts(self) -> tuple[str, ...]:
        """The network."""
        return (self.network,)

    def fit(self, space: Workspace, task: FoldTask) -> FoldResult:
        """Fit the regression on the fold's training clips, temperatures on its validation clips; the fold's
        predictions are the network's."""
        started = time.perf_counter()
        part = task.parts[self.network].picked
        known = _sentences(space, part, task.split.train)
        model = fitted(known, self.voice)
        unseen = _sentences(space, part, task.split.validation)
        model = calibrated_on(model, unseen, part.logits.loc[list(task.split.validation)].to_numpy(), self.voice)
        save_file(model.arrays(), task.folder / VOICE_FILE)
        return FoldResult(
            part.logits,
            part.record.parameters + model.weight.size + model.bias.size,
            time.perf_counter() - started,
            temperature=part.record.temperature,
            built_on=spent([part]),
        )

    def voiced(self, space: Workspace, run: FinishedFold, files: Sequence[str]) -> Voiced:
        """The fold's clips -> their embeddings [N, D] and the network's logits [N, labels], before any temperature."""
        part = run.parts[0]
        model = VoiceModel.of_arrays(load_file(run.folder / VOICE_FILE))
        return Voiced(_embeddings(part, files), part.logits.loc[list(files)].to_numpy(), model)


def _sentences(space: Workspace, part: FinishedFold, files: Sequence[str]) -> Sentences:
    speakers = np.array([space.speakers[file] for file in files])
    return Sentences(_embeddings(part, files)[:, None, None], space.true(files), speakers, tuple(space.labels))


def _embeddings(part: FinishedFold, files: Sequence[str]) -> np.ndarray:
    """[N, D]. Raises IntoneError for a kind of model that has none."""
    if part.embeddings is None:
        raise IntoneError(f"{part.model} has no embeddings to adapt to a voice: take a network.")
    return part.embeddings.loc[list(files)].to_numpy(np.float32)
