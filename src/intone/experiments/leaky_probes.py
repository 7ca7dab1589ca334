"""Probes of frozen encoders with one deliberate leak each: test statistics, or layers selected on test.

Both leaks are common in published work on RAVDESS. Their results are in results/leaks/; no other result uses them.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from intone.data.corpus import Corpus
from intone.data.splits import PARTS, Split
from intone.evaluation.details import Details
from intone.evaluation.metrics import confusion, uar
from intone.models.linear_probe import LinearProbe
from intone.training.encoder_states import EncoderStates
from intone.training.recipe import FoldResult, FoldTask
from intone.training.recipes.linear_probe import LinearProbeRecipe
from intone.training.workspace import Copies, Workspace


@dataclass(frozen=True)
class SpeakerNormalised(EncoderStates):
    """Pooled states normalised to mean 0 and deviation 1 over all clips of a speaker, test speakers included."""

    def computed(self, corpus: Corpus) -> Copies:
        """`file` -> its copies, normalised with the clips themselves, never with their copies."""
        plain = super().computed(corpus)
        scaled: dict[str, list[np.ndarray]] = {}
        for _, files in corpus.clips.groupby("speaker")["file"]:
            own = np.stack([plain[f][0] for f in files])
            mean, deviation = own.mean(0), own.std(0) + 1e-5
            scaled |= {f: [(copy - mean) / deviation for copy in plain[f]] for f in files}
        return scaled


@dataclass(frozen=True, kw_only=True)
class TestStatisticsRecipe(LinearProbeRecipe):
    """The probe on states normalised by speaker, which needs all clips of the test speaker in advance."""

    leak: str = "test statistics"

    @property
    def states(self) -> EncoderStates:
        """The states computed from each clip."""
        return SpeakerNormalised(**asdict(super().states))


@dataclass(frozen=True, kw_only=True)
class TestLayerRecipe(LinearProbeRecipe):
    """The probe whose neighbouring layers are selected on the fold's own test clips, from the usual candidates."""

    leak: str = "test layers"

    def fit(self, space: Workspace, task: FoldTask) -> FoldResult:
        """Train a probe on every layer, and select on test clips which layers are averaged."""
        states, split = space.features(self.states), task.split
        started = time.perf_counter()
        everything = [file for part in PARTS for file in getattr(split, part)]
        learn, x = (np.stack([states[f][0] for f in files]) for files in (split.train, everything))
        true, tested = space.true(split.train), space.true(split.test)
        speakers = [space.speakers[file] for file in split.train]
        probes = [self._probe(space).fit(learn[:, k : k + 1], true, speakers) for k in range(len(self.layers))]
        logits = [probe.logits(x[:, k : k + 1]) for k, probe in enumerate(probes)]
        places = pd.Index(everything, name="file")
        tables = {
            window: pd.DataFrame(np.mean([logits[k] for k in window], 0), places, list(space.labels))
            for window in self._probe(space).windows(len(probes))
        }

        def liked(window: tuple[int, ...]) -> float:
            answers = tables[window].loc[list(split.test)].to_numpy().argmax(1)
            return float(uar(confusion(tested, answers, len(space.labels))))

        best = max(tables, key=liked)
        runs = self.states.encoder().parameters(self.layers[best[-1]]) + sum(probes[k].parameters for k in best)
        details = Details(layers=tuple(self.layers[k] for k in best))
        return FoldResult(tables[best], runs, time.perf_counter() - started, details=details)

    def _probe(self, space: Workspace) -> LinearProbe:
        return LinearProbe(self.probe, len(space.labels))


LEAKY: Mapping[str, type[LinearProbeRecipe]] = {
    "luna5_test_statistics": TestStatisticsRecipe,
    "luna5_test_layer": TestLayerRecipe,
}
"""Protocol of `splits.AUDITED` -> the probe with its leak."""


def audited(split: Split, protocol: str) -> Split:
    """A fold of luna5 under the name of the protocol with the leak."""
    return replace(split, protocol=protocol)
