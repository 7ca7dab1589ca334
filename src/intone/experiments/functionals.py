"""openSMILE's functionals of RAVDESS -> the field's usual baselines in results/, on the folds of all other models.

    intone functionals

They stand apart from `intone reproduce` because openSMILE may not be used in products: who reproduces the rest needn't
have it.
"""

from pathlib import Path

from intone.cache import cache_folder
from intone.data import ravdess as ravdess_corpus
from intone.data.splits import folds
from intone.evaluation.results import Experiment
from intone.experiments.publish import publish
from intone.progress import track
from intone.training.parallel import Task, make_all
from intone.training.recipes import FUNCTIONALS, MODELS
from intone.training.workspace import Workspace


def functionals(
    protocols: tuple[str, ...] = ("luna5", "emobox6", "loso24"),
    ravdess: Path | None = None,
    runs: Path | None = None,
    results: Path = Path("results"),
    workers: int = 2,
) -> None:
    """Train and publish logistic regressions on eGeMAPS and on ComParE 2016, by openSMILE.

    Args:
        protocols: luna5, emobox6, loso24.
        ravdess: The RAVDESS folder; default INTONE_RAVDESS, else data/ravdess.
        runs: Folder for the run folders; default the user's cache.
        results: Folder for the tables.
        workers: Number of folds that train at the same time, one core each.
    """
    space = Workspace(ravdess_corpus.load(ravdess), MODELS, runs or cache_folder() / "runs")
    for model in FUNCTIONALS:
        space.recipe(model).prepare(space, workers)
    for protocol in protocols:
        splits = folds(space.corpus.clips, protocol)
        tasks = [Task(model, "none", split) for model in FUNCTIONALS for split in splits]
        for _ in track(make_all(space, tasks, workers), f"functionals ({protocol})", len(tasks)):
            pass
        for model in FUNCTIONALS:
            made = [space.fold(model, "none", split) for split in splits]
            publish(Experiment(model, "audio", "none", protocol), made, results, "functionals")
