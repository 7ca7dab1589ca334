"""Clips -> a linear probe of a frozen speech encoder, and a second one relative to the speaker's own voice.

Without other clips of a speaker it predicts as the plain probe does: a fold's predictions are those. With some, and no
label, `VoiceModel` (inference/voice.py) predicts.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import ClassVar

import numpy as np
from safetensors.numpy import load_file, save_file

from intone.inference.voice import VoiceModel
from intone.models.linear_probe import FittedProbe
from intone.models.voice_probe import Sentences, VoiceProbePreset, calibrated, fitted
from intone.training.finished_fold import FinishedFold
from intone.training.recipe import FoldResult, FoldTask, Voiced
from intone.training.recipes.linear_probe import WEIGHTS, NoisyProbeRecipe
from intone.training.workspace import Workspace

VOICE_FILE = "voice.safetensors"
"""In a fold's folder."""


@dataclass(frozen=True, kw_only=True)
class AdaptiveProbeRecipe(NoisyProbeRecipe):
    """A pretrained encoder that stays as it is, and two logistic regressions on each of a few neighbouring layers."""

    adaptive: ClassVar[bool] = True
    voice: VoiceProbePreset = field(default_factory=VoiceProbePreset)

    def fit(self, space: Workspace, task: FoldTask) -> FoldResult:
        """Train the plain probe, then the one relative to the voice, on the fold's training clips; predict all clips
        with the plain one."""
        result = super().fit(space, task)
        started = time.perf_counter()
        files = list(task.split.train)
        probe = FittedProbe.load(task.folder / WEIGHTS)
        x = self._embeddings(probe, [space.features(self.states)[file] for file in files])
        speakers = np.array([space.speakers[file] for file in files])
        known = Sentences(x, space.true(files), speakers, tuple(space.labels), space.corpora(files))
        model = calibrated(fitted(known, self.voice), known, self.voice)
        save_file(model.arrays(), task.folder / VOICE_FILE)
        spent = result.seconds + time.perf_counter() - started
        return replace(result, seconds=spent, parameters=result.parameters + model.weight.size + model.bias.size)

    def plain(self) -> NoisyProbeRecipe:
        """The plain probe alone."""
        return NoisyProbeRecipe(**{f.name: getattr(self, f.name) for f in fields(NoisyProbeRecipe)})

    def voiced(self, space: Workspace, run: FinishedFold, files: Sequence[str]) -> Voiced:
        """Clips -> their embeddings [N, D] and the plain probe's logits [N, labels], before any temperature."""
        probe = FittedProbe.load(run.folder / WEIGHTS)
        copies = [space.features(self.states)[file][:1] for file in files]
        x = np.stack([copy[0] for copy in copies])
        logits = probe.logits({layer: x[:, self.layers.index(layer)] for layer in probe.readers})
        model = VoiceModel.of_arrays(load_file(run.folder / VOICE_FILE))
        return Voiced(self._embeddings(probe, copies)[:, 0].reshape(len(files), -1), logits, model)

    def _embeddings(self, probe: FittedProbe, copies: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
        """Pooled states of clips' copies -> those of the chosen layers, standardised, [N, copies, layers, 2D]."""
        x = np.stack([np.stack(own) for own in copies])
        parts = [(x[:, :, self.layers.index(k)] - r.mean) / r.deviation for k, r in probe.readers.items()]
        return np.stack(parts, axis=2)
