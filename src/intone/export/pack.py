"""A finished run's folder -> the model file that analyses recordings, checked on real clips."""

import tempfile
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from intone.audio.features import FeatureSettings, Kind
from intone.data.corpus import Corpus
from intone.emotions import EMOTIONS
from intone.errors import IntoneError
from intone.export.graph import EnsembleHearing, Fusing, ProbeHearing, SpectrogramHearing, StatesHearing, Whole
from intone.export.graph import Reading as ReadingNetwork
from intone.export.onnx import export, holds, place, quantize
from intone.export.parity import compared, heard
from intone.export.run import Run
from intone.inference import ood
from intone.inference.model import LEARNED, Card, Model, Reading
from intone.models.speech_encoder import SpeechStates, WhisperTrunk
from intone.progress import say
from intone.text import MAX_TOKENS
from intone.training.recipes.encoder_head import SpeechHeadRecipe
from intone.training.recipes.fusion import EarlyRecipe, Ensemble, LateRecipe
from intone.training.recipes.linear_probe import SpeechProbeRecipe
from intone.training.recipes.spectrogram import AudioRecipe
from intone.training.recipes.text import SentenceRecipe, TextRecipe
from intone.version import __version__

PROMINENT: Final[Kind] = "whisper_prominence"
"""Features of what counts frames by their prominence; who does not leaves that row alone."""

LICENCES: Final = {"ravdess": "CC BY-NC-SA 4.0 (RAVDESS)"}
"""Corpus -> what binds a network that was trained on it."""

SEEN: Final = 400
"""Clips on which a file is checked: every n-th of the corpus, all actors and emotions among them."""

SMALLER: Final = 0.8
"""Share of the file's size down to which 8 bits have to bring it; a network of convolutions keeps its size."""


def parts(run: Run, window: float) -> tuple[Whole, Card]:
    """Networks and card of a run. Raises IntoneError for a model that can't be put into a file."""
    recipe = run.recipe
    fuses = isinstance(recipe, LateRecipe | EarlyRecipe) and not isinstance(recipe, Ensemble)
    audio, *texts = run.branches() if fuses else [run]
    hearing, features = _hearing(audio, window)
    card = Card(
        name=run.settings["model"].split("@")[0],
        version=__version__,
        features=features,
        temperature=audio.config["temperature"],
        fingerprint=run.config["fingerprint"],
        trained_on="",
        licence="",
        window=window,
        **audio.figures,
    )
    if not fuses:
        return Whole(hearing, None), card
    (text,) = texts
    network, reading = _reading(text)
    joined = replace(
        reading,
        temperature=text.config["temperature"],
        rule=recipe.fusion if isinstance(recipe, LateRecipe) else LEARNED,
        weight=run.config["details"].get("weight_of_first", 0.5),
        fused_temperature=run.config["temperature"],
        track=run.settings["track"],
        **run.figures,
    )
    whole = Whole(hearing, ReadingNetwork(network))
    if isinstance(recipe, EarlyRecipe):
        whole.fusing = _fusing(run, recipe, whole)
    return whole, replace(card, reading=joined)


def _fusing(run: Run, recipe: EarlyRecipe, whole: Whole) -> Fusing:
    """A learned fusion over the branches of `whole`; over its own where training it left them otherwise."""
    hearing, reading = whole.hearing, whole.reading
    assert isinstance(hearing, SpectrogramHearing | StatesHearing) and isinstance(reading, ReadingNetwork)
    networks = [branch.recipe.network_of(branch.folder) for branch in run.branches()]  # type: ignore[attr-defined]
    before = [deepcopy(network.state_dict()) for network in networks]
    fusion = recipe.network_of(run.folder, networks)
    sound, words = networks
    # Trained on together with the fusion, the branches are no longer what they were by themselves.
    if not _same(sound.state_dict(), before[0]):
        hearing = hearing.around(sound)
    if not _same(words.state_dict(), before[1]):
        reading = ReadingNetwork(words)
    return Fusing(fusion, hearing, reading)


def _same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return all(torch.equal(x, other[name]) for name, x in one.items())


