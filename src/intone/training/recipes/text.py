"""A track's sentences -> the text models: how each is made from one fold, or once from GoEmotions for `natural`."""

import json
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import torch
from safetensors import safe_open
from torch import nn

from intone.cache import digest, write_whole
from intone.data.goemotions import reserved
from intone.data.splits import PARTS, Split
from intone.data.texts import sentences
from intone.emotions import EMOTIONS
from intone.models.checkpoint import load_network_file, save_network
from intone.models.rnn import TextExamples, TextRnn, TextRnnPreset
from intone.models.tfidf import TfidfClassifier
from intone.progress import say
from intone.text import Encoder, Glove, Vocabulary
from intone.training.module import TrainingPreset
from intone.training.runs import Outcome, claim, first_named
from intone.training.trainer import Fitted, fit, listen
from intone.training.workspace import Lab, Recipe


def balanced(emotions: Mapping[str, str], power: float) -> tuple[float, ...]:
    """Weight of each emotion, its count to the power of -`power`, with mean 1 over the clips."""
    counts = Counter(emotions.values())
    raw = [counts[e] ** -power if counts[e] else 0.0 for e in EMOTIONS]
    scale = sum(counts.values()) / sum(w * counts[e] for w, e in zip(raw, EMOTIONS, strict=True))
    return tuple(round(w * scale, 5) for w in raw)


def by_key(words: pd.Series) -> dict[str, str]:
    """`file` -> sentence."""
    return {str(file): str(sentence) for file, sentence in words.items()}


@dataclass(frozen=True, kw_only=True)
class SentenceRecipe(Recipe, ABC):
    """A network over sentences; what kind, the subclass says.

    On most tracks it learns from the fold's training clips. On `natural` it learns once from the three quarters of
    GoEmotions that no clip is paired with, outside the folds, and each fold only listens and calibrates: a fusion must
    never train on a text model's memory of its own training sentences.
    """

    modality: ClassVar[str] = "text"
    effort: ClassVar[tuple[str, ...]] = ("text_epochs", "goemotions_epochs")
    training: TrainingPreset = field(default_factory=lambda: TrainingPreset(rate=3e-3, patience=4, average=0.9))
    on_goemotions: TrainingPreset = field(default_factory=lambda: TrainingPreset(batch=32, average=0.99))

    @property
    @abstractmethod
    def name(self) -> str:
        """Of the folder where the network that learnt from GoEmotions is kept."""

    @abstractmethod
    def vocabulary_of(self, texts: Iterable[str]) -> Encoder:
        """What turns sentences into ids, from the training text alone where it learns at all."""

    @abstractmethod
    def built(self, lab: Lab, vocabulary: Encoder) -> nn.Module:
        """The network before training."""

    @abstractmethod
    def save(self, network: nn.Module, vocabulary: Encoder, folder: Path) -> None:
        """Keep a trained network in its folder."""

    @abstractmethod
    def load(self, folder: Path) -> tuple[nn.Module, Encoder]:
        """What `save` kept."""

    def make(self, lab: Lab, track: str, split: Split, folder: Path) -> Outcome:
        """Train on the fold, or listen to it with the network that GoEmotions trained."""
        words = sentences(track, split, lab.corpus.clips, lab.transcripts, lab.goemotions)
        if track == "natural":
            network, vocabulary, facts, history = self._from_goemotions(lab)
            files = [f for part in PARTS for f in getattr(split, part)]
            heard = listen(network, TextExamples(by_key(words), lab.emotions, vocabulary, lab.seed), files)
            self.save(network, vocabulary, folder)
            details = {"epoch": facts["epoch"]}
            return Outcome(heard[0], facts["parameters"], facts["seconds"], heard[1], history, details)
        vocabulary = self.vocabulary_of(words.loc[list(split.train)])
        examples = TextExamples(by_key(words), lab.emotions, vocabulary, lab.seed)
        preset = replace(self.training, epochs=lab.effort.text_epochs, seed=lab.seed)
        fitted = fit(self.built(lab, vocabulary), examples, split, preset, folder)
        self.save(fitted.network, vocabulary, folder)
        details = {"epoch": fitted.epoch, "words": len(vocabulary)}
        return Outcome(fitted.logits, fitted.parameters, fitted.seconds, fitted.embeddings, fitted.history, details)

    def _from_goemotions(self, lab: Lab) -> tuple[nn.Module, Encoder, dict[str, Any], pd.DataFrame]:
        """The network trained on GoEmotions' own training comments, made once; epoch chosen on its dev part.

        With it: its vocabulary, its facts, and its history, whose `validation` is that dev part.
        """
        table = lab.needed("GoEmotions comments", lab.goemotions, "intone data get goemotions")
        folder = lab.runs / f"{self.name}__goemotions{f'__seed{lab.seed}' if lab.seed else ''}"
        below = [dict(self.stands_on())] if self.stands_on() else []
        mark = digest(first_named(asdict(self)), lab.effort.goemotions_epochs, lab.seed, table.to_csv(), *below)
        kept = folder / "config.json"
        if not kept.exists() or json.loads(kept.read_text())["fingerprint"] != mark:
            claim(folder, mark)
            say(f"{folder.name}: learning from GoEmotions")
            fitted, vocabulary = self._learn(lab, table, folder)
            self.save(fitted.network, vocabulary, folder)
            fitted.history.to_csv(folder / "history.csv", index=False)
            facts = {"parameters": fitted.parameters, "seconds": fitted.seconds, "epoch": fitted.epoch}
            write_whole(kept, json.dumps({"fingerprint": mark, **facts}).encode())
            for leftover in ("last.ckpt", "best.ckpt"):
                (folder / leftover).unlink(missing_ok=True)
        return *self.load(folder), json.loads(kept.read_text()), pd.read_csv(folder / "history.csv")

    def _learn(self, lab: Lab, table: pd.DataFrame, folder: Path) -> tuple[Fitted, Encoder]:
        learn, _ = reserved(table)
        emotions = dict(zip(table["id"], table["emotion"], strict=True))
        text = dict(zip(table["id"], table["text"], strict=True))
        dev = table.loc[table["part"] == "dev", "id"]
        split = Split("goemotions", "1", tuple(learn["id"]), tuple(dev), ())
        vocabulary = self.vocabulary_of(learn["text"])
        preset = replace(
            self.on_goemotions,
            epochs=lab.effort.goemotions_epochs,
            class_weights=balanced({i: emotions[i] for i in split.train}, 1.0),
            seed=lab.seed,
        )
        examples = TextExamples(text, emotions, vocabulary, lab.seed)
        return fit(self.built(lab, vocabulary), examples, split, preset, folder), vocabulary

    def network_of(self, folder: Path) -> nn.Module:
        """The trained network of a finished fold."""
        return self.load(folder)[0]

    def examples(self, lab: Lab, track: str, split: Split, folder: Path) -> TextExamples:
        """The fold's sentences as the network of a finished fold takes them."""
        words = sentences(track, split, lab.corpus.clips, lab.transcripts, lab.goemotions)
        return TextExamples(by_key(words), lab.emotions, self.load(folder)[1], lab.seed)


