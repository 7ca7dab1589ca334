"""RAVDESS, Whisper's transcripts and GoEmotions -> every model of the project on every fold, and results/.

The main models are fixed in `plan.CHOSEN` and written to results/chosen.json before any evaluation on test. Each
fold is saved when it is finished, so that the same command resumes after an interruption.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import pandas as pd

from intone import weights
from intone.asr.transcripts import transcribe
from intone.asr.wer import word_error_table
from intone.asr.whisper import Whisper
from intone.audio.features import FeatureSettings
from intone.cache import cache_folder, digest, write_whole
from intone.data import goemotions as goemotions_comments
from intone.data import ravdess as ravdess_corpus
from intone.data.corpus import Corpus
from intone.data.splits import PARTS, Split
from intone.data.splits import folds as folds_of
from intone.data.texts import comments
from intone.device import AUTO, Device
from intone.errors import IntoneError
from intone.evaluation.comparisons import write_evidence
from intone.evaluation.metrics import score
from intone.evaluation.results import COMMENTS, Experiment
from intone.experiments.plan import CHOSEN, SEEDS, cost, experiments, further, repeated
from intone.experiments.publish import fix_answers, log_look, merge, publish
from intone.progress import bar
from intone.report import report
from intone.training.parallel import Task, make_all
from intone.training.processor import warn_if_slow
from intone.training.recipes import MODELS, PAIRS, PRECISION, RULES_ALONE, in_epochs, in_precision
from intone.training.recipes.architectures import architectures, settings
from intone.training.recipes.descriptions import table
from intone.training.spectrogram_views import screened
from intone.training.trainer import check_training_device
from intone.training.workspace import Workspace

FEWEST_WITH_ENCODERS = 5
"""Number of actors: a probe selects its layers on held-out training actors, and with four a fold has only one."""


QUICK_EPOCHS: Final = {
    "audio_epochs": 6,
    "text_epochs": 5,
    "goemotions_epochs": 1,
    "joint_epochs": 2,
    "head_epochs": 3,
    "tuned_epochs": 1,
}
"""Epochs of a quick run, by `Recipe.epoch_names`."""


def reproduce(
    ravdess: Path | None = None,
    goemotions: Path | None = None,
    runs: Path | None = None,
    results: Path = Path("results"),
    transformers: Literal["auto", "yes", "no"] = "auto",
    tuned: bool = False,
    all_protocols: bool = False,
    quick: bool = False,
    actors: int = 6,
    workers: int | None = None,
    folds: int = 0,
    device: Device = "auto",
) -> None:
    """Run the whole experiment: train and evaluate every model and write results/. The same command resumes.

    Args:
        ravdess: The RAVDESS folder; default INTONE_RAVDESS, else data/ravdess, where it is downloaded if missing.
        goemotions: The GoEmotions folder; default INTONE_GOEMOTIONS, else data/goemotions, where it is downloaded if
            missing.
        runs: Folder for the run folders; default the user's cache.
        results: Folder for the result tables; a quick run writes to RUNS/quick/results.
        transformers: Whether to train the models on pretrained encoders too, or only networks from scratch; auto is
            yes, except in a quick run.
        tuned: Train also what takes hours on a CPU: fine-tuning of Whisper-small's middle blocks, AST from scratch.
        all_protocols: Run also audio_cnn and the probes of frozen encoders on emobox6 and loso24, 30 more folds each
            (with --tuned, the ensemble too); fusions on emobox6; and folds whose test sentence is not in training.
        quick: Six actors and a few epochs, in under 10 minutes: tests that everything works, not how well.
        actors: Number of actors in a quick run (4 or more; 5 with encoders).
        workers: Number of folds that train at the same time, one core each; default all cores.
        folds: Number of folds to run, the first ones of each protocol, for quick runs; 0 runs all.
        device: Where networks are trained: cpu, cuda (an NVIDIA GPU), or auto, a GPU where torch finds one. Another
            device gives other networks.
    """
    place, cores = runs or cache_folder() / "runs", os.cpu_count() or 1
    Experiments(
        ravdess=ravdess,
        goemotions=goemotions,
        runs=place / "quick" if quick else place,
        results=place / "quick" / "results" if quick else results,
        encoders=not quick if transformers == "auto" else transformers == "yes",
        tuned=tuned,
        all_protocols=all_protocols,
        quick=quick,
        actors=actors,
        workers=cores if workers is None else workers,
        first=folds,
        device=device,
    ).run()


@dataclass(frozen=True, kw_only=True)
class Experiments:
    """The options of `reproduce`; its flags describe the fields."""

    ravdess: Path | None
    goemotions: Path | None
    runs: Path
    results: Path
    encoders: bool
    tuned: bool
    all_protocols: bool
    quick: bool
    actors: int
    workers: int
    first: int
    """Folds of each protocol; 0 is all of them."""
    device: str = AUTO

    def run(self) -> None:
        """Train, evaluate, publish, report."""
        self._check()
        space = self._workspace()
        plan = self._plan(space)
        self._comments(space, plan)
        with bar() as display:
            everything = sum(cost(e.model) * len(splits) for e, splits in plan)
            task = display.add_task("training", total=everything)
            for stage in ("audio", "text", "fusion"):
                mine = {e: splits for e, splits in plan if e.modality == stage}
                for what, seconds in self._stage(space, mine):
                    display.update(task, description=what, advance=seconds)
        self._seeds(space, plan)
        described = {"models": table(), "architectures": architectures(), "settings": settings()}
        for name, rows in described.items():
            write_whole(self.results / f"{name}.csv", rows.to_csv(index=False, lineterminator="\n").encode())
        write_evidence(self.results, PAIRS, CHOSEN, RULES_ALONE)
        if not self.quick:
            report(self.results, self.results.parent / "report", self.results.parent / "MODEL_CARD.md")

    def _comments(self, space: Workspace, plan: list[tuple[Experiment, list[Split]]]) -> None:
        """The comment that each clip is paired with -> results/, so that intervals can draw comments too."""
        splits = {split for e, folds in plan if e.track == "natural" for split in folds}
        if splits and space.goemotions is not None:
            ordered = sorted(splits, key=lambda split: (split.protocol, split.fold))
            rows = pd.concat([comments(split, space.corpus.clips, space.goemotions) for split in ordered])
            write_whole(self.results / COMMENTS, rows.to_csv(index=False, lineterminator="\n").encode())

    def _check(self) -> None:
        """Report impossible options and missing files before anything is trained."""
        check_training_device(self.device)
        if self.quick and self.encoders and self.actors < FEWEST_WITH_ENCODERS:
            raise IntoneError(f"What stands on encoders needs --actors {FEWEST_WITH_ENCODERS} or more.")
        if self.first and not self.quick:
            raise IntoneError("Some folds alone can't be published: --folds goes with --quick.")
        if not self.quick:
            fix_answers(self.results, CHOSEN)
        if self.encoders:
            weights.get("all-MiniLM-L6-v2")
            for recipe in MODELS.values():
                recipe.pretrained()
        if not self.quick:
            warn_if_slow(PRECISION)

    def _stage(self, space: Workspace, mine: dict[Experiment, list[Split]]) -> Iterator[tuple[str, float]]:
        """Train one modality's experiments and publish each after its last fold; yields what is done and its cost."""
        left = {e: len(splits) for e, splits in mine.items()}
        named = {(e.model, e.track, e.protocol): e for e in mine}
        for done in self._ahead(space, mine):
            if not done.seed:  # other seeds are published on their own
                whose = named[done.model, done.track, done.split.protocol]
                left[whose] -= 1
                if not left[whose]:
                    self._publish(space, whose, mine[whose])
            yield f"{done.model} {done.track}", 0 if done.seed else cost(done.model)
        for experiment, splits in mine.items():
            if left[experiment]:
                self._publish(space, experiment, splits)
            yield experiment.stem, cost(experiment.model) * left[experiment]

    def _publish(self, space: Workspace, experiment: Experiment, splits: list[Split]) -> None:
        made = [space.fold(experiment.model, experiment.track, split) for split in splits]
        publish(experiment, made, self.results, "reproduce --quick" if self.quick else "reproduce")

    def _side_by_side(self, space: Workspace, experiment: Experiment, splits: list[Split]) -> list[Split]:
        """Its folds that can be trained in any order, in parallel with others of the stage.

        None for models that need models of the same stage; one for text models trained once for all folds.
        """
        if any(space.recipe(part).modality == experiment.modality for part in space.recipe(experiment.model).parts):
            return []
        once = experiment.modality == "text" and experiment.track == "natural"
        return splits[:1] if once else splits

    def _ahead(self, space: Workspace, plan: dict[Experiment, list[Split]]) -> Iterator[Task]:
        """The stage's independent folds in parallel, and the models trained from several seeds."""
        free = {e: self._side_by_side(space, e, splits) for e, splits in plan.items()}
        tasks = [Task(e.model, e.track, s) for e, splits in free.items() for s in splits]
        if not self.quick:
            seeded = [(e, splits[0]) for e, splits in free.items() if splits and repeated(e)]
            tasks += [Task(e.model, e.track, first, seed) for e, first in seeded for seed in SEEDS[1:]]
        for recipe in {e.model: space.recipe(e.model) for e in plan}.values():
            recipe.prepare(space, self.workers)
        yield from make_all(space, tasks, self.workers)

    def _workspace(self) -> Workspace:
        actors = range(1, self.actors + 1) if self.quick else None
        place = _data(self.ravdess)
        clips = ravdess_corpus.load(place, actors)
        if not self.quick and len(clips.clips) < ravdess_corpus.CLIPS:
            raise IntoneError(
                f"{place} holds {len(clips.clips)} of RAVDESS's {ravdess_corpus.CLIPS} clips, and figures of some of "
                f"them can't be published: `intone data get ravdess --folder {place}` brings the rest."
            )
        corpus = screened(clips, FeatureSettings(), self.workers)
        words = transcripts(corpus, self.results)
        sentences = goemotions_comments.load(_sentences(self.goemotions, self.ravdess))
        if self.quick:  # every twentieth comment is enough for a quick run
            sentences = sentences.iloc[::20].reset_index(drop=True)
        # Quick runs use 32 bits, the fastest on most processors; full runs use the precision of MODELS.
        models = in_epochs(in_precision(MODELS, "32-true"), QUICK_EPOCHS) if self.quick else MODELS
        glove = weights.get("glove-6b-50d")
        return Workspace(corpus, models, self.runs, words, sentences, glove, device=self.device)

    def _plan(self, space: Workspace) -> list[tuple[Experiment, list[Split]]]:
        clips = space.corpus.clips
        wanted = experiments("speakers" if self.quick else "luna5", self.encoders, self.tuned)
        if self.all_protocols:
            wanted += further(self.encoders, self.tuned)
        return [(e, folds_of(clips, e.protocol)[: self.first or None]) for e in wanted]

    def _seeds(self, space: Workspace, plan: list[tuple[Experiment, list[Split]]]) -> None:
        """The first fold from several seeds -> results/seeds.csv; each is logged as an evaluation on test."""
        rows = []
        for experiment, (split, *_) in plan:
            for seed in (SEEDS[:1] if self.quick else SEEDS) if repeated(experiment) else ():
                table = space.with_seed(seed).fold(experiment.model, experiment.track, split).predictions
                if seed:
                    why, read = f"seed {seed} on fold {split.fold}", score(table[table["split"] == "test"]).uar
                    log_look(self.results, experiment, digest(table.to_csv()), why, read)
                for part in PARTS:
                    got = score(table[table["split"] == part])
                    key = (experiment.model, experiment.track, split.protocol, split.fold, seed, part)
                    rows.append((*key, got.accuracy, got.uar))
        columns = ["model", "track", "protocol", "fold", "seed", "split", "accuracy", "uar"]
        merge(self.results / "seeds.csv", pd.DataFrame(rows, columns=columns).round(2))


def transcripts(corpus: Corpus, results: Path) -> pd.DataFrame:
    """Whisper's transcript of each clip, columns `file, text`; also written to results/, with its word errors."""
    weights.get("whisper-base")
    table = transcribe(corpus, Whisper()).sort_values("file", ignore_index=True)
    write_whole(results / "transcripts.csv", table.to_csv(index=False).encode())
    errors = word_error_table(table, corpus.clips, corpus.sentences).round(2)
    write_whole(results / "word_errors.csv", errors.to_csv(index=False).encode())
    return table


def _data(folder: Path | None) -> Path:
    """The folder of RAVDESS; it is downloaded where it is missing or incomplete."""
    try:
        place = ravdess_corpus.find(folder)
    except IntoneError:
        return ravdess_corpus.get(folder)
    return ravdess_corpus.get(folder) if any(place.glob("*.zip.part")) else place


def _sentences(folder: Path | None, beside: Path | None) -> Path:
    """The folder of GoEmotions; it is downloaded where it is missing."""
    try:
        return goemotions_comments.find(folder, ravdess_corpus.find(beside))
    except IntoneError:
        return goemotions_comments.get(folder or Path("data/goemotions"))
