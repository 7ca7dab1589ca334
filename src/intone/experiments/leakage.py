"""RAVDESS -> results/leaks/: probes of frozen encoders with test statistics, and with the layers that test likes best.

    intone leaks

The honest run of the same probe is `intone reproduce`'s; the random split and words made from the label are its too.
"""

from dataclasses import replace
from pathlib import Path

from intone.cache import cache_folder
from intone.data import ravdess as ravdess_corpus
from intone.data.splits import AUDITED, Split, folds
from intone.evaluation.results import Experiment
from intone.experiments.leaky_probes import LEAKY, audited
from intone.experiments.publish import publish
from intone.training.recipes import MODELS
from intone.training.workspace import Workspace


def leaks(
    models: tuple[str, ...] = ("audio_whisper_base-frozen", "audio_whisper_small-frozen"),
    ravdess: Path | None = None,
    runs: Path | None = None,
    results: Path = Path("results"),
) -> None:
    """Train probes with one deliberate leak each and publish them to results/leaks/.

    Args:
        models: Probes of frozen encoders.
        ravdess: RAVDESS; else INTONE_RAVDESS, else data/ravdess.
        runs: Where run folders are kept; the user's cache by default.
        results: Where leaks/ and the summary are.
    """
    space = Workspace(ravdess_corpus.load(ravdess), MODELS, runs or cache_folder() / "runs")
    audit(space, models, folds(space.corpus.clips, "luna5"), results)


def audit(space: Workspace, models: tuple[str, ...], splits: list[Split], results: Path) -> None:
    """Publish every model under the protocols of `splits.AUDITED`; raises IntoneError for what is no plain probe."""
    for model in models:
        for protocol in AUDITED:
            recipe = space.recipe(model).twin(LEAKY[protocol], model)
            twin = replace(space, models={**space.models, model: recipe})
            made = [twin.fold(model, "none", audited(split, protocol)) for split in splits]
            publish(Experiment(model, "audio", "none", protocol), made, results, "leaks")
