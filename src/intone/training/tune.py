"""`intone tune`: one model, a protocol and a corpus -> the settings that each fold's own training speakers choose.

Nested: a fold's validation and test speakers are never seen, not even to choose an epoch. Each fold has a study and a
choice of its own, as an average over folds would choose on every fold's test speakers.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout
from tyro.conf import OmitArgPrefixes, Positional

from intone.cache import cache_folder
from intone.data.clip_source import ClipSource
from intone.data.splits import LEAKY, Split
from intone.data.splits import folds as folds_of
from intone.device import CUDA, Device
from intone.errors import IntoneError
from intone.inference.cluster import Cluster
from intone.progress import say
from intone.training.fold_search import FoldSearch, Search
from intone.training.recipe_fields import Scalar
from intone.training.runs import RunName
from intone.training.search_space import SearchSpace
from intone.training.study import Study, library
from intone.training.train import Order, check_order, models_of, prepared
from intone.training.tuned import FOLDER, Tuned, TunedFold
from intone.training.workspace import Workspace


def tune(
    model: Positional[str],
    search: tuple[str, ...] = (),
    trials: int = 20,
    track: str = "none",
    protocol: str = "luna5",
    folds: tuple[str, ...] = (),
    inner: int = 4,
    clips: OmitArgPrefixes[ClipSource] = ClipSource(),
    runs: Path | None = None,
    epochs: int = 0,
    seed: int = 0,
    weights: str | None = None,
    workers: int | None = None,
    device: Device = "auto",
    cluster: str | None = None,
) -> None:
    """Search a model's settings for each fold on its training speakers alone, and print what each one chooses.

    The choices go to RUNS/tuned/MODEL__TRACK__PROTOCOL.json, after each trial; the same command goes on, and `intone
    train MODEL --tuned FILE` trains the folds with them.

    Args:
        model: Such as audio_cnn or audio_whisper_small-frozen.
        search: What is searched: FIELD=LOW..HIGH (FIELD=LOW..HIGH:log on a logarithmic scale) or FIELD=A,B,C, such as
            training.rate=1e-4..1e-2:log network.width=16,32; by default a network's rate or a probe's strength.
        trials: Number of trials for each fold; more than last time go on from there.
        track: Which words a text model or a fusion gets: asr, asr_punctuated, natural, simulated.
        protocol: luna5, emobox6, loso24, luna5_sentence, speakers (any corpus), or corpora (each of several).
        folds: Which folds of the protocol, such as 1 2; by default all. Each one has a study of its own.
        inner: Number of inner folds among a fold's training speakers, each of whom is held out in one.
        clips: Which clips; a table takes the protocol speakers.
        runs: Where run folders are kept; the user's cache by default.
        epochs: Fewer epochs for a try; 0 is the preset.
        seed: Of the search, and of initial weights, order and augmentation.
        weights: Another pretrained encoder below the model, by hub id or folder.
        workers: Number of inner folds that train at the same time, one core each; default all cores.
        device: Where networks are trained: cpu, cuda (an NVIDIA GPU), or auto, a GPU where torch finds one. Another
            device gives other networks.
        cluster: Train inner folds on a Ray cluster: ray://HOST:PORT, auto (the one that this machine is part of), or
            local. Its machines have the same intone, clips, weights and paths, and share the folder of the runs.
    """
    order = Order(
        model=model,
        track=track,
        protocol=protocol,
        clips=clips,
        runs=runs or cache_folder() / "runs",
        epochs=epochs,
        seed=seed,
        weights=weights,
        device=device,
        cluster=Cluster(cluster, gpus=int(device == CUDA)) if cluster else None,
    )
    space = _checked(order, search, trials)
    workspace, name = prepared(order)
    wanted = Search(
        model=name,
        track=track,
        space=space,
        trials=trials,
        inner=inner,
        workers=workers if workers is not None else os.cpu_count() or 1,
        cluster=order.cluster,
    )
    found = searched(workspace, wanted, _chosen(folds_of(workspace.corpus.clips, protocol), folds))
    print("\n".join(rows(found)), flush=True)


def rows(found: Tuned) -> list[str]:
    """What was chosen, a line for each fold, and the file's path."""
    lines = []
    for name, fold in found.folds.items():
        lines.append(f"fold {name}: loss {fold.loss:.4f}, the lowest of {fold.trials} trials: {_listed(fold.best)}")
    return [*lines, str(found.path)]


def _listed(values: Mapping[str, Scalar]) -> str:
    return " ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}" for name, value in values.items()
    )


def _checked(order: Order, search: tuple[str, ...], trials: int) -> SearchSpace:
    """What is searched; raises IntoneError for what can't be, before anything is read or computed."""
    library()
    check_order(order)
    if order.protocol in LEAKY:
        raise IntoneError(f"{order.protocol} shares speakers between its parts on purpose: tune on another protocol.")
    if trials < 1:
        raise IntoneError(f"{trials} trials choose nothing: give --trials 1 or more.")
    models, model = models_of(order)
    return SearchSpace.parse(search, models[model], model, order.track)


def _chosen(splits: list[Split], names: tuple[str, ...]) -> list[Split]:
    known = [split.fold for split in splits]
    if unknown := [name for name in names if name not in known]:
        raise IntoneError(f"There is no fold {unknown[0]!r} of {splits[0].protocol}: choose of {', '.join(known)}.")
    return [split for split in splits if not names or split.fold in names]


def searched(workspace: Workspace, search: Search, splits: Sequence[Split]) -> Tuned:
    """Each fold's choice, in its file after each trial. Raises IntoneError where another process makes it now."""
    name = RunName(search.model, search.track, splits[0].protocol, workspace.seed)
    searches = [FoldSearch.of(search, workspace, split) for split in splits]
    with _alone(workspace.runs / FOLDER / f"{name}.lock"):
        found = Tuned.at(workspace.runs, name)
        for fold in searches:
            found = _tried(found, fold)
    return found


def _tried(found: Tuned, fold: FoldSearch) -> Tuned:
    """The choices with that of one more fold, whose trials are made."""
    study, name, trials = fold.study(found.path.with_suffix(".sqlite")), fold.split.fold, fold.search.trials
    found = _noted(found, fold, study)
    while (done := len(study.finished)) < trials:
        number, values = study.ask()
        loss = fold.loss(values)
        study.tell(number, loss)
        found = _noted(found, fold, study)
        say(f"fold {name}, trial {done + 1} of {trials}: loss {loss:.4f}: {_listed(values)}")
    if name not in found.folds:
        raise IntoneError(f"Every trial of fold {name} diverged: search lower rates with --search.")
    return found


def _noted(found: Tuned, fold: FoldSearch, study: Study) -> Tuned:
    """The choices with what the fold's study says by now, written down."""
    name, search = fold.split.fold, str(fold.search.space)
    choice = TunedFold.of(search, len(fold.inner), fold.speakers, study.finished)
    others = {other: kept for other, kept in found.folds.items() if other != name}
    found = replace(found, folds={**others, name: choice} if choice else others)
    found.write()
    return found


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Nobody else tunes the same; raises IntoneError where somebody does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path, timeout=0):
            yield
    except Timeout as problem:
        raise IntoneError(
            f"Another process is tuning {path.stem}: wait until it has ended, or give another --runs."
        ) from problem
