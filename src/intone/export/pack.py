"""A finished run's folder -> the model file that analyses recordings, checked on real clips."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from intone.data.corpora import languages, licences
from intone.data.corpus import Corpus
from intone.errors import IntoneError
from intone.export.onnx import export, holds, place, quantize
from intone.export.parity import answers_of, compared
from intone.inference import ood
from intone.inference.card import Card
from intone.inference.model import Model
from intone.models.graph import FileGraph
from intone.progress import say
from intone.training.finished_fold import FinishedFold, base_name
from intone.training.recipe import Recipe
from intone.training.recipes import MODELS
from intone.version import __version__

CHECKED: Final = 400
"""Clips on which a file is checked: every n-th of the corpus, with all actors and emotions."""

SMALLER: Final = 0.8
"""8 bits have to reduce the file to this share of its size; a network of convolutions keeps its size."""


def parts(run: FinishedFold, window: float) -> tuple[FileGraph, Card]:
    """Network and card of a run; `window` is the length of the network's input in seconds. Raises IntoneError for a
    model that can't be exported."""
    model = run.recipe.graph(run, window)
    card = Card(
        name=base_name(run.model),
        version=__version__,
        features=model.features,
        temperature=model.calibration.temperature,
        fingerprint=run.record.fingerprint,
        trained_on="",
        licence="",
        unsure=model.calibration.unsure,
        scores=model.calibration.scores,
        window=window,
        reading=model.reading,
        labels=run.labels,
    )
    return model.network, card


def pack(run: FinishedFold, corpus: Corpus, out: Path, eight_bits: bool = True, window: float = 5.0) -> Card:
    """Write the model file and return its card; raises IntoneError where it can't be made.

    The file is checked on clips of the corpus that it was trained on: the range of their measures becomes the card's
    `known`, and 8-bit weights are kept where they give the same predictions.
    """
    network, card = parts(run, window)
    if strange := sorted(set(corpus.clips["emotion"]) - set(card.labels)):
        raise IntoneError(f"{run.folder} doesn't know {', '.join(strange)}: name the clips that it learnt from.")
    words = "; its words from GoEmotions" if card.reading and card.reading.track == "natural" else ""
    card = replace(
        card,
        trained_on=f"{corpus.name}, {len(corpus.clips)} clips{words}",
        licence=licences(corpus.name),
        languages=languages(corpus.name),
    )
    with tempfile.TemporaryDirectory() as work:
        plain, small = Path(work) / "plain.onnx", Path(work) / "small.onnx"
        card = replace(card, parity=export(network, card, plain))
        clips = corpus.clips.iloc[:: max(1, len(corpus.clips) // CHECKED)]
        answers = answers_of(Model(plain), corpus, list(clips["file"]))
        card = replace(card, known=ood.spans(answers.measured))
        kept = plain
        if eight_bits:
            quantize(plain, small)
        if eight_bits and small.stat().st_size < SMALLER * plain.stat().st_size:
            difference = compared(plain, small, corpus, answers)
            if holds(difference):
                kept, card = small, replace(card, quantization=difference)
            else:
                say(f"8-bit weights answer otherwise ({difference}): 32 bits are kept.")
        place(kept, card, out)
    return card


def found(folder: Path, models: Mapping[str, Recipe] = MODELS) -> FinishedFold:
    """The run in a folder, or the model trained on all speakers in it; raises IntoneError where there is none."""
    alone = folder / "fold-all"
    return FinishedFold(alone if (alone / "config.json").exists() else folder, models).picked
