"""Finished folds of audio models -> results/robustness.csv and nonspeech.csv: perturbed audio, and no speech.

    intone robustness --esc10 data/esc10

Each clip is classified by the network of its own test fold. Existing results are kept, so that the command resumes
where it stopped; a retrained model is measured again. Last, sounds without speech are analysed as recordings of a
user (nonspeech.py).
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from intone.audio.augment.perturbations import PERTURBATIONS, Sounds
from intone.audio.augment.perturbations import esc10 as environment_sounds
from intone.audio.clip import read_clip
from intone.cache import cache_folder, digest, write_whole
from intone.data import ravdess as ravdess_corpus
from intone.data.corpus import Corpus
from intone.data.splits import Split, folds
from intone.emotions import EMOTIONS, INDEX
from intone.evaluation.metrics import accuracy, confusion, uar
from intone.evaluation.pass_marks import MARKS
from intone.evaluation.results import Experiment
from intone.experiments.nonspeech import analyse_nonspeech, nonspeech
from intone.experiments.publish import log_look
from intone.progress import track as with_bar
from intone.training.recipe import Predictor
from intone.training.recipes import MODELS
from intone.training.workspace import Workspace

COLUMNS = ["model", "perturbation", "level", "unit", "clips", "accuracy", "uar", "unchanged", "confidence", "networks"]
"""Rates in percent, confidence a fraction; `unchanged`: predictions that are the same as on the clean clip;
`networks` identifies the trained networks. The perturbation `none` is the clean clip."""

SILENT_COLUMNS = ["model", "sound", "clips", "confidence", "highest", "said", "networks"]
"""Mean and highest confidence (fractions) over sounds and folds, and the most frequent prediction (`said`)."""


MEASURED: Final = (
    "audio_cnn",
    "audio_whisper_small-frozen",
    "audio_whisper_small-noisy",
    "audio_whisper_small",
)
"""Audio models."""


def robustness(
    models: tuple[str, ...] = MEASURED,
    each: int = 60,
    marks: bool = False,
    esc10: Path | None = None,
    ravdess: Path | None = None,
    runs: Path | None = None,
    results: Path = Path("results"),
) -> None:
    """Test audio models on increasingly distorted audio, and on sounds without speech.

    Args:
        models: Audio models; one that has not been trained is skipped with a message.
        each: Number of clips per actor, spread evenly; 60 is all of them.
        marks: Test only the strengths of distortion that have a pass mark: a fifth of the time.
        esc10: The ESC-10 folder, with one folder per class; default INTONE_ESC10, else data/esc10.
        ravdess: The RAVDESS folder; default INTONE_RAVDESS, else data/ravdess.
        runs: Folder with the trained networks; default the user's cache.
        results: Folder for the tables.
    """
    space = Workspace(ravdess_corpus.load(ravdess), MODELS, runs or cache_folder() / "runs")
    splits = folds(space.corpus.clips, "luna5")
    sounds = environment_sounds(esc10 or Path(os.environ.get("INTONE_ESC10", "data/esc10")))
    measure(space, models, splits, results, sounds, each, marks)
    analyse_nonspeech(Sounds(environment=sounds[0], sneezes=sounds[1]), results)


def measure(
    space: Workspace,
    models: tuple[str, ...],
    splits: list[Split],
    results: Path,
    sounds: tuple[list[np.ndarray], list[np.ndarray]],
    each: int,
    marks: bool = False,
) -> None:
    """Write both tables for those of the models that are trained; raises IntoneError where none is."""
    ready = space.all_made(models, splits)
    environment, sneezes = sounds
    clips = _Clips(space, splits, each, environment, sneezes)
    for model in ready:
        trained = digest(*(space.made(model, s).record.fingerprint for s in splits), each)[:12]
        _graded(clips, model, trained, results, marks)
        _wordless(clips, model, trained, results)


class _Clips:
    """The clips, each with its fold, and the sounds that are mixed into them."""

    def __init__(
        self, space: Workspace, splits: list[Split], each: int, environment: list[np.ndarray], sneezes: list[np.ndarray]
    ) -> None:
        self.space, self.splits, self.each = space, splits, each
        self.files = [chosen(space.corpus, split, each) for split in splits]
        self.signals = [[read_clip(space.corpus.paths[f]) for f in files] for files in self.files]
        self.true = np.array([INDEX[space.emotions[f]] for files in self.files for f in files])
        # Babble is made from training speakers of the clip's own fold, never from the test speaker.
        self.sounds = [
            Sounds(
                [read_clip(space.corpus.paths[f]) for f in split.train[:: max(1, len(split.train) // 60)]],
                environment,
                sneezes,
            )
            for split in splits
        ]

    def predictors(self, model: str) -> list[Predictor]:
        """Each fold's network."""
        return [self.space.predictor(model, split) for split in self.splits]

    def probabilities(self, networks: list[Predictor], name: str, level: str) -> np.ndarray:
        """Probabilities [N, labels] of all clips under one perturbation; a clip and a perturbation fix the draw."""
        change = next((p for p in PERTURBATIONS if p.name == name), None)
        parts = []
        for network, files, signals, sounds in zip(networks, self.files, self.signals, self.sounds, strict=True):
            for start in range(0, len(files), 16):
                batch = range(start, min(start + 16, len(files)))
                draws = [np.random.default_rng([*files[k].encode(), *name.encode()]) for k in batch]
                changed = [
                    change(signals[k], level, sounds, draw) if change else signals[k]
                    for k, draw in zip(batch, draws, strict=True)
                ]
                parts.append(network(changed))
        return np.concatenate(parts)


