"""`intone train`: one model, one protocol and a corpus -> its finished run, fold by fold."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tyro.conf import OmitArgPrefixes, Positional

from intone import weights as pretrained_weights
from intone.asr.transcripts import transcribe
from intone.asr.whisper import Whisper
from intone.audio.features import FeatureSettings
from intone.cache import cache_folder
from intone.data import goemotions
from intone.data.clip_source import ClipSource
from intone.data.corpus import Corpus
from intone.data.splits import OF_RAVDESS, check_learnable, folds
from intone.data.texts import TRACKS
from intone.device import AUTO, CUDA, Device
from intone.errors import IntoneError, Missing
from intone.inference.cluster import Cluster
from intone.progress import say
from intone.training.finished_fold import FinishedFold
from intone.training.parallel import Task, make_all
from intone.training.processor import warn_if_slow
from intone.training.recipe import Recipe
from intone.training.recipes import MODELS, PRECISION, in_epochs
from intone.training.refit import check, train_everyone
from intone.training.spectrogram_views import screened
from intone.training.trainer import check_training_device
from intone.training.tuned import Tuned
from intone.training.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Order:
    """Which model is trained, on what, and how."""

    model: str
    track: str = "none"
    """The track of its words."""
    protocol: str = "speakers"
    clips: ClipSource = ClipSource()
    runs: Path | None = None
    """Where run folders are kept; None is the user's cache."""
    epochs: int = 0
    """0 means the recipe's own number."""
    seed: int = 0
    weights: str | None = None
    """Another pretrained encoder for the model."""
    everyone: bool = False
    """Whether it is trained on all speakers afterwards."""
    device: str = AUTO
    """Where networks are trained: a name of `--device`."""
    cluster: Cluster | None = None
    """Where folds are trained; None is this machine, one fold after the other."""
    tuned: Tuned | None = None
    """Settings that each fold's own training speakers chose."""


def train(
    model: Positional[str],
    track: str = "none",
    protocol: str = "luna5",
    clips: OmitArgPrefixes[ClipSource] = ClipSource(),
    runs: Path | None = None,
    epochs: int = 0,
    seed: int = 0,
    weights: str | None = None,
    everyone: bool = False,
    device: Device = "auto",
    cluster: str | None = None,
    tuned: Path | None = None,
) -> None:
    """Train one model on every fold of a protocol and print what it scores on training and validation speakers.

    Args:
        model: Such as audio_cnn, text_lstm or fusion_late_weighted.
        track: Which words a text model or a fusion gets: asr, asr_punctuated, natural, simulated.
        protocol: luna5, emobox6, loso24, luna5_sentence, random, speakers (any corpus), or corpora (each of several).
        clips: Which clips; a table takes the protocol speakers.
        runs: Where run folders are kept; the user's cache by default.
        epochs: Fewer epochs for a try; 0 is the preset.
        seed: Of initial weights, order and augmentation.
        weights: Another pretrained encoder below the model, by hub id or folder: distilbert-base-uncased below
            text_minilm-tuned, facebook/wav2vec2-base below audio_whisper_base-frozen, an AST below audio_ast.
        everyone: Then train it on all speakers, calibrated by the folds, for `intone export`.
        device: Where networks are trained: cpu, cuda (an NVIDIA GPU), or auto, a GPU where torch finds one. Another
            device gives other networks.
        cluster: Train folds on a Ray cluster: ray://HOST:PORT, auto (the one that this machine is part of), or local.
            Its machines have the same intone, clips, weights and paths, and share the folder of the runs.
        tuned: The file of `intone tune`: each fold in it is trained with its own settings.
    """
    order = Order(
        model=model,
        track=track,
        protocol=protocol,
        clips=clips,
        runs=runs,
        epochs=epochs,
        seed=seed,
        weights=weights,
        everyone=everyone,
        device=device,
        cluster=Cluster(cluster, gpus=int(device == CUDA)) if cluster else None,
        tuned=Tuned.read(tuned) if tuned else None,
    )
    space, model = prepared(order)
    for fold in trained(space, model, order):
        rates = ", ".join(f"{part} UAR {uar:.1f}" for part, uar in fold.uars().items())
        print(f"{fold.folder}: {rates}", flush=True)
    if everyone:
        print(train_everyone(space, model, track, protocol))


