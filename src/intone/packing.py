"""A finished run's folder -> the model file that analyses recordings, checked on real clips."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from safetensors.torch import load_file
from torch import nn

import intone
from intone import domain
from intone.audio import read_clip
from intone.corpora import Corpus
from intone.emotions import EMOTIONS, INDEX
from intone.errors import BadClip, IntoneError
from intone.everyone import figures, threshold
from intone.export import differences, export, holds, place, quantize
from intone.features import FeatureSettings
from intone.lab import Recipe
from intone.model_file import Card, Model, Reading
from intone.models.exported import ProbeHearing, SpectrogramHearing, StatesHearing, Whole
from intone.models.exported import Reading as ReadingNetwork
from intone.models.speech_states import SpeechStates, WhisperTrunk
from intone.progress import say, track
from intone.recipes import MODELS
from intone.recipes.audio import AudioRecipe
from intone.recipes.fusion import LateRecipe
from intone.recipes.speech_network import SpeechHeadRecipe
from intone.recipes.speech_probe import SpeechProbeRecipe
from intone.recipes.text import SentenceRecipe, TextRecipe
from intone.words import LONGEST

LICENCES: Final = {"ravdess": "CC BY-NC-SA 4.0 (RAVDESS)"}
"""Corpus -> what binds a network that was trained on it."""

SEEN: Final = 400
"""Clips on which a file is checked: every n-th of the corpus, all actors and emotions among them."""

SMALLER: Final = 0.8
"""Share of the file's size down to which 8 bits have to bring it; a network of convolutions keeps its size."""


@dataclass(frozen=True)
class Run:
    """A finished fold, or the model that learnt from everyone, in its folder."""

    folder: Path
    models: Mapping[str, Recipe] = field(default_factory=lambda: MODELS)

    @cached_property
    def config(self) -> dict[str, Any]:
        """What the folder says of itself; raises IntoneError where it isn't finished."""
        try:
            found: dict[str, Any] = json.loads((self.folder / "config.json").read_text())
        except FileNotFoundError as error:
            raise IntoneError(_no_run(self.folder)) from error
        return found

    @property
    def settings(self) -> dict[str, Any]:
        """Those of its recipe."""
        found: dict[str, Any] = self.config["settings"]
        return found

    @cached_property
    def recipe(self) -> Recipe:
        """As it was made: on the weights and layers that the folder names."""
        recipe, kept = self.models[self.settings["model"].split("@")[0]], self.settings["recipe"]
        if isinstance(recipe, SpeechProbeRecipe | SpeechHeadRecipe):
            return replace(recipe, weights=kept["weights"], layers=tuple(kept["layers"]))
        return recipe

    @property
    def picked(self) -> "Run":
        """What a choice picked, or the run itself."""
        picked = self.config["details"].get("picked")
        return self.sibling(picked) if picked else self

    def sibling(self, model: str) -> "Run":
        """Another model's run of the same fold, on the same words."""
        name, (_, words, *rest) = self.folder.parent.name, self.folder.parent.name.split("__")
        words = "none" if self.models[model.split("@")[0]].modality == "audio" else words
        name = "__".join([model, words, *rest])
        return replace(self, folder=self.folder.parent.parent / name / self.folder.name)

    def branches(self) -> list["Run"]:
        """A fusion's parts, each as it was picked."""
        named = self.config["details"].get("branches")  # where everyone was heard, whole names of folders
        if named:
            return [replace(self, folder=self.folder.parent.parent / name / self.folder.name) for name in named]
        assert isinstance(self.recipe, LateRecipe)
        return [self.sibling(branch).picked for branch in self.recipe.branches]

    @property
    def figures(self) -> dict[str, Any]:
        """Its threshold and scores: kept with what learnt from everyone, counted from a fold's predictions."""
        if "scores" in self.config:
            return {"unsure": self.config["unsure"], "scores": self.config["scores"]}
        table = pd.read_csv(self.folder / "predictions.csv", dtype={"fold": str})
        return {"unsure": threshold(table), "scores": figures(table[table["split"] == "test"])}


def _no_run(folder: Path) -> str:
    inside = sorted(path.parent.name for path in folder.glob("*/config.json"))
    if inside:
        return f"{folder} holds {len(inside)} folds: name one of them, such as {folder / inside[0]}."
    return f"{folder} is not a finished run: `intone train` makes one and prints its folder."


def found(folder: Path, models: Mapping[str, Recipe] = MODELS) -> Run:
    """The run in a folder, or what learnt from everyone below it; raises IntoneError where there is none."""
    alone = folder / "fold-all"
    return Run(alone if (alone / "config.json").exists() else folder, models).picked


