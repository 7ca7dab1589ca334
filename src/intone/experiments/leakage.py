"""RAVDESS -> results/leaks/: probes of frozen encoders with test statistics, and with the layers that test likes best.

    intone leaks

The honest run of the same probe is `intone reproduce`'s; the random split and words made from the label are its too.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

from intone.cache import cache_folder
from intone.data import ravdess
from intone.data.splits import AUDITED, Split, folds
from intone.errors import IntoneError
from intone.evaluation.results import Experiment
from intone.experiments.leaky_probes import audited, leaky
from intone.experiments.publish import publish
from intone.training.encoder_states import NoisyRecipe
from intone.training.recipes import MODELS
from intone.training.recipes.linear_probe import SpeechProbeRecipe
from intone.training.workspace import Lab


@dataclass(frozen=True)
class Leaks:
    """Train probes with one deliberate leak each and publish them to results/leaks/."""

    models: tuple[str, ...] = ("audio_whisper_base-frozen", "audio_whisper_small-frozen")
    """Probes of frozen encoders."""
    ravdess: Path | None = None
    """RAVDESS; else INTONE_RAVDESS, else data/ravdess."""
    runs: Path = field(default_factory=lambda: cache_folder() / "runs")
    """Where run folders are kept."""
    results: Path = Path("results")
    """Where leaks/ and the summary are."""

    def run(self) -> None:
        """Do it."""
        lab = Lab(ravdess.load(self.ravdess), MODELS, self.runs)
        audit(lab, self.models, folds(lab.corpus.clips, "luna5"), self.results)


def audit(lab: Lab, models: tuple[str, ...], splits: list[Split], results: Path) -> None:
    """Publish every model under the protocols of `splits.AUDITED`; raises IntoneError for what is no plain probe."""
    for model in models:
        recipe = lab.recipe_of(model, SpeechProbeRecipe, "a probe of a frozen encoder")
        if isinstance(recipe, NoisyRecipe):
            raise IntoneError(f"{model} learns from noisy copies too, and a leak is shown by a plain probe: name that.")
        for protocol in AUDITED:
            twin = replace(lab, models={**lab.models, model: leaky(recipe, protocol)}, memory=lab.memory)
            made = [twin.fold(model, "none", audited(split, protocol)) for split in splits]
            publish(Experiment(model, "audio", "none", protocol), made, results, "leaks")
