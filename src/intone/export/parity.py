"""A model file + a corpus -> its predictions for clips and sentences, and how those of an 8-bit file differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from intone.audio import conditions
from intone.audio.clip import read_clip
from intone.data.corpus import Corpus
from intone.errors import BadClip
from intone.export.onnx import accuracy_change, differences
from intone.inference.card import Reading
from intone.inference.fusion import softmax
from intone.inference.model import Model
from intone.progress import say, track


@dataclass(frozen=True)
class Answers:
    """A file's predictions for clips; probabilities [labels] are in the clips' order."""

    files: list[str] = field(default_factory=list)
    """The clips that could be read."""
    sound: list[np.ndarray] = field(default_factory=list)
    """From audio alone."""
    both: list[np.ndarray] = field(default_factory=list)
    """From audio and words, each clip with another sentence; from audio alone where the file has no text branch."""
    measured: list[dict[str, float]] = field(default_factory=list)
    """Measures, as in inference/ood.py."""


def compared(plain: Path, small: Path, corpus: Corpus, answers: Answers) -> Mapping[str, float]:
    """How the 8-bit file's predictions differ from the 32-bit file's, of which `answers` for the clips are given."""
    others = answers_of(Model(small), corpus, answers.files)
    labels = Model(plain).card.labels
    true = [labels.index(e) for e in corpus.clips.set_index("file").loc[answers.files, "emotion"]]
    found = {
        "clips": len(answers.files),
        **differences(answers.sound, others.sound),
        "accuracy_change": accuracy_change(answers.sound, others.sound, true),
    }
    one, other = sentence_answers(Model(plain)), sentence_answers(Model(small))
    if one:
        found |= {"sentences": len(one), **{f"sentences_{k}": v for k, v in differences(one, other).items()}}
        found |= {f"both_{k}": v for k, v in differences(answers.both, others.both).items()}
    return found


def sentence_answers(model: Model) -> list[np.ndarray]:
    """Probabilities [labels] from words alone, for sentences that together hold each token it knows once."""
    reading = model.card.reading
    if reading is None:
        return []
    silence = np.zeros((1, model.card.features.rows, 32), np.float32)
    logits = [model.logits(silence, ids)[2] for ids in sentences(reading)]
    return [softmax(x / reading.temperature) for x in logits if x is not None]


def sentences(reading: Reading, size: int = 16) -> list[np.ndarray]:
    """All tokens that a model knows, `size` at a time."""
    ids = np.arange(1, len(reading.encoder))
    return np.split(ids, range(size, len(ids), size))


def answers_of(model: Model, corpus: Corpus, files: Sequence[str]) -> Answers:
    """The file's predictions for the clips; clips that can't be read are named and left out."""
    out = Answers()
    said_too = sentences(model.card.reading) if model.card.reading else [None]
    for number, file in enumerate(track(files, "checking", len(files))):
        try:
            clip = read_clip(corpus.paths[file])
        except BadClip as problem:
            say(f"left out: {problem}")
            continue
        said = model.predict_tokens(clip, said_too[number % len(said_too)])
        out.files.append(file)
        out.sound.append(said.audio)
        out.both.append(said.probabilities)
        out.measured.append({**conditions.measures(clip), "distance": said.distance})
    return out