def parts(run: Run, window: float) -> tuple[Whole, Card]:
    """Networks and card of a run. Raises IntoneError for a model that can't be put into a file."""
    audio, *texts = run.branches() if isinstance(run.recipe, LateRecipe) else [run]
    hearing, features = _hearing(audio, window)
    card = Card(
        name=run.settings["model"].split("@")[0],
        version=intone.__version__,
        features=features,
        temperature=audio.config["temperature"],
        fingerprint=run.config["fingerprint"],
        trained_on="",
        licence="",
        window=window,
        **run.figures,
    )
    if not texts:
        return Whole(hearing, None), card
    (text,) = texts
    network, reading = _reading(text)
    joined = replace(
        reading,
        temperature=text.config["temperature"],
        weight=_weight(run),
        fused_temperature=run.config["temperature"],
    )
    return Whole(hearing, ReadingNetwork(network)), replace(card, reading=joined)


def _weight(run: Run) -> float:
    """The sound's share; a plain sum of logits is twice the half of each."""
    assert isinstance(run.recipe, LateRecipe)
    rule, learnt = run.recipe.fusion, run.config["details"].get("weight_of_first")
    if rule == "fusion_late_logits":
        return 0.5
    if rule == "fusion_late_weighted" and learnt is not None:
        return float(learnt)
    raise IntoneError(f"{rule} can't be put into a file: take fusion_late_logits or fusion_late_weighted.")


def _hearing(run: Run, window: float) -> tuple[nn.Module, FeatureSettings]:
    recipe = run.recipe
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
        return ProbeHearing(trunk, readers), features
    if isinstance(recipe, SpeechHeadRecipe):
        trunk, features = _trunk(recipe.weights, recipe.layers, window)
        return StatesHearing(trunk, recipe.layers, recipe.network_of(run.folder)), features
    raise IntoneError(f"{run.settings['model']} doesn't hear, or not in a way that a file can hold.")


def _trunk(weights: str, layers: Sequence[int], window: float) -> tuple[WhisperTrunk, FeatureSettings]:
    """Whisper's first blocks, with positions for one window and no more: they are a fifth of the file."""
    trunk = SpeechStates(weights, layers).network
    if not isinstance(trunk, WhisperTrunk):
        raise IntoneError(f"Of speech encoders a file can hold Whisper's alone, and not {weights}.")
    if 100 * window > trunk.longest:
        raise IntoneError(f"{weights} hears {trunk.longest / 100:g} s at once, and a window has {window:g} s.")
    kept = trunk.positions.weight[: round(50 * window) + 2].clone()
    trunk.positions.weight = nn.Parameter(kept, requires_grad=False)
    return trunk, FeatureSettings(kind="whisper", bands=int(trunk.first.in_channels))


def _reading(run: Run) -> tuple[nn.Module, Reading]:
    recipe = run.recipe
    if not isinstance(recipe, SentenceRecipe):
        raise IntoneError(f"{run.settings['model']} doesn't read in a way that a file can hold.")
    network, vocabulary = recipe.load(run.folder)
    if isinstance(recipe, TextRecipe):
        return network, Reading(vocabulary=tuple(vocabulary.words), longest=LONGEST)  # type: ignore[attr-defined]
    tokenizer = vocabulary.tokenizer.backend_tokenizer  # type: ignore[attr-defined]
    return network, Reading(tokenizer=tokenizer.to_str(), longest=LONGEST)


def pack(run: Run, corpus: Corpus, out: Path, eight_bits: bool = True, window: float = 5.0) -> Card:
    """Write the model file and return its card; raises IntoneError where it can't be made.

    Checked on clips of the corpus that it was trained on: what they span is what the model knows, and 8-bit weights
    are kept where they answer the same.
    """
    whole, card = parts(run, window)
    card = replace(
        card,
        trained_on=f"{corpus.name}, {len(corpus.clips)} clips",
        licence=LICENCES.get(corpus.name, f"that of {corpus.name}"),
    )
    with tempfile.TemporaryDirectory() as work:
        plain, small = Path(work) / "plain.onnx", Path(work) / "small.onnx"
        export(whole, card, plain)
        clips = corpus.clips.iloc[:: max(1, len(corpus.clips) // SEEN)]
        answers, spans, files = heard(Model(plain), corpus, list(clips["file"]))
        card = replace(card, known=spans)
        kept = plain
        if eight_bits:
            quantize(plain, small)
        if eight_bits and small.stat().st_size < SMALLER * plain.stat().st_size:
            true = [INDEX[e] for e in clips.set_index("file").loc[files, "emotion"]]
            difference = differences(answers, heard(Model(small), corpus, files)[0], true)
            if holds(difference):
                kept, card = small, replace(card, quantization=difference)
            else:
                say(f"8-bit weights answer otherwise ({difference}): 32 bits are kept.")
        place(kept, card, out)
    return card


def heard(
    model: Model, corpus: Corpus, files: Sequence[str]
) -> tuple[list[np.ndarray], dict[str, tuple[float, float]], list[str]]:
    """Probabilities [8] of each clip by sound alone, the span of what was measured, and which clips could be read."""
    answers, rows, read = [], [], []
    for file in track(files, "checking", len(files)):
        try:
            clip = read_clip(corpus.paths[file])
        except BadClip as problem:
            say(f"left out: {problem}")
            continue
        said = model.hear(clip)
        answers.append(said.audio)
        rows.append({**domain.measures(clip), "distance": said.distance})
        read.append(file)
    return answers, domain.spans(rows), read