def trained(space: Workspace, model: str, order: Order) -> Iterator[FinishedFold]:
    """Each fold as it is finished; where the order includes training on all speakers, a refusal of that comes first."""
    if order.everyone:
        check(space, model, order.track)
    tasks = _tasks(space, model, order)
    if order.cluster:
        for task in make_all(space, tasks, 1, order.cluster):
            say(f"fold {task.split.fold} is finished.")
    for task in tasks:
        yield task.done(space)


def _tasks(space: Workspace, model: str, order: Order) -> list[Task]:
    """The folds to train."""
    splits = folds(space.corpus.clips, order.protocol)
    if order.tuned:
        return order.tuned.tasks(space, model, order.track, splits)
    return [Task(model, order.track, split, order.seed) for split in splits]


def prepared(order: Order) -> tuple[Workspace, str]:
    """A workspace with all that the model needs, and the model's name in it: MODEL@WEIGHTS where weights are given.

    Raises IntoneError for an unknown model or track, for a text model without words, and for weights where the model
    takes none. Raises it before anything is computed for a protocol whose speakers the corpus lacks and for clips that
    nothing can be learned from.
    """
    check_order(order)
    check_training_device(order.device)
    models, model = models_of(order)
    if order.tuned:
        order.tuned.check(model, order.track, order.protocol)
    corpus = order.clips.corpus()
    speakers = MODELS[order.model].least_speakers(MODELS)
    check_learnable(corpus.clips, folds(corpus.clips, order.protocol), speakers)  # before hours are spent on its clips
    corpus = screened(corpus, FeatureSettings())
    for line in check_learnable(corpus.clips, folds(corpus.clips, order.protocol), speakers):
        say(line)
    space = _workspace(corpus, models, order)
    if any(
        preset.precision == PRECISION for recipe in _family(models, model) for preset in recipe.trainings().values()
    ):
        warn_if_slow(PRECISION)
    space.recipe(model).prepare(space, os.cpu_count() or 1)
    return space, model


def check_order(order: Order) -> None:
    """Raises IntoneError for what can't be trained, before anything is read."""
    if order.tuned and order.everyone:
        raise IntoneError("Each fold chose settings of its own, and all speakers chose none: leave --everyone out.")
    if order.clips.table and order.protocol in OF_RAVDESS:
        raise IntoneError(f"{order.protocol} names RAVDESS's actors: for a table of your own give --protocol speakers.")
    if order.protocol == "corpora" and len(order.clips.corpora) < 2:
        raise IntoneError("Leaving a corpus out takes two or more: name them with --corpora.")
    if order.model not in MODELS:
        raise IntoneError(f"There is no model {order.model!r}: choose one of {', '.join(MODELS)}.")
    if order.track not in TRACKS:
        raise IntoneError(f"There is no track {order.track!r}: choose one of {', '.join(TRACKS)}.")
    modality = MODELS[order.model].modality
    if (modality == "audio") != (order.track == "none"):
        track = "none" if modality == "audio" else "asr, say"
        raise IntoneError(f"{order.model} is {modality}: its track is {track}.")


def models_of(order: Order) -> tuple[dict[str, Recipe], str]:
    """All recipes at the order's epochs, the model's own on its weights, and its name there."""
    models = in_epochs(MODELS, order.epochs) if order.epochs else dict(MODELS)
    if not order.weights:
        return models, order.model
    other = models[order.model].on(order.weights)
    marks = "-".join(mark[:8] for mark in other.pretrained().values())
    model = f"{order.model}@{Path(order.weights).resolve().name}-{marks}"
    return {**models, model: other}, model


def _family(models: dict[str, Recipe], model: str) -> list[Recipe]:
    """A model's recipe and those of all its parts, recursively."""
    return [models[model], *(recipe for part in models[model].parts for recipe in _family(models, part))]


def _workspace(corpus: Corpus, models: dict[str, Recipe], order: Order) -> Workspace:
    """A workspace with the words that the track needs, and no others."""
    space = Workspace(corpus, models, order.runs or cache_folder() / "runs", seed=order.seed, device=order.device)
    if order.track in ("asr", "asr_punctuated", "shuffled"):
        space.transcripts = transcribe(corpus, Whisper())
    if order.track == "natural":
        space.goemotions = goemotions.load(goemotions.find())
    if order.track != "none":
        with contextlib.suppress(Missing):  # a model that needs them raises it again
            space.glove = pretrained_weights.find("glove-6b-50d")
    return space
