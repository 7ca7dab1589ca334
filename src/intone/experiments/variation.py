"""The CNN again, from other seeds and without parts of its training -> results/variation.csv.

    intone variation

Seeds show how much of a difference is chance in training; ablations what each part of the training is worth. Every
finished fold is a row at once, so that the same command goes on where it stopped. Each fold read is a reading of test.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

import pandas as pd

from intone.audio.augment.spectrogram import SpectrogramAugmentation
from intone.cache import cache_folder, digest, write_whole
from intone.data import ravdess as ravdess_corpus
from intone.data.splits import PARTS, folds
from intone.evaluation.metrics import score
from intone.evaluation.results import Experiment
from intone.experiments.publish import log_look
from intone.models.cnn import AudioCnnPreset
from intone.progress import track
from intone.training.finished_fold import FinishedFold
from intone.training.parallel import Task, make_all
from intone.training.recipe import Recipe
from intone.training.recipes import MODELS
from intone.training.recipes.spectrogram import SpectrogramRecipe
from intone.training.workspace import Workspace

MODEL: Final = "audio_cnn"

PROTOCOL: Final = "luna5"

COLUMNS: Final = ("variant", "fold", "seed", "split", "accuracy", "uar")
"""`variant`: `whole`, or the part of training that is left out; rates in percent."""

WHOLE: Final = "whole"

EVERYTHING: Final = "all of these"
"""Plain log-mels of the clips alone, and nothing but their emotions to learn."""


def variants() -> Mapping[str, Recipe]:
    """Name -> the CNN whole, and without one part of its training each."""
    whole = cast("SpectrogramRecipe", MODELS[MODEL])
    network = cast("AudioCnnPreset", whole.network)

    def changed(augmentation: SpectrogramAugmentation) -> SpectrogramRecipe:
        return replace(whole, network=replace(network, augmentation=augmentation))

    own = network.augmentation
    none = replace(own, splice=0.0, row_mask=0, frame_mask=0, stretch=0.0, shift=0.0, level=0.0)
    return {
        WHOLE: whole,
        "splicing": changed(replace(own, splice=0.0)),
        "masks": changed(replace(own, row_mask=0, frame_mask=0)),
        "stretch and shift": changed(replace(own, stretch=0.0, shift=0.0, level=0.0)),
        "other speeds": replace(whole, speeds=whole.speeds[:1]),
        "side tasks": replace(whole, side_columns=()),
        EVERYTHING: replace(changed(none), speeds=whole.speeds[:1], side_columns=()),
    }


def variation(
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4),
    ablated: tuple[str, ...] = ("1",),
    ravdess: Path | None = None,
    runs: Path | None = None,
    results: Path = Path("results"),
    workers: int = 2,
) -> None:
    """Train the CNN from several seeds on all folds, and without parts of its training on some.

    Args:
        seeds: Seeds of the whole model, on every fold.
        ablated: Folds on which each part is left out, from the first seed.
        ravdess: The RAVDESS folder; default INTONE_RAVDESS, else data/ravdess.
        runs: Folder for the run folders; default the user's cache.
        results: Folder for the table.
        workers: Number of folds that train at the same time, one core each.
    """
    models = {_named(name): recipe for name, recipe in variants().items()}
    space = Workspace(ravdess_corpus.load(ravdess), models, runs or cache_folder() / "variation")
    there = _rows(results)
    splits = {split.fold: split for split in folds(space.corpus.clips, PROTOCOL)}
    wanted = [(WHOLE, fold, seed) for seed in seeds for fold in splits]
    wanted += [(name, fold, seeds[0]) for fold in ablated for name in variants() if name != WHOLE]
    known = set(zip(there["variant"], there["fold"], there["seed"], strict=True))
    tasks = [
        Task(_named(name), "none", splits[fold], seed) for name, fold, seed in wanted if (name, fold, seed) not in known
    ]
    for name in dict.fromkeys(task.model for task in tasks):
        models[name].prepare(space, workers)
    for task in track(make_all(space, tasks, workers), "training the CNN again", len(tasks)):
        made = space.with_seed(task.seed).fold(task.model, task.track, task.split)
        _publish(results, next(name for name in variants() if _named(name) == task.model), task, made)


def _named(variant: str) -> str:
    """A variant's name as a model's."""
    return MODEL if variant == WHOLE else f"{MODEL}-no_{variant.replace(' ', '_')}"


def _rows(results: Path) -> pd.DataFrame:
    path = results / "variation.csv"
    return pd.read_csv(path, dtype={"fold": str}) if path.exists() else pd.DataFrame(columns=list(COLUMNS))


def _publish(results: Path, variant: str, task: Task, made: FinishedFold) -> None:
    """Add a fold's rows to the table."""
    table = made.predictions
    rows = pd.DataFrame(list(_scores(table, variant, task)), columns=list(COLUMNS))
    read = float(rows.loc[rows["split"] == "test", "uar"].iloc[0])
    why = f"seed {task.seed}" if variant == WHOLE else f"without {variant}"
    log_look(
        results,
        Experiment(MODEL, "audio", "none", PROTOCOL),
        digest(table.to_csv()),
        f"{why} on fold {task.split.fold}",
        read,
    )
    whole = pd.concat([_rows(results), rows]).sort_values(["variant", "fold", "seed", "split"], kind="stable")
    write_whole(results / "variation.csv", whole.to_csv(index=False, lineterminator="\n").encode())


def _scores(table: pd.DataFrame, variant: str, task: Task) -> Iterator[Sequence[object]]:
    for part in PARTS:
        got = score(table[table["split"] == part])
        yield variant, task.split.fold, task.seed, part, round(got.accuracy, 2), round(got.uar, 2)
