"""A frozen encoder's states of RAVDESS -> results/layers.csv, results/sentence_control.csv: a probe's UAR by layer.

    intone layers

One logistic regression a layer, on mean and deviation over the speech. A curve over layers shows what a choice of layer
could gain; it is read on test, and chooses nothing: `chosen` counts the folds whose own training actors take a layer.
The sentence control asks what an unseen sentence costs: the same test clips after training on clips of the other
sentence alone, and after training on as many clips of both.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from intone.cache import digest, write_whole
from intone.data import ravdess as ravdess_corpus
from intone.data.corpus import Corpus
from intone.data.splits import Split, folds
from intone.evaluation.metrics import confusion, uar
from intone.evaluation.results import Experiment
from intone.experiments.publish import log_look
from intone.models.linear_probe import LinearProbe, LinearProbePreset
from intone.progress import track
from intone.training.encoder_states import EncoderStates
from intone.training.recipes import SMALL

MODEL: Final = "audio_whisper_small-frozen"
"""The probe that both tables are about, here on every layer of its encoder."""

LAYERS: Final = tuple(range(1, 13))
"""All of Whisper-small's."""

PROTOCOL: Final = "luna5"

ONE_LAYER: Final = LinearProbePreset(widest=1)


@dataclass(frozen=True)
class Clips:
    """RAVDESS as a probe takes it."""

    corpus: Corpus
    states: dict[str, np.ndarray]
    """`file` -> pooled states [layers, 2D]."""

    def x(self, files: Sequence[str]) -> np.ndarray:
        """Pooled states of these clips, [N, layers, 2D]."""
        return np.stack([self.states[file] for file in files])

    def true(self, files: Sequence[str]) -> np.ndarray:
        """Label indices, [N]."""
        emotions = self.corpus.clips.set_index("file")["emotion"]
        return np.array([self.corpus.labels.index(emotions[file]) for file in files])

    def speakers(self, files: Sequence[str]) -> list[str]:
        """Speakers, [N]."""
        return list(self.corpus.clips.set_index("file")["speaker"].loc[list(files)])


def layers(ravdess: Path | None = None, results: Path = Path("results"), workers: int = 2) -> None:
    """Test a probe of Whisper-small on each of its layers, and on sentences that are not in training.

    Args:
        ravdess: The RAVDESS folder; default INTONE_RAVDESS, else data/ravdess.
        results: Folder for the tables.
        workers: Number of processes that compute the encoder's states.
    """
    corpus = ravdess_corpus.load(ravdess)
    wanted = EncoderStates(SMALL, LAYERS, pooled=True)
    wanted.fill(corpus, workers)
    clips = Clips(corpus, {file: copies[0] for file, copies in wanted.computed(corpus).items()})
    _write(results, "layers", by_layer(clips), "layer")
    _write(results, "sentence_control", by_sentence(clips), "trained_on")


def by_layer(clips: Clips) -> pd.DataFrame:
    """Columns `protocol, layer, uar, chosen`: percent over all test clips, and the folds that choose the layer."""
    splits = folds(clips.corpus.clips, PROTOCOL)
    true, said, chosen = [], [], np.zeros(len(LAYERS), int)
    for split in track(splits, "a probe of each layer", len(splits)):
        x, labels = clips.x(split.train), clips.true(split.train)
        chosen[_fitted(clips, split.train, ONE_LAYER).layers[0]] += 1
        judged = clips.x(split.test)
        true.append(clips.true(split.test))
        said.append([_one(x[:, [k]], labels, judged[:, [k]], len(clips.corpus.labels)) for k in range(len(LAYERS))])
    rows = np.concatenate(said, axis=1)
    rates = [_uar(np.concatenate(true), row, clips) for row in rows]
    return pd.DataFrame({"protocol": PROTOCOL, "layer": LAYERS, "uar": np.round(rates, 2), "chosen": chosen})


def by_sentence(clips: Clips) -> pd.DataFrame:
    """Columns `protocol, trained_on, clips, uar`: the other sentence, or half of the clips of both; UAR in percent."""
    found: dict[str, list[tuple[np.ndarray, np.ndarray, int]]] = {"the other sentence": [], "both sentences": []}
    splits = folds(clips.corpus.clips, "luna5_sentence")
    for split in track(splits, "sentences", len(splits)):
        for name, train in (("the other sentence", split.train), ("both sentences", tuple(_half(clips, split)))):
            probe = _fitted(clips, train, LinearProbePreset())
            found[name].append((clips.true(split.test), probe.logits(clips.x(split.test)).argmax(1), len(train)))
    rows = []
    for name, parts in found.items():
        true, said = (np.concatenate(each) for each in zip(*((t, s) for t, s, _ in parts), strict=True))
        count = round(float(np.mean([n for _, _, n in parts])))
        rows.append(("luna5_sentence", name, count, round(_uar(true, said, clips), 2)))
    return pd.DataFrame(rows, columns=["protocol", "trained_on", "clips", "uar"])


def _half(clips: Clips, split: Split) -> Iterator[str]:
    """Half of the clips of the fold's training actors: of each emotion and intensity both sentences, one take each."""
    facts = clips.corpus.clips
    mine = facts[facts["speaker"].isin(clips.speakers(split.train))]
    keep = (mine["repetition"].astype(int) + mine["statement"].astype("category").cat.codes) % 2 == 0
    yield from mine.loc[keep, "file"]


def _fitted(clips: Clips, train: Sequence[str], preset: LinearProbePreset) -> LinearProbe:
    probe = LinearProbe(preset, len(clips.corpus.labels))
    return probe.fit(clips.x(train), clips.true(train), clips.speakers(train))


def _one(x: np.ndarray, labels: np.ndarray, judged: np.ndarray, classes: int) -> np.ndarray:
    """Predicted label indices [n] of one layer's regression, learned from [N, 1, 2D]."""
    probe = LinearProbe(ONE_LAYER, classes)
    found: np.ndarray = probe.on_layers((0,), x, labels).logits(judged).argmax(1)
    return found


def _uar(true: np.ndarray, said: np.ndarray, clips: Clips) -> float:
    return float(uar(confusion(true, said, len(clips.corpus.labels))))


def _write(results: Path, name: str, table: pd.DataFrame, column: str) -> None:
    """Write a table, and log what was read; `column` says what a row is about."""
    told = ", ".join(f"{what}: UAR {rate:.1f}" for what, rate in zip(table[column], table["uar"], strict=True))
    log_look(results, Experiment(MODEL, "audio", "none", PROTOCOL), digest(table.to_csv()), f"{column} {told}")
    write_whole(results / f"{name}.csv", table.to_csv(index=False, lineterminator="\n").encode())