def _ensemble(run: Run, window: float) -> tuple[nn.Module, FeatureSettings]:
    parts = run.branches()
    networks, features = zip(*(_hearing(part, window) for part in parts), strict=True)
    kinds = set(features)
    if any(kind.kind == PROMINENT for kind in kinds):
        kinds = {replace(kind, kind=PROMINENT) if kind.kind == "whisper" else kind for kind in kinds}
    if len(kinds) > 1:
        raise IntoneError(f"The parts of {run.settings['model']} take different features: a file has one kind.")
    return EnsembleHearing(networks, [part.config["temperature"] for part in parts]), kinds.pop()


def _hearing(run: Run, window: float) -> tuple[nn.Module, FeatureSettings]:
    recipe = run.recipe
    if isinstance(recipe, Ensemble) and recipe.fusion == "fusion_late_logits":
        return _ensemble(run, window)
    if isinstance(recipe, AudioRecipe):
        return SpectrogramHearing(recipe.network_of(run.folder)), recipe.features
    if isinstance(recipe, SpeechProbeRecipe):
        layers = run.config["details"]["layers"]
        trunk, features = _trunk(recipe.weights, layers, window)
        kept = load_file(run.folder / "model.safetensors")
        names = ("mean", "deviation", "weight", "bias")
        readers = {k: {name: kept[f"layer{k}.{name}"] for name in names} for k in layers}
        if any(len(reader["bias"]) != len(EMOTIONS) for reader in readers.values()):
            raise IntoneError(f"{run.folder} learnt from clips that lack an emotion: it can't be put into a file.")
        return ProbeHearing(trunk, readers), replace(features, kind=PROMINENT) if recipe.hearing.prominent else features
    if isinstance(recipe, SpeechHeadRecipe):
        trunk, features = _trunk(recipe.weights, recipe.layers, window)
        return StatesHearing(trunk, recipe.layers, recipe.network_of(run.folder)), features
    raise IntoneError(
        f"{run.settings['model']} can't be put into a file: take a model that hears, or a fusion of one with a network "
        "that reads."
    )


def _trunk(weights: str, layers: Sequence[int], window: float) -> tuple[WhisperTrunk, FeatureSettings]:
    """Whisper's first blocks, with positions for one window and no more: they are a fifth of the file."""
    trunk = SpeechStates(weights, layers).network
    if not isinstance(trunk, WhisperTrunk):
        raise IntoneError(f"Of speech encoders a file can hold Whisper's alone, and not {weights}.")
    if 100 * window > trunk.longest:
        raise IntoneError(f"{weights} hears {trunk.longest / 100:g} s at once, and a window has {window:g} s.")
    kept = trunk.positions.weight[: round(50 * window) + 2].clone()
    trunk.positions.weight = nn.Parameter(kept, requires_grad=False)
    return trunk, FeatureSettings(kind="whisper", bands=trunk.bands)


def _reading(run: Run) -> tuple[nn.Module, Reading]:
    recipe = run.recipe
    if not isinstance(recipe, SentenceRecipe):
        raise IntoneError(f"{run.settings['model']} doesn't read in a way that a file can hold.")
    network, vocabulary = recipe.load(run.folder)
    if isinstance(recipe, TextRecipe):
        return network, Reading(vocabulary=tuple(vocabulary.words), longest=MAX_TOKENS)  # type: ignore[attr-defined]
    tokenizer = vocabulary.tokenizer.backend_tokenizer  # type: ignore[attr-defined]
    return network, Reading(tokenizer=tokenizer.to_str(), longest=MAX_TOKENS)


def pack(run: Run, corpus: Corpus, out: Path, eight_bits: bool = True, window: float = 5.0) -> Card:
    """Write the model file and return its card; raises IntoneError where it can't be made.

    Checked on clips of the corpus that it was trained on: what they span is what the model knows, and 8-bit weights
    are kept where they answer the same.
    """
    whole, card = parts(run, window)
    words = "; its words from GoEmotions" if card.reading and card.reading.track == "natural" else ""
    card = replace(
        card,
        trained_on=f"{corpus.name}, {len(corpus.clips)} clips{words}",
        licence=LICENCES.get(corpus.name, f"that of {corpus.name}"),
    )
    with tempfile.TemporaryDirectory() as work:
        plain, small = Path(work) / "plain.onnx", Path(work) / "small.onnx"
        card = replace(card, parity=export(whole, card, plain))
        clips = corpus.clips.iloc[:: max(1, len(corpus.clips) // SEEN)]
        answers = heard(Model(plain), corpus, list(clips["file"]))
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
