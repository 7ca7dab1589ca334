"""A model file's embeddings of several corpora -> results/corpora.csv: learned on some corpora, tested on another one.

results/corpora_luna5.csv has RAVDESS's actors, held out by folds, where RAVDESS is learned from too.

    intone corpora

The embeddings are statistics of the frozen layers that the model file has; the regressions on them are learned here,
from all speakers of the corpora learned from, and temperatures from speakers that were held out of them (with several
corpora: from each corpus held out in turn). K = 0 is the plain probe; else K other clips of the test speaker are known,
without labels; `recording`: all of them, the judged one included. A corpus without calm has it counted as neutral.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from intone.cache import digest, write_whole
from intone.data import corpora as published
from intone.data.splits import folds
from intone.emotions import EMOTIONS
from intone.evaluation.metrics import calibration_error, confusion, interval, places, uar
from intone.evaluation.results import Experiment
from intone.experiments.draws import RECORDING
from intone.experiments.publish import log_look, packed
from intone.export.voices import PRESET, embeddings, sentences
from intone.inference import registry
from intone.inference.fusion import softmax
from intone.inference.model import Model
from intone.inference.voice import Voice, VoiceModel
from intone.models.partial_labels import merged, without_calm
from intone.models.voice_probe import VoiceProbePreset, calibrated, fitted, plain, plain_calibration, regressions
from intone.progress import track
from intone.training.recipe import Voiced

PAIRS: Final = (
    (("ravdess",), "emodb"),
    (("ravdess", "nemo"), "emodb"),
    (("ravdess",), "nemo"),
    (("ravdess", "emodb"), "nemo"),
    (("ravdess", "emodb", "nemo"), "ravdess"),
)
"""Corpora learned from, and the one that they are tested on; one of the former is tested by the folds of `OWN`."""

OWN: Final = "luna5"
"""Protocol by which RAVDESS's speakers are held out where it is learned from, too."""

FOLDED: Final = f"corpora_{OWN}"
"""Table and folder of those results: there the corpus itself was not held out."""

KNOWN: Final = ("0", "8", RECORDING)

KEYS: Final = ("file", "speaker", "emotion", "predicted")

COLUMNS: Final = ("learned", "tested", "k", "uar", "uar_low", "uar_high", "ece", "auroc", "answered")
"""`uar` over the tested corpus's own emotions, in percent, its interval over speakers; `auroc`: how well the confidence
tells right from wrong predictions; `answered`: percent that are not `unsure`."""


def corpora(model: str | None = None, layers: int = 3, results: Path = Path("results")) -> None:
    """Test what a model's embeddings learn from some corpora on another one, plain and adapted to each speaker.

    Args:
        model: A file that `intone export` made, or a name from `intone models list`; default the packaged model.
        layers: Number of encoder layers whose statistics the model's embedding joins.
        results: Folder for the tables.
    """
    path = registry.find(model)
    ear, rows = Model(path), []
    names = dict.fromkeys(name for learned, tested in PAIRS for name in (*learned, tested))
    known: dict[str, Part] = {name: (*embeddings(ear, path, published.load(name), layers), name) for name in names}
    for learned, tested in track(PAIRS, "learning from corpora", len(PAIRS)):
        for k, table in _answers([known[name] for name in learned], known[tested]):
            stem = f"{'+'.join(learned)}__{tested}__{k}"
            folder = FOLDED if tested in learned else "corpora"
            write_whole(results / folder / f"{stem}.csv.gz", packed(table, (*KEYS, *EMOTIONS)))
            rows.append({"learned": "+".join(learned), "tested": tested, "k": k, **_scores(table)})
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    told = "; ".join(f"{r.learned} on {r.tested}, {r.k}: UAR {r.uar:.1f}" for r in found.itertuples())
    log_look(results, Experiment("packaged", "audio", "none", "corpora"), digest(found.to_csv()), f"corpora: {told}")
    folded = [tested in learned.split("+") for learned, tested in zip(found["learned"], found["tested"], strict=True)]
    for name, rows_of in (("corpora", found[~np.array(folded)]), (FOLDED, found[folded])):
        write_whole(results / f"{name}.csv", rows_of.to_csv(index=False, lineterminator="\n").encode())


Part = tuple[np.ndarray, pd.DataFrame, str]
"""A corpus's clips and their copies [N, copies, layers, width], their rows of the clip table, and its name."""


