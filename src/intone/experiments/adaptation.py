"""Finished folds of speaker-adaptive models -> results/voice.csv and results/voice/: UAR by what is known of a voice.

    intone adaptation

The task differs from all others here: beside a test clip, the system gets K other clips of the same speaker, without
labels. Clips that were drawn are not judged in that draw. K = 0 is the usual task, an unseen speaker; `recording` is
all of a speaker's clips, the judged one included, as in a recording that is analysed as a whole.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from intone.cache import cache_folder, digest, write_whole
from intone.data import ravdess as ravdess_corpus
from intone.data.splits import Split, folds
from intone.errors import IntoneError
from intone.evaluation.metrics import calibration_error, confusion, interval, places, uar
from intone.evaluation.results import Experiment
from intone.experiments.draws import KINDS, Draw, drawn
from intone.experiments.publish import log_look, packed
from intone.inference.fusion import softmax
from intone.inference.voice import Voice
from intone.progress import track as with_bar
from intone.training.finished_fold import FinishedFold
from intone.training.recipe import Voiced
from intone.training.recipes import MODELS
from intone.training.workspace import Workspace

DRAWS: Final = 10
"""Draws of each kind and count."""

KEPT: Final = (("random", "0"), ("random", "8"), ("random", "recording"))
"""Kind and count whose predictions are kept."""

JUDGED: Final = ("file", "speaker", "fold", "emotion", "predicted")
"""Columns of kept predictions, between the draw's number and the labels' probabilities."""

COLUMNS: Final = (
    *("model", "protocol", "kind", "k", "draws", "uar", "uar_low", "uar_high", "male", "female", "worst_actor"),
    *("ece", "answered"),
)
"""Rates in percent, `uar` the mean over draws, its interval over actors; `ece` is a fraction; `answered`: percent of
predictions that are not `unsure`."""


def adaptation(
    models: tuple[str, ...] = ("audio_whisper_small-adaptive",),
    protocols: tuple[str, ...] = ("luna5",),
    draws: int = DRAWS,
    ravdess: Path | None = None,
    runs: Path | None = None,
    results: Path = Path("results"),
) -> None:
    """Test speaker-adaptive models: UAR by how many other clips of the test speaker are known, without labels.

    Args:
        models: Speaker-adaptive models (`-adaptive`); a fold that has not been trained is trained now.
        protocols: luna5, emobox6, loso24.
        draws: Number of draws of each kind and count.
        ravdess: The RAVDESS folder; default INTONE_RAVDESS, else data/ravdess.
        runs: Folder for the run folders; default the user's cache.
        results: Folder for the tables.
    """
    space = Workspace(ravdess_corpus.load(ravdess), MODELS, runs or cache_folder() / "runs")
    for model in models:
        if not space.recipe(model).adaptive:
            raise IntoneError(f"{model} does not adapt to a voice: take a model whose name ends in -adaptive.")
        for protocol in protocols:
            splits = folds(space.corpus.clips, protocol)
            made = [space.fold(model, "none", split) for split in splits]
            measure(space, model, list(zip(splits, made, strict=True)), results, draws)


def measure(
    space: Workspace, model: str, made: list[tuple[Split, FinishedFold]], results: Path, draws: int = DRAWS
) -> pd.DataFrame:
    """Judge every kind and count of one model under one protocol -> its rows of voice.csv, which are written."""
    protocol = made[0][0].protocol
    voices = [voice for split, fold in made for voice in _speakers(space, split, fold)]
    rows, kept = [], {}
    cases = [(kind, k) for kind, counts in KINDS.items() for k in counts]
    for kind, k in with_bar(cases, f"drawing clips ({model}, {protocol})", len(cases)):
        if not (parts := [table for voice in voices for table in voice.judged(kind, k, draws)]):
            continue  # no speaker has so many clips of that kind
        table = pd.concat(parts, ignore_index=True)
        rows.append({"model": model, "protocol": protocol, "kind": kind, "k": k, **_scores(table, space.labels)})
        if (kind, k) in KEPT:
            kept[f"{model}__{protocol}__{kind}__{k}"] = table
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    experiment = Experiment(model, "audio", "none", protocol)
    told = "; ".join(f"{row['kind']} {row['k']}: UAR {row['uar']:.1f}" for row in rows)
    log_look(results, experiment, digest(found.to_csv()), f"adaptation: {told}")
    for stem, table in kept.items():
        write_whole(results / "voice" / f"{stem}.csv.gz", packed(table, ("draw", *JUDGED, *space.labels)))
    _merge(results / "voice.csv", found)
    return found


@dataclass(frozen=True)
class _Speaker:
    """One test speaker of a fold, and what the fold makes of all their clips."""

    facts: pd.DataFrame
    """Columns `file, speaker, fold, emotion`, one row a clip."""
    clips: Voiced
    temperature: float
    """The plain model's."""
    threshold: float
    """The confidence below which it is unsure."""
    labels: tuple[str, ...]

    def judged(self, kind: str, k: str, draws: int) -> Iterator[pd.DataFrame]:
        """Predictions for the clips that weren't drawn, for each draw."""
        emotions = self.facts["emotion"].to_numpy()
        for draw in drawn(kind, k, emotions, str(self.facts["speaker"].iloc[0]), draws):
            chances = self._probabilities(draw)
            table = self.facts.iloc[draw.judged].assign(draw=draw.number)
            table["predicted"] = [self.labels[i] for i in chances.argmax(1)]
            threshold = self.clips.model.unsure(len(draw.known)) if len(draw.known) else self.threshold
            table["sure"] = chances.max(1) >= threshold
            yield table.assign(**dict(zip(self.labels, chances.T, strict=True)))

    def _probabilities(self, draw: Draw) -> np.ndarray:
        x, plain = self.clips.embeddings, self.clips.plain
        if not len(draw.known):
            return softmax(plain / self.temperature)[draw.judged]
        voice = Voice.of(x[draw.known], softmax(plain)[draw.known])
        return self.clips.model.probabilities(x[draw.judged], plain[draw.judged], voice)


