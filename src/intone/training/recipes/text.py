"""A track's sentences -> networks over them: how they are trained, and the recurrent ones."""

import json
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import pandas as pd
import torch
from safetensors import safe_open
from torch import nn

from intone.cache import digest, write_whole
from intone.data.goemotions import reserved
from intone.data.splits import PARTS, Split
from intone.data.texts import sentences
from intone.errors import IntoneError
from intone.evaluation.details import Details
from intone.inference.card import Reading
from intone.models.checkpoint import load_network_file, save_network
from intone.models.graph import TextGraph
from intone.models.rnn import TextExamples, TextRnn, TextRnnPreset
from intone.progress import say
from intone.text import MAX_TOKENS, Encoder, Vocabulary
from intone.training.finished_fold import FinishedFold
from intone.training.module import TrainingPreset
from intone.training.recipe import FoldResult, FoldTask, Recipe
from intone.training.runs import claim, first_named
from intone.training.trainer import fit, predict
from intone.training.workspace import Workspace

WEIGHTS = "model.safetensors"
"""In a fold's folder."""


def balanced(targets: Sequence[int], classes: int, power: float) -> tuple[float, ...]:
    """Weight of each label, its count to the power of -`power`, with mean 1 over the clips."""
    counts = Counter(targets)
    raw = [counts[k] ** -power if counts[k] else 0.0 for k in range(classes)]
    scale = sum(counts.values()) / sum(w * counts[k] for k, w in enumerate(raw))
    return tuple(round(w * scale, 5) for w in raw)


def of_track(space: Workspace, track: str, split: Split) -> pd.Series:
    """`file` -> sentence, for every clip of the fold."""
    return sentences(track, split, space.corpus.clips, space.transcripts, space.goemotions)


def comments(space: Workspace) -> pd.DataFrame:
    """GoEmotions' comments whose emotion is one of the corpus's labels; raises Missing where they aren't there.

    Raises IntoneError where a label has none: nothing could be paired with its clips.
    """
    table = space.needed("GoEmotions comments", space.goemotions, "intone data get goemotions")
    table = table[table["emotion"].isin(space.labels)]
    lacking = [label for label in space.labels if label not in set(table["emotion"])]
    if lacking:
        raise IntoneError(f"GoEmotions has no comments for {', '.join(lacking)}: the track natural can't be used.")
    return table