@dataclass(frozen=True)
class Reader:
    """A plain probe and a speaker-adaptive one, both learned from the same clips."""

    probe: tuple[np.ndarray, np.ndarray]
    voices: VoiceModel
    temperature: float
    threshold: float

    @classmethod
    def of(cls, parts: Sequence[Part], preset: VoiceProbePreset) -> "Reader":
        """Learn from the clips of these corpora."""
        known = sentences(parts, EMOTIONS)
        voices = calibrated(fitted(known, preset), known, preset)
        return cls(regressions(known, preset.plain_strength), voices, *plain_calibration(known, preset))

    def voiced(self, tested: Part) -> Voiced:
        """Clips of a corpus as the adaptive probe takes them."""
        x = tested[0][:, 0]
        return Voiced(x.reshape(len(x), -1), plain(x, *self.probe), self.voices)

    def predicted(self, tested: Part) -> Iterator[tuple[str, pd.DataFrame]]:
        """For each of `KNOWN` the predictions of all clips: `KEYS`, probabilities, and whether they are sure."""
        _, facts, name = tested
        clips = self.voiced(tested)
        x, answers = clips.embeddings, clips.plain
        coarse = without_calm([name] * len(facts), list(facts["emotion"]))
        for k in KNOWN:
            chances, unsure = np.zeros((len(x), len(EMOTIONS))), np.zeros(len(x))
            for own in facts.reset_index(drop=True).groupby("speaker").indices.values():
                for row in own:
                    chances[row], unsure[row] = self._one(x, answers, row, _drawn(np.asarray(own), row, k))
            chances = merged(chances, EMOTIONS, coarse)
            yield k, _table(facts, chances, chances.max(1) >= unsure)

    def _one(self, x: np.ndarray, plain: np.ndarray, row: int, known: np.ndarray) -> tuple[np.ndarray, float]:
        if not len(known):
            return softmax(plain[row] / self.temperature), self.threshold
        voice = Voice.of(x[known], softmax(plain[known]))
        return self.voices.probabilities(x[[row]], plain[[row]], voice)[0], self.voices.unsure(voice.count)


def _answers(learned: Sequence[Part], tested: Part) -> Iterator[tuple[str, pd.DataFrame]]:
    """For each of `KNOWN` the predictions for all clips of a corpus, by what was learned without their speakers."""
    clips, facts, name = tested
    others = [part for part in learned if part[2] != name]
    if len(others) == len(learned):
        yield from Reader.of(learned, PRESET).predicted(tested)
        return
    found: dict[str, list[pd.DataFrame]] = {k: [] for k in KNOWN}
    for split in folds(facts, OWN):
        mine, judged = (facts["file"].isin(files).to_numpy() for files in (split.train, split.test))
        reader = Reader.of([(clips[mine], facts[mine], name), *others], PRESET)
        for k, table in reader.predicted((clips[judged], facts[judged], name)):
            found[k].append(table)
    yield from ((k, pd.concat(tables, ignore_index=True)) for k, tables in found.items())


def _drawn(own: np.ndarray, row: int, k: str) -> np.ndarray:
    """Which of a speaker's clips are known when one of them is judged."""
    if k == RECORDING:
        return own
    chance = np.random.default_rng([int(k), int(row)])
    return chance.permutation(own[own != row])[: int(k)]


def _table(facts: pd.DataFrame, chances: np.ndarray, sure: np.ndarray) -> pd.DataFrame:
    table = facts[["file", "speaker", "emotion"]].assign(predicted=[EMOTIONS[i] for i in chances.argmax(1)], sure=sure)
    return table.assign(**dict(zip(EMOTIONS, chances.T, strict=True)))


def _scores(table: pd.DataFrame) -> Mapping[str, float]:
    judged = table.drop(columns="sure").assign(fold="0")
    low, high = interval(judged)
    right = judged["predicted"] == judged["emotion"]
    found = {
        "uar": uar(confusion(*places(judged))),
        "uar_low": low,
        "uar_high": high,
        "ece": calibration_error(judged),
        "auroc": roc_auc_score(right, judged[list(EMOTIONS)].max(axis=1)),
        "answered": 100 * table["sure"].mean(),
    }
    return {name: round(float(value), 4) for name, value in found.items()}