def _speakers(space: Workspace, split: Split, fold: FinishedFold) -> Iterator[_Speaker]:
    rows = space.corpus.clips.set_index("file")[["speaker", "emotion"]].loc[list(split.test)].reset_index()
    known = fold.recipe.voiced(space, fold, list(rows["file"]))
    calibration = fold.calibration
    for _, own in rows.assign(fold=split.fold).groupby("speaker"):
        at = own.index.to_numpy()
        clips = Voiced(known.embeddings[at], known.plain[at], known.model)
        yield _Speaker(own, clips, calibration.temperature, calibration.unsure, space.labels)


def _scores(table: pd.DataFrame, labels: Sequence[str]) -> dict[str, float]:
    """Scores of all draws of one kind and count."""
    male = table["speaker"].str[-2:].astype(int) % 2 == 1
    right = table["predicted"] == table["emotion"]
    low, high = interval(table[[*JUDGED, *labels]])
    found = {
        "draws": table["draw"].nunique(),
        "uar": _mean_uar(table, labels),
        "uar_low": low,
        "uar_high": high,
        "male": _mean_uar(table[male], labels),
        "female": _mean_uar(table[~male], labels),
        "worst_actor": 100 * float(right.groupby(table["speaker"]).mean().min()),
        "ece": calibration_error(table[[*JUDGED, *labels]]),
        "answered": 100 * float(table["sure"].mean()),
    }
    return {name: round(float(value), 4) for name, value in found.items()}


def _mean_uar(table: pd.DataFrame, labels: Sequence[str]) -> float:
    """Mean over draws, in percent."""
    draws = table[[*JUDGED, *labels]].groupby(table["draw"])
    return float(np.mean([uar(confusion(*places(one))) for _, one in draws]))


def _merge(path: Path, rows: pd.DataFrame) -> None:
    """Write a model's rows under a protocol into voice.csv in place of its older ones."""
    keys = ["model", "protocol"]
    if path.exists():
        old = pd.read_csv(path, dtype={"k": str})
        mine = old[keys].apply(tuple, axis=1).isin(set(rows[keys].apply(tuple, axis=1)))
        rows = pd.concat([old[~mine], rows])
    write_whole(path, rows.sort_values(keys, kind="stable").to_csv(index=False, lineterminator="\n").encode())
