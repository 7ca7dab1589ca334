"""One model + one protocol + a corpus -> its finished run, fold by fold: what `intone train` does."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from intone import weights as pretrained_weights
from intone.asr.transcripts import transcribe
from intone.asr.whisper import Whisper
from intone.audio.features import FeatureSettings
from intone.cache import cache_folder
from intone.data import goemotions
from intone.data.corpus import Corpus
from intone.data.csv_corpus import loaded
from intone.data.csv_entries import Conventions
from intone.data.splits import OF_RAVDESS, check_learnable, folds
from intone.data.texts import TRACKS
from intone.errors import IntoneError, Missing
from intone.progress import say
from intone.training.processor import warn_if_slow
from intone.training.recipes import MODELS, PRECISION
from intone.training.recipes.spectrogram import screened
from intone.training.refit import check
from intone.training.workspace import Effort, Lab


def train_all(
    model: str,
    track: str,
    protocol: str,
    own: Path | None,
    folder: Path | None,
    runs: Path | None,
    epochs: int,
    seed: int,
    weights: str | None = None,
    conventions: Conventions | None = None,
    everyone: bool = False,
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each fold's folder and its metrics on training and validation speakers, as they finish.

    `everyone`: whether it is to learn from all speakers afterwards; what would be refused then is refused now.
    With `weights`, the model stands on that pretrained encoder, and its run is named MODEL@WEIGHTS. Raises IntoneError
    for an unknown model or track, for a text model without words, for weights below a model that takes none; before
    anything is computed, for a protocol whose speakers the corpus lacks and for clips that nothing can be learned from.
    """
    if own and protocol in OF_RAVDESS:
        raise IntoneError(f"{protocol} names RAVDESS's actors: for a table of your own give --protocol speakers.")
    lab, model = prepared(model, track, own, folder, runs, epochs, seed, weights, protocol, conventions)
    if everyone:
        check(lab, model, track)
    for split in folds(lab.corpus.clips, protocol):
        done = lab.fold(model, track, split)
        yield done.folder, json.loads((done.folder / "metrics.json").read_text())


def prepared(
    model: str,
    track: str,
    own: Path | None,
    folder: Path | None,
    runs: Path | None,
    epochs: int = 0,
    seed: int = 0,
    weights: str | None = None,
    protocol: str = "speakers",
    conventions: Conventions | None = None,
) -> tuple[Lab, str]:
    """A lab with all that the model takes, and the model's name in it; raises what `train_all` does."""
    if model not in MODELS:
        raise IntoneError(f"There is no model {model!r}: choose one of {', '.join(MODELS)}.")
    if track not in TRACKS:
        raise IntoneError(f"There is no track {track!r}: choose one of {', '.join(TRACKS)}.")
    modality = MODELS[model].modality
    if (modality == "audio") != (track == "none"):
        raise IntoneError(f"{model} is {modality}: its track is {'none' if modality == 'audio' else 'asr, say'}.")
    corpus = loaded(own, folder, conventions)
    speakers = MODELS[model].least_speakers(MODELS)
    check_learnable(corpus.clips, folds(corpus.clips, protocol), speakers)  # before hours are spent on its clips
    corpus = screened(corpus, FeatureSettings())
    for line in check_learnable(corpus.clips, folds(corpus.clips, protocol), speakers):
        say(line)
    lab = _lab(corpus, track, runs or cache_folder() / "runs", epochs, seed)
    if weights:
        other = MODELS[model].on(weights)
        marks = "-".join(mark[:8] for mark in other.stands_on().values())
        model = f"{model}@{Path(weights).resolve().name}-{marks}"
        lab.models = {**MODELS, model: other}
    if PRECISION in str(lab.settings(model, track)):  # something of it learns step by step
        warn_if_slow(PRECISION)
    lab.recipe(model).prepare(lab, os.cpu_count() or 1)
    return lab, model


def _lab(corpus: Corpus, track: str, runs: Path, epochs: int, seed: int) -> Lab:
    """A lab with the words that the track takes, and no more."""
    effort = Effort.of(epochs) if epochs else Effort()
    lab = Lab(corpus, MODELS, runs, effort=effort, seed=seed)
    if track in ("asr", "asr_punctuated", "shuffled"):
        lab.transcripts = transcribe(corpus, Whisper())
    if track == "natural":
        lab.goemotions = goemotions.load(goemotions.find())
    if track != "none":
        with contextlib.suppress(Missing):  # whoever needs them says so
            lab.glove = pretrained_weights.find("glove-6b-50d")
    return lab