@dataclass(frozen=True, kw_only=True)
class SentenceRecipe(Recipe):
    """A network over sentences, whose kind the subclass defines.

    On most tracks it is trained on the fold's training clips. On `natural` it is trained once, outside the folds, on
    the three quarters of GoEmotions that no clip is paired with, and each fold only predicts and calibrates: a fusion
    must never be trained on a text model's predictions for its own training sentences.
    """

    modality: ClassVar[str] = "text"
    epoch_names: ClassVar[Mapping[str, str]] = {"training": "text_epochs", "on_goemotions": "goemotions_epochs"}
    training: TrainingPreset = field(
        default_factory=lambda: TrainingPreset(epochs=12, rate=3e-3, patience=4, average=0.9)
    )
    on_goemotions: TrainingPreset = field(default_factory=lambda: TrainingPreset(epochs=6, batch=32, average=0.99))

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the folder of the network that was trained on GoEmotions."""

    @abstractmethod
    def vocabulary_of(self, texts: Iterable[str]) -> Encoder:
        """The encoder of sentences into ids; where it depends on text, then on the training text alone."""

    @abstractmethod
    def built(self, space: Workspace, vocabulary: Encoder) -> nn.Module:
        """The network before training."""

    @abstractmethod
    def save(self, network: nn.Module, vocabulary: Encoder, folder: Path) -> None:
        """Keep a trained network in its folder."""

    @abstractmethod
    def load(self, folder: Path, classes: int) -> tuple[nn.Module, Encoder]:
        """What `save` kept, for `classes` labels."""

    def fit(self, space: Workspace, task: FoldTask) -> FoldResult:
        """Train on the fold, or on `natural` predict it with the network that was trained on GoEmotions."""
        words = of_track(space, task.track, task.split)
        texts = {str(file): str(sentence) for file, sentence in words.items()}
        if task.track == "natural":
            return self._natural(space, task, texts)
        vocabulary = self.vocabulary_of(words.loc[list(task.split.train)])
        examples = TextExamples(texts, space.targets, vocabulary, space.seed)
        network = self.built(space, vocabulary)
        where = (task.folder, space.labels, space.seed)
        result = fit(network, examples, task.split, self.training, *where, device=space.device)
        self.save(network, vocabulary, task.folder)
        return replace(result, details=replace(result.details, words=len(vocabulary)))

    def _natural(self, space: Workspace, task: FoldTask, texts: Mapping[str, str]) -> FoldResult:
        folder = self._from_goemotions(space)
        facts = json.loads((folder / "config.json").read_text())
        network, vocabulary = self.load(folder, len(space.labels))
        files = [f for part in PARTS for f in getattr(task.split, part)]
        examples = TextExamples(texts, space.targets, vocabulary, space.seed)
        logits, embeddings = predict(network, examples, files, space.labels)
        self.save(network, vocabulary, task.folder)
        return FoldResult(
            logits,
            facts["parameters"],
            facts["seconds"],
            embeddings,
            pd.read_csv(folder / "history.csv"),
            Details(epoch=facts["epoch"]),
        )

    def _from_goemotions(self, space: Workspace) -> Path:
        """The folder of the network trained on GoEmotions' own training comments, made once; its epoch is chosen on the
        dev part, which is the `validation` of its history."""
        table = comments(space)
        folder = space.runs / f"{self.name}__goemotions{f'__seed{space.seed}' if space.seed else ''}"
        below = [dict(self.pretrained())] if self.pretrained() else []
        mark = digest(first_named(self.settings()), self.on_goemotions.epochs, space.seed, table.to_csv(), *below)
        kept = folder / "config.json"
        if not kept.exists() or json.loads(kept.read_text())["fingerprint"] != mark:
            claim(folder, mark)
            say(f"{folder.name}: learning from GoEmotions")
            result = self._learn(space, table, folder)
            result.history.to_csv(folder / "history.csv", index=False)
            facts = {"parameters": result.parameters, "seconds": result.seconds, "epoch": result.details.epoch}
            write_whole(kept, json.dumps({"fingerprint": mark, **facts}).encode())
            for leftover in ("last.ckpt", "best.ckpt"):
                (folder / leftover).unlink(missing_ok=True)
        return folder

    def _learn(self, space: Workspace, table: pd.DataFrame, folder: Path) -> FoldResult:
        learn, _ = reserved(table)
        targets = {i: space.labels.index(e) for i, e in zip(table["id"], table["emotion"], strict=True)}
        text = dict(zip(table["id"], table["text"], strict=True))
        dev = table.loc[table["part"] == "dev", "id"]
        split = Split("goemotions", "1", tuple(learn["id"]), tuple(dev), ())
        vocabulary = self.vocabulary_of(learn["text"])
        weights = balanced([targets[i] for i in split.train], len(space.labels), 1.0)
        preset = replace(self.on_goemotions, class_weights=weights)
        examples = TextExamples(text, targets, vocabulary, space.seed)
        network = self.built(space, vocabulary)
        result = fit(network, examples, split, preset, folder, space.labels, space.seed, device=space.device)
        self.save(network, vocabulary, folder)
        return result

    def text_network(self, run: FinishedFold) -> tuple[nn.Module, Encoder]:
        """The trained network of a finished fold and its vocabulary, in evaluation mode."""
        network, vocabulary = self.load(run.folder, len(run.labels))
        return network.eval(), vocabulary

    def network_of(self, run: FinishedFold) -> nn.Module:
        """The trained network of a finished fold, in evaluation mode."""
        return self.text_network(run)[0]

    def examples(self, space: Workspace, run: FinishedFold, split: Split) -> TextExamples:
        """The fold's sentences as the network's input."""
        words = of_track(space, run.record.track, split)
        texts = {str(file): str(sentence) for file, sentence in words.items()}
        return TextExamples(texts, space.targets, self.text_network(run)[1], space.seed)

    def refusal(self, space: Workspace, model: str, track: str) -> str:
        """A reason, except on `natural`, whose sentences are the same for all speakers."""
        if track != "natural":
            return f"{model} on {track} learns two sentences by heart: for free speech take --track natural."
        return ""


@dataclass(frozen=True, kw_only=True)
class RnnRecipe(SentenceRecipe):
    """A recurrent network over words."""

    network: TextRnnPreset = field(default_factory=TextRnnPreset)

    @property
    def name(self) -> str:
        """Cell and kind of word vectors."""
        return f"text_{self.network.cell}-{self.network.embedding}"

    def vocabulary_of(self, texts: Iterable[str]) -> Vocabulary:
        """The words of the training text."""
        return Vocabulary.of(texts)

    def built(self, space: Workspace, vocabulary: Encoder) -> TextRnn:
        """A new network, with GloVe's vectors where the preset has them."""
        assert isinstance(vocabulary, Vocabulary)
        torch.manual_seed(space.seed)
        network = TextRnn(len(vocabulary), self.network, classes=len(space.labels))
        return network.start_from(space.word_vectors.matrix(vocabulary)) if network.glove is not None else network

    def save(self, network: nn.Module, vocabulary: Encoder, folder: Path) -> None:
        """Keep the weights with their vocabulary."""
        assert isinstance(vocabulary, Vocabulary)
        folder.mkdir(parents=True, exist_ok=True)
        save_network(network, folder / WEIGHTS, {"recipe": self.settings(), "vocabulary": list(vocabulary.words)})

    def load(self, folder: Path, classes: int) -> tuple[TextRnn, Vocabulary]:
        """Network and vocabulary from the file that holds both."""
        with safe_open(folder / WEIGHTS, "pt") as kept:
            vocabulary = Vocabulary(tuple(json.loads(kept.metadata()["intone"])["vocabulary"]))
        network = TextRnn(len(vocabulary), self.network, classes=classes)
        load_network_file(network, folder / WEIGHTS)
        return network, vocabulary

    def text_graph(self, run: FinishedFold) -> TextGraph:
        """The network with its words, which the file contains."""
        network, vocabulary = self.load(run.folder, len(run.labels))
        return TextGraph(network, Reading(vocabulary=tuple(vocabulary.words), longest=MAX_TOKENS))
