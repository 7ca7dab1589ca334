"""RAVDESS, Whisper's words and GoEmotions -> every model of the project on every fold, and results/.

What counts as best is fixed in `plan.CHOSEN` and written to results/chosen.json before any test clip is read. Each
fold is kept as soon as it is finished, so that the same command goes on after a kill.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pandas as pd

from intone import weights
from intone.asr.transcripts import transcribe
from intone.asr.wer import word_error_table
from intone.asr.whisper import Whisper
from intone.audio.features import FeatureSettings
from intone.cache import cache_folder, digest, write_whole
from intone.data import goemotions, ravdess
from intone.data.corpus import Corpus
from intone.data.splits import PARTS, Split, folds
from intone.errors import IntoneError
from intone.evaluation.comparisons import write_evidence
from intone.evaluation.metrics import score
from intone.evaluation.results import Experiment
from intone.experiments.plan import CHOSEN, SEEDS, cost, experiments, further, repeated
from intone.experiments.publish import fix_answers, log_look, merge, publish
from intone.progress import bar
from intone.report import report
from intone.training.parallel import Task, make_all
from intone.training.processor import warn_if_slow
from intone.training.recipes import MODELS, PAIRS, PRECISION, in_precision
from intone.training.recipes.spectrogram import screened
from intone.training.workspace import Effort, Lab

FEWEST_WITH_ENCODERS = 5
"""Actors: a probe chooses its layers on training actors held out in turn, and of four a fold trains on one."""


@dataclass(frozen=True)
class Reproduce:
    """The whole experiment: train and judge every model, resume where it stopped, write results/."""

    ravdess: Path | None = None
    """RAVDESS folder; else INTONE_RAVDESS, else data/ravdess, else it is downloaded there."""
    goemotions: Path | None = None
    """GoEmotions folder; else INTONE_GOEMOTIONS, else data/goemotions, else it is downloaded there."""
    runs: Path = field(default_factory=lambda: cache_folder() / "runs")
    """Where run folders are kept."""
    results: Path = Path("results")
    """Where tables are written; a quick run writes to RUNS/quick/results."""
    transformers: Literal["auto", "yes", "no"] = "auto"
    """Also what stands on pretrained encoders, or the networks from scratch alone; auto is yes, but in a quick run."""
    tuned: bool = False
    """Also what takes hours on a processor: Whisper-small's middle blocks trained on, AST from scratch."""
    all_protocols: bool = False
    """Also audio_cnn and the frozen encoders on emobox6 and loso24, 30 more folds each (with `tuned`, the system too),
    fusions on emobox6, and folds whose test sentence was never learned from."""
    quick: bool = False
    """Six actors and a few epochs, in under 10 minutes: shows that everything works, not how well."""
    actors: int = 6
    """Actors of a quick run (4 or more; 5 with encoders)."""
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Folds that train at the same time, one core each."""
    folds: int = 0
    """Only the first folds of each protocol; 0 is all of them (others are for quick runs)."""

    @property
    def encoders(self) -> bool:
        """Whether pretrained encoders are wanted."""
        return not self.quick if self.transformers == "auto" else self.transformers == "yes"

    def run(self) -> None:
        """Do it."""
        if self.quick and self.encoders and self.actors < FEWEST_WITH_ENCODERS:
            raise IntoneError(f"What stands on encoders needs --actors {FEWEST_WITH_ENCODERS} or more.")
        if self.folds and not self.quick:
            raise IntoneError("Some folds alone can't be published: --folds goes with --quick.")
        results = self.runs / "quick" / "results" if self.quick else self.results
        if not self.quick:
            fix_answers(results, CHOSEN)
        if self.encoders:  # what is missing is missed now, and not in an hour
            weights.get("all-MiniLM-L6-v2")
            for recipe in MODELS.values():
                recipe.stands_on()
        if not self.quick:
            warn_if_slow(PRECISION)
        lab = self._lab(results)
        plan = self._plan(lab)
        with bar() as display:
            everything = sum(cost(e.model) * len(splits) for e, splits in plan)
            task = display.add_task("training", total=everything)
            for stage in ("audio", "text", "fusion"):
                mine = {e: splits for e, splits in plan if e.modality == stage}
                for what, seconds in self._stage(lab, mine, results):
                    display.update(task, description=what, advance=seconds)
        self._seeds(lab, plan, results)
        write_evidence(results, PAIRS, CHOSEN)
        if not self.quick:
            report(results, results.parent / "report", results.parent / "MODEL_CARD.md")

    def _stage(self, lab: Lab, mine: dict[Experiment, list[Split]], results: Path) -> Iterator[tuple[str, float]]:
        """Make and publish one modality's experiments, each as soon as its last fold is; what is done, its cost."""
        left = {e: len(splits) for e, splits in mine.items()}
        named = {(e.model, e.track, e.protocol): e for e in mine}
        for done in self._ahead(lab, mine):
            if not done.seed:  # other seeds are published on their own
                whose = named[done.model, done.track, done.split.protocol]
                left[whose] -= 1
                if not left[whose]:
                    self._publish(lab, whose, mine[whose], results)
            yield f"{done.model} {done.track}", 0 if done.seed else cost(done.model)
        for experiment, splits in mine.items():
            if left[experiment]:
                self._publish(lab, experiment, splits, results)
            yield experiment.stem, cost(experiment.model) * left[experiment]

    def _publish(self, lab: Lab, experiment: Experiment, splits: list[Split], results: Path) -> None:
        made = [lab.fold(experiment.model, experiment.track, split) for split in splits]
        publish(experiment, made, results, "reproduce --quick" if self.quick else "reproduce")

    def _side_by_side(self, lab: Lab, experiment: Experiment, splits: list[Split]) -> list[Split]:
        """Its folds that can be made in any order, beside others of the stage.

        None of what builds on models of its own stage; one of a text network that learns once for all folds.
        """
        below = lab.settings(experiment.model, experiment.track)["branches"]
        if any(lab.recipe(b).modality == experiment.modality for b in below):
            return []
        once = experiment.modality == "text" and experiment.track == "natural"
        return splits[:1] if once else splits

    def _ahead(self, lab: Lab, plan: dict[Experiment, list[Split]]) -> Iterator[Task]:
        """The stage's independent folds, several at a time, and what is trained from several seeds."""
        free = {e: self._side_by_side(lab, e, splits) for e, splits in plan.items()}
        tasks = [Task(e.model, e.track, s) for e, splits in free.items() for s in splits]
        if not self.quick:
            seeded = [(e, splits[0]) for e, splits in free.items() if splits and repeated(e)]
            tasks += [Task(e.model, e.track, first, seed) for e, first in seeded for seed in SEEDS[1:]]
        for recipe in {e.model: lab.recipe(e.model) for e in plan}.values():
            recipe.prepare(lab, self.workers)
        yield from make_all(lab, tasks, self.workers)

    def _lab(self, results: Path) -> Lab:
        actors = range(1, self.actors + 1) if self.quick else None
        place = _data(self.ravdess)
        clips = ravdess.load(place, actors)
        if not self.quick and len(clips.clips) < ravdess.CLIPS:
            raise IntoneError(
                f"{place} holds {len(clips.clips)} of RAVDESS's {ravdess.CLIPS} clips, and figures of some of them "
                f"can't be published: `intone data get ravdess --folder {place}` brings the rest."
            )
        corpus = screened(clips, FeatureSettings(), self.workers)
        transcripts = heard(corpus, results)
        effort = Effort(6, 5, 1, 2, 3, 1) if self.quick else Effort()
        runs = self.runs / "quick" if self.quick else self.runs
        sentences = goemotions.load(_sentences(self.goemotions, self.ravdess))
        if self.quick:  # every twentieth comment shows that it works
            sentences = sentences.iloc[::20].reset_index(drop=True)
        # A try is in 32 bits, the quickest on most processors; in whole runs the precision is that of MODELS.
        models = in_precision(MODELS, "32-true") if self.quick else MODELS
        return Lab(corpus, models, runs, transcripts, sentences, weights.get("glove-6b-50d"), effort)

    def _plan(self, lab: Lab) -> list[tuple[Experiment, list[Split]]]:
        clips = lab.corpus.clips
        wanted = experiments("speakers" if self.quick else "luna5", self.encoders, self.tuned)
        if self.all_protocols:
            wanted += further(self.encoders, self.tuned)
        return [(e, folds(clips, e.protocol)[: self.folds or None]) for e in wanted]

    def _seeds(self, lab: Lab, plan: list[tuple[Experiment, list[Split]]], results: Path) -> None:
        """The first fold from several seeds -> results/seeds.csv; each is a look at test."""
        rows = []
        for experiment, (split, *_) in plan:
            for seed in (SEEDS[:1] if self.quick else SEEDS) if repeated(experiment) else ():
                table = lab.with_seed(seed).fold(experiment.model, experiment.track, split).predictions
                if seed:
                    log_look(results, experiment, digest(table.to_csv()), f"seed {seed} on fold {split.fold}")
                for part in PARTS:
                    got = score(table[table["split"] == part])
                    key = (experiment.model, experiment.track, split.protocol, split.fold, seed, part)
                    rows.append((*key, got.accuracy, got.uar))
        columns = ["model", "track", "protocol", "fold", "seed", "split", "accuracy", "uar"]
        merge(results / "seeds.csv", pd.DataFrame(rows, columns=columns).round(2))


def heard(corpus: Corpus, results: Path) -> pd.DataFrame:
    """What Whisper hears in each clip, in results/transcripts.csv with its word errors; columns `file, text`."""
    weights.get("whisper-base")
    table = transcribe(corpus, Whisper()).sort_values("file", ignore_index=True)
    write_whole(results / "transcripts.csv", table.to_csv(index=False).encode())
    errors = word_error_table(table, corpus.clips, corpus.sentences).round(2)
    write_whole(results / "word_errors.csv", errors.to_csv(index=False).encode())
    return table


def _data(folder: Path | None) -> Path:
    """Where RAVDESS is, downloaded if it is nowhere, or if a download was begun there."""
    try:
        place = ravdess.find(folder)
    except IntoneError:
        return ravdess.get(folder)
    return ravdess.get(folder) if any(place.glob("*.zip.part")) else place


def _sentences(folder: Path | None, beside: Path | None) -> Path:
    """Where GoEmotions is, downloaded if it is nowhere."""
    try:
        return goemotions.find(folder, ravdess.find(beside))
    except IntoneError:
        return goemotions.get(folder or Path("data/goemotions"))
