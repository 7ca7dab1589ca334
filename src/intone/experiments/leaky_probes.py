"""Frozen encoders' probes with one deliberate leak each, for the audit alone: test statistics, layers that test likes.

Both are common in published work on RAVDESS; results/leaks/ holds what they give, and nothing is built on them.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from intone.data.splits import PARTS, Split
from intone.emotions import EMOTIONS
from intone.evaluation.metrics import confusion, uar
from intone.models.linear_probe import SpeechProbe
from intone.training.encoder_states import Hearing
from intone.training.recipes.linear_probe import SpeechProbeRecipe
from intone.training.runs import Outcome
from intone.training.workspace import Lab


class SpeakerNormalised(Hearing):
    """Each speaker's pooled states at mean 0 and deviation 1 over all of that speaker's clips: of test actors too."""

    def of_all(self, lab: Lab) -> Mapping[str, list[np.ndarray]]:
        """`file` -> its copies, normalised with the clips themselves, never with their copies."""
        heard = Hearing(**asdict(self)).of_all(lab)
        scaled: dict[str, list[np.ndarray]] = {}
        for _, files in lab.corpus.clips.groupby("speaker")["file"]:
            own = np.stack([heard[f][0] for f in files])
            mean, deviation = own.mean(0), own.std(0) + 1e-5
            scaled |= {f: [(copy - mean) / deviation for copy in heard[f]] for f in files}
        return scaled


@dataclass(frozen=True, kw_only=True)
class TestStatisticsRecipe(SpeechProbeRecipe):
    """The probe on states that were normalised by speaker: whoever is tested has to be heard sixty times first."""

    leak: str = "test statistics"

    @property
    def hearing(self) -> Hearing:
        """What comes in from a clip."""
        return SpeakerNormalised(**asdict(super().hearing))


@dataclass(frozen=True, kw_only=True)
class TestLayerRecipe(SpeechProbeRecipe):
    """The probe of those neighbouring layers, of all that the honest one chooses among, which do best on the fold's own
    test clips."""

    leak: str = "test layers"

    def make(self, lab: Lab, track: str, split: Split, folder: Path) -> Outcome:
        """Learn every layer on the training clips, and let test choose which are averaged."""
        heard = self.hearing.of_all(lab)
        started = time.perf_counter()
        everything = [file for part in PARTS for file in getattr(split, part)]
        learn, x = (np.stack([heard[f][0] for f in files]) for files in (split.train, everything))
        true, judged = lab.true(list(split.train)), lab.true(list(split.test))
        speakers = [lab.speakers[file] for file in split.train]
        probes = [SpeechProbe(self.probe).fit(learn[:, k : k + 1], true, speakers) for k in range(len(self.layers))]
        said = [probe.logits(x[:, k : k + 1]) for k, probe in enumerate(probes)]
        places = pd.Index(everything, name="file")
        tables = {
            window: pd.DataFrame(np.mean([said[k] for k in window], 0), places, list(EMOTIONS))
            for window in SpeechProbe(self.probe).windows(len(probes))
        }

        def liked(window: tuple[int, ...]) -> float:
            answers = tables[window].loc[list(split.test)].to_numpy().argmax(1)
            return float(uar(confusion(judged, answers)))

        best = max(tables, key=liked)
        runs = self.hearing.states().parameters(self.layers[best[-1]]) + sum(probes[k].parameters for k in best)
        details = {"layers": [self.layers[k] for k in best]}
        return Outcome(tables[best], runs, time.perf_counter() - started, details=details)


def leaky(recipe: SpeechProbeRecipe, protocol: str) -> SpeechProbeRecipe:
    """The probe's twin with the leak of a protocol of `splits.AUDITED`."""
    kind = {"luna5_test_statistics": TestStatisticsRecipe, "luna5_test_layer": TestLayerRecipe}[protocol]
    return kind(weights=recipe.weights, layers=recipe.layers, speeds=recipe.speeds, probe=recipe.probe)


def audited(split: Split, protocol: str) -> Split:
    """An honest fold under the leaky protocol's name."""
    return replace(split, protocol=protocol)
