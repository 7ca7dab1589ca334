"""Clips -> a linear probe of a frozen speech encoder: logistic regressions on its states, pooled over speech."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pandas as pd
import torch

from intone.data.splits import PARTS
from intone.errors import IntoneError
from intone.models.graph import ProbeGraph, SoundGraph
from intone.models.linear_probe import FittedProbe, LinearProbe, LinearProbePreset
from intone.models.partial_labels import Targets
from intone.training.encoder_states import EncoderStates
from intone.training.finished_fold import FinishedFold
from intone.training.recipe import Details, FoldResult, FoldTask, Predictor, Recipe
from intone.training.recipes.encoder import EncoderRecipe, NoisyRecipe, whisper_trunk
from intone.training.workspace import Workspace

WEIGHTS = "model.safetensors"
"""In a fold's folder."""


@dataclass(frozen=True, kw_only=True)
class LinearProbeRecipe(EncoderRecipe):
    """A frozen pretrained encoder, and a logistic regression on each of a few neighbouring layers."""

    needs_validation: ClassVar[bool] = False
    pooled: ClassVar[bool] = True
    probe: LinearProbePreset = field(default_factory=LinearProbePreset)
    version: int = 2
    """Raised when the same clips give other predictions, so that folds of the old kind are made again; since 2 the
    temperature comes from training speakers held out in turn, and not from validation clips."""

    def least_speakers(self, models: Mapping[str, Recipe]) -> int:
        """Two: layers are chosen on speakers held out in turn."""
        return 2

    def fit(self, space: Workspace, task: FoldTask) -> FoldResult:
        """Choose layers and train on the fold's training clips, predict all clips."""
        states = space.features(self.states)
        started = time.perf_counter()
        copies = [(file, view) for file in task.split.train for view in range(len(states[file]))]
        x = np.stack([states[file][view] for file, view in copies])
        files = [file for file, _ in copies]
        probe = LinearProbe(self.probe, len(space.labels))
        speakers, unchanged = [space.speakers[file] for file in files], np.array([view == 0 for _, view in copies])
        probe.fit(x, space.true(files), speakers, _targets(space, files), unchanged)
        everything = [file for part in PARTS for file in getattr(task.split, part)]
        logits = probe.logits(np.stack([states[file][0] for file in everything]))
        chosen = [self.layers[k] for k in probe.layers]
        probe.fitted(self.layers).save(task.folder / WEIGHTS, self.weights)
        table = pd.DataFrame(logits, pd.Index(everything, name="file"), list(space.labels))
        runs = self.states.encoder().parameters(max(chosen)) + probe.parameters
        spent, details = time.perf_counter() - started, Details(layers=tuple(chosen))
        return FoldResult(table, runs, spent, details=details, temperature=probe.temperature)

    def predictor(self, run: FinishedFold) -> Predictor:
        """Clips -> pooled states of the chosen layers -> the probe's logits."""
        probe = FittedProbe.load(run.folder / WEIGHTS)

        def logits(signals: Sequence[np.ndarray]) -> np.ndarray:
            x = np.stack([self.states.pooled_states(signal) for signal in signals])
            return probe.logits({layer: x[:, self.layers.index(layer)] for layer in probe.readers})

        return logits

    def sound_graph(self, run: FinishedFold, window: float) -> SoundGraph:
        """Whisper's first blocks, pooling, the regressions."""
        probe = FittedProbe.load(run.folder / WEIGHTS)
        if any(len(reader.bias) != len(run.labels) for reader in probe.readers.values()):
            raise IntoneError(f"{run.folder} learnt from clips that lack an emotion: it can't be put into a file.")
        trunk, features = whisper_trunk(self.weights, tuple(probe.readers), window)
        readers = {
            k: {n: torch.from_numpy(v) for n, v in reader.arrays().items()} for k, reader in probe.readers.items()
        }
        kind = "whisper_prominence" if self.states.prominent else features.kind
        return SoundGraph(ProbeGraph(trunk, readers), replace(features, kind=kind))

    def refusal(self, space: Workspace, model: str, track: str) -> str:
        """A reason where some label has no clip at all, else ""."""
        lacking = [label for label in space.labels if label not in set(space.corpus.clips["emotion"])]
        if not lacking:
            return ""
        return (
            f"{model} can't be put into a file where no clip is {' or '.join(lacking)}: leave --everyone out, and "
            "export a fold of a network such as audio_cnn."
        )

    def twin(self, kind: "type[LinearProbeRecipe]", model: str) -> "LinearProbeRecipe":
        """This probe as one of another class, for the audit of leaks. Raises IntoneError for one that isn't plain."""
        return kind(weights=self.weights, layers=self.layers, speeds=self.speeds, probe=self.probe)


def _targets(space: Workspace, files: Sequence[str]) -> Targets | None:
    """What is known of the clips' labels, where the clips are of several corpora."""
    corpora = space.corpora(files)
    return None if corpora is None else Targets.of(space.true(files), list(corpora), space.labels)


@dataclass(frozen=True, kw_only=True)
class NoisyProbeRecipe(NoisyRecipe, LinearProbeRecipe):
    """A linear probe that is also trained on noisier copies, with frames weighted by prominence."""

    prominent: bool = True
    """Whether frames are weighted by prominence."""

    probe: LinearProbePreset = field(default_factory=lambda: LinearProbePreset(strength=0.01))
    """A third of the plain probe's strength: with two copies, each clip occurs three times in training."""

    @property
    def states(self) -> EncoderStates:
        """What is computed from each clip."""
        return replace(super().states, prominent=self.prominent)

    def twin(self, kind: type[LinearProbeRecipe], model: str) -> LinearProbeRecipe:
        """Always raises IntoneError."""
        raise IntoneError(f"{model} learns from noisy copies too, and a leak is shown by a plain probe: name that.")
