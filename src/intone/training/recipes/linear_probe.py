"""Clips -> probes of frozen speech encoders: how each is made from one fold."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from intone.data.splits import PARTS, Split
from intone.emotions import EMOTIONS
from intone.models.linear_probe import SpeechProbe, SpeechProbePreset
from intone.training.encoder_states import EncoderRecipe, Hearing, NoisyRecipe
from intone.training.runs import Outcome
from intone.training.workspace import Lab, Recipe


@dataclass(frozen=True, kw_only=True)
class SpeechProbeRecipe(EncoderRecipe):
    """A pretrained encoder that stays as it is, its states pooled over speech, and logistic regressions on them."""

    effort: ClassVar[tuple[str, ...]] = ()
    pooled: ClassVar[bool] = True
    probe: SpeechProbePreset = field(default_factory=SpeechProbePreset)

    def least_speakers(self, models: Mapping[str, Recipe]) -> int:
        """Two: layers are chosen on speakers held out in turn."""
        return 2

    def make(self, lab: Lab, track: str, split: Split, folder: Path) -> Outcome:
        """Choose and learn on the fold's training clips, listen to all."""
        heard = self.hearing.of_all(lab)
        started = time.perf_counter()
        copies = [(file, view) for file in split.train for view in range(len(heard[file]))]
        x = np.stack([heard[file][view] for file, view in copies])
        files = [file for file, _ in copies]
        probe = SpeechProbe(self.probe).fit(x, lab.true(files), [lab.speakers[file] for file in files])
        everything = [file for part in PARTS for file in getattr(split, part)]
        logits = probe.logits(np.stack([heard[file][0] for file in everything]))
        chosen = [self.layers[k] for k in probe.layers]
        details = {"layers": chosen}
        self._save(probe, folder)
        table = pd.DataFrame(logits, pd.Index(everything, name="file"), list(EMOTIONS))
        runs = self.hearing.states().parameters(max(chosen)) + probe.parameters
        return Outcome(table, runs, time.perf_counter() - started, details=details)

    def _save(self, probe: SpeechProbe, folder: Path) -> None:
        """Each chosen layer's scaling and coefficients."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {}
        for k, (scale, regression) in zip(probe.layers, probe.readers, strict=True):
            parts = (scale.mean_, scale.scale_, regression.coef_, regression.intercept_)
            for name, values in zip(("mean", "deviation", "weight", "bias"), parts, strict=True):
                # safetensors writes memory as it lies, and scikit-learn's coefficients lie column by column.
                tensors[f"layer{self.layers[k]}.{name}"] = np.ascontiguousarray(values, np.float32)
        save_file(tensors, folder / "model.safetensors", metadata={"weights": self.weights})


@dataclass(frozen=True, kw_only=True)
class NoisyProbeRecipe(NoisyRecipe, SpeechProbeRecipe):
    """The same, learned also from noisier copies, and from frames as far as they stand out of the room."""

    prominent: bool = True
    """Whether they count by that."""

    probe: SpeechProbePreset = field(default_factory=lambda: SpeechProbePreset(strength=0.01))
    """A third of the plain probe's: with two copies, each clip is learnt from three times."""

    @property
    def hearing(self) -> Hearing:
        """What comes in from a clip."""
        return replace(super().hearing, prominent=self.prominent)