def chosen(corpus: Corpus, split: Split, each: int) -> list[str]:
    """`each` test clips of every actor, spread evenly over emotions, in a random order within an emotion."""
    rows = corpus.clips[corpus.clips["file"].isin(split.test)].sample(frac=1, random_state=0)
    turn = rows.groupby(["speaker", "emotion"]).cumcount()
    first = rows.assign(turn=turn).sort_values(["speaker", "turn"], kind="stable").groupby("speaker").head(each)
    return sorted(first["file"])


def _graded(clips: _Clips, model: str, trained: str, results: Path, marks: bool) -> None:
    """One row for each perturbation and level, written as soon as it is measured."""
    path = results / "robustness.csv"
    rows, left = _rows(path, COLUMNS, model, trained), [("none", "0", "")]
    marked = {(m.perturbation, m.level) for m in MARKS}
    every = [(p.name, level, p.unit) for p in PERTURBATIONS for level in p.levels]
    left += [what for what in every if not marks or what[:2] in marked]
    done = {(r["perturbation"], r["level"]) for r in rows[rows["model"] == model].to_dict("records")}
    if all(what[:2] in done for what in left):
        return
    log_look(results, Experiment(model, "audio", "none", "luna5"), digest("perturbed", trained), "robustness")
    networks = clips.predictors(model)
    clean = clips.probabilities(networks, "none", "0")
    for name, level, unit in with_bar(left, f"{model}, perturbed", len(left)):
        if (name, level) in done:
            continue
        said = clean if name == "none" else clips.probabilities(networks, name, level)
        found = confusion(clips.true, said.argmax(1))
        same = 100 * float((said.argmax(1) == clean.argmax(1)).mean())
        rates = (round(float(accuracy(found)), 2), round(float(uar(found)), 2), round(same, 2))
        row = (model, name, level, unit, len(said), *rates, round(float(said.max(1).mean()), 4), trained)
        rows = pd.concat([rows, pd.DataFrame([row], columns=COLUMNS)], ignore_index=True)
        _write(path, rows)


def _wordless(clips: _Clips, model: str, trained: str, results: Path) -> None:
    """Hiss, tones and sounds without speech, classified by each fold's network."""
    path = results / "nonspeech.csv"
    rows = _rows(path, SILENT_COLUMNS, model, trained)
    if (rows["model"] == model).any():
        return
    networks = clips.predictors(model)
    sounds = clips.sounds[0]
    fewer = replace(sounds, environment=sounds.environment[::8], sneezes=sounds.sneezes[::2])
    for sound, signals in nonspeech(fewer):
        said = np.concatenate([network(signals) for network in networks])
        sure = said.max(1)
        most = EMOTIONS[int(np.bincount(said.argmax(1), minlength=len(EMOTIONS)).argmax())]
        row = (model, sound, len(signals), round(float(sure.mean()), 4), round(float(sure.max()), 4), most, trained)
        rows = pd.concat([rows, pd.DataFrame([row], columns=SILENT_COLUMNS)], ignore_index=True)
    _write(path, rows)


def _rows(path: Path, columns: list[str], model: str, trained: str) -> pd.DataFrame:
    """Earlier results, without this model's rows where they come from other networks."""
    if not path.exists():
        return pd.DataFrame(columns=columns)
    rows = pd.read_csv(path, dtype={"level": str}, keep_default_na=False)
    return rows[(rows["model"] != model) | (rows["networks"] == trained)]


def _write(path: Path, rows: pd.DataFrame) -> None:
    write_whole(path, rows.to_csv(index=False, lineterminator="\n").encode())
