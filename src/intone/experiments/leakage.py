"""RAVDESS -> results/leaks/: probes of frozen encoders with one leak: test statistics, or layers selected on test.

    intone leaks

The same probes without a leak come from `intone reproduce`, as do the random split and text made from the label.
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
    """Train probes with one deliberate data leak each, and write their results to results/leaks/.

    Args:
        models: Probes of frozen encoders (`-frozen`).
        ravdess: The RAVDESS folder; default INTONE_RAVDESS, else data/ravdess.
        runs: Folder for the run folders; default the user's cache.
        results: Folder for leaks/ and the summary.
    """
    space = Workspace(ravdess_corpus.load(ravdess), MODELS, runs or cache_folder() / "runs")
    audit(space, models, folds(space.corpus.clips, "luna5"), results)


def audit(space: Workspace, models: tuple[str, ...], splits: list[Split], results: Path) -> None:
    """Publish every model under the protocols of `splits.AUDITED`; raises IntoneError if one is not a plain probe."""
    for model in models:
        for protocol in AUDITED:
            recipe = space.recipe(model).twin(LEAKY[protocol], model)
            twin = replace(space, models={**space.models, model: recipe})
            made = [twin.fold(model, "none", audited(split, protocol)) for split in splits]
            publish(Experiment(model, "audio", "none", protocol), made, results, "leaks")