@dataclass(frozen=True, kw_only=True)
class TextRecipe(SentenceRecipe):
    """A recurrent network over words."""

    network: TextRnnPreset = field(default_factory=TextRnnPreset)

    @property
    def name(self) -> str:
        """Cell and kind of word vectors."""
        return f"text_{self.network.cell}-{self.network.embedding}"

    def vocabulary_of(self, texts: Iterable[str]) -> Vocabulary:
        """The words of the training text."""
        return Vocabulary.of(texts)

    def built(self, lab: Lab, vocabulary: Encoder) -> TextRnn:
        """A new network, over GloVe's vectors where the preset says so."""
        assert isinstance(vocabulary, Vocabulary)
        torch.manual_seed(lab.seed)
        network = TextRnn(len(vocabulary), self.network)
        if self.network.embedding == "glove":
            place = lab.needed("GloVe vectors", lab.glove, "intone models get glove-6b-50d")
            network.start_from(lab.keep("glove", lambda: Glove.read(place)).matrix(vocabulary))
        return network

    def save(self, network: nn.Module, vocabulary: Encoder, folder: Path) -> None:
        """Weights with their vocabulary."""
        assert isinstance(vocabulary, Vocabulary)
        folder.mkdir(parents=True, exist_ok=True)
        settings = {"recipe": asdict(self), "vocabulary": list(vocabulary.words)}
        save_network(network, folder / "model.safetensors", settings)

    def load(self, folder: Path) -> tuple[TextRnn, Vocabulary]:
        """Network and vocabulary from the file that holds both."""
        path = folder / "model.safetensors"
        with safe_open(path, "pt") as kept:
            vocabulary = Vocabulary(tuple(json.loads(kept.metadata()["intone"])["vocabulary"]))
        network = TextRnn(len(vocabulary), self.network)
        load_network_file(network, path)
        return network, vocabulary


@dataclass(frozen=True)
class TfidfRecipe(Recipe):
    """A bag of words: TF-IDF and logistic regression; learns where `TextRecipe` does."""

    modality: ClassVar[str] = "text"
    effort: ClassVar[tuple[str, ...]] = ()

    def make(self, lab: Lab, track: str, split: Split, folder: Path) -> Outcome:
        """Fit on the fold's training sentences, or on GoEmotions for `natural`."""
        words = sentences(track, split, lab.corpus.clips, lab.transcripts, lab.goemotions)
        started = time.perf_counter()
        if track == "natural":
            table = lab.needed("GoEmotions comments", lab.goemotions, "intone data get goemotions")
            learn, _ = reserved(table)
            model = lab.keep("tfidf", lambda: TfidfClassifier().fit(learn["text"].tolist(), learn["emotion"].tolist()))
        else:
            train = list(split.train)
            model = TfidfClassifier().fit(words.loc[train].tolist(), [lab.emotions[f] for f in train])
        logits = pd.DataFrame(model.logits(words.tolist()), words.index, list(EMOTIONS))
        return Outcome(logits, model.parameters, time.perf_counter() - started)
