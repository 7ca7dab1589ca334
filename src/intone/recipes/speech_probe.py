"""Clips -> probes of frozen speech encoders: how each is made from one fold."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from intone.audio import read_clip, trim_silence
from intone.augment import at_speed
from intone.cache import cached_array, digest, file_digest
from intone.emotions import EMOTIONS
from intone.features import levelled
from intone.lab import Lab
from intone.models.speech_probe import SpeechProbe, SpeechProbePreset, pooled
from intone.models.speech_states import SpeechStates
from intone.progress import track as with_bar
from intone.runs import Outcome
from intone.splits import PARTS, Split


@dataclass(frozen=True, kw_only=True)
class SpeechProbeRecipe:
    """A pretrained encoder that stays as it is, its states pooled over speech, and logistic regressions on them."""

    modality: ClassVar[str] = "audio"
    effort: ClassVar[tuple[str, ...]] = ()
    weights: str
    """A name that `intone models list` knows, a local folder, or a hub id."""
    layers: tuple[int, ...]
    """Layers that a fold may choose among."""
    speeds: tuple[float, ...] = (1.0,)
    """Of each training clip's copies; the first, 1.0, is the clip itself, which alone is validated and tested."""
    probe: SpeechProbePreset = field(default_factory=SpeechProbePreset)

    def prepare(self, lab: Lab) -> Mapping[str, np.ndarray]:
        """`file` -> pooled states of each copy, [copies, layers, 2D]; cached, with a bar on stderr."""
        return lab.keep(f"pooled {self.weights} {self.layers} {self.speeds}", lambda: self._heard(lab.corpus.paths))

    def make(self, lab: Lab, track: str, split: Split, folder: Path) -> Outcome:
        """Choose and learn on the fold's training clips, listen to all."""
        heard = self.prepare(lab)
        started = time.perf_counter()
        copies = [(file, view) for file in split.train for view in range(len(self.speeds))]
        speaker = dict(zip(lab.corpus.clips["file"], lab.corpus.clips["speaker"], strict=True))
        x = np.stack([heard[file][view] for file, view in copies])
        files = [file for file, _ in copies]
        probe = SpeechProbe(self.probe).fit(x, lab.true(files), [speaker[file] for file in files])
        everything = [file for part in PARTS for file in getattr(split, part)]
        logits = probe.logits(np.stack([heard[file][0] for file in everything]))
        chosen = [self.layers[k] for k in probe.layers]
        used = _states(self.weights, tuple(chosen))
        details = {
            "layers": chosen,
            "strengths": {str(self.layers[k]): probe.chosen[k] for k in probe.layers},
            "encoder": used.digest(),
        }
        self._save(probe, folder)
        table = pd.DataFrame(logits, pd.Index(everything, name="file"), list(EMOTIONS))
        return Outcome(table, used.parameters + probe.parameters, time.perf_counter() - started, details=details)

    def _heard(self, paths: Mapping[str, Path]) -> Mapping[str, np.ndarray]:
        states = _states(self.weights, self.layers)
        name = states.digest()
        bar = with_bar(paths.items(), f"listening ({Path(self.weights).name})", len(paths))
        return {file: np.stack([_pooled(states, name, path, s) for s in self.speeds]) for file, path in bar}

    def _save(self, probe: SpeechProbe, folder: Path) -> None:
        """Each chosen layer's scaling and coefficients."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {}
        for k, (scale, regression) in zip(probe.layers, probe.readers, strict=True):
            parts = (scale.mean_, scale.scale_, regression.coef_, regression.intercept_)
            for name, values in zip(("mean", "deviation", "weight", "bias"), parts, strict=True):
                tensors[f"layer{self.layers[k]}.{name}"] = values.astype(np.float32)
        save_file(tensors, folder / "model.safetensors", metadata={"weights": self.weights})


@cache
def _states(weights: str, layers: tuple[int, ...]) -> SpeechStates:
    return SpeechStates(weights, layers)


def _pooled(states: SpeechStates, name: str, path: Path, speed: float) -> np.ndarray:
    """Of one copy of a clip, [layers, 2D]; kept in the cache under the file's hash and what listens."""
    return cached_array("states", digest(file_digest(path), name, speed), partial(_listen, states, path, speed))


def _listen(states: SpeechStates, path: Path, speed: float) -> np.ndarray:
    return pooled(states(levelled(trim_silence(at_speed(read_clip(path), speed)))))
