"""Finished folds of audio models -> results/robustness.csv and nonspeech.csv: worse and worse sound, and no speech.

    intone robustness --esc10 data/esc10

Each clip is heard by the network of its own test fold. What is there already is kept, so that the command goes on
where it stopped; a model that was trained anew is measured anew. Last, sounds without speech are analysed as a user's
recordings are (nonspeech.py).
"""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from intone.audio.augment.perturbations import PERTURBATIONS, Sounds, esc10
from intone.audio.clip import read_clip
from intone.cache import cache_folder, digest, write_whole
from intone.data import ravdess
from intone.data.corpus import Corpus
from intone.data.splits import Split, folds
from intone.emotions import EMOTIONS, INDEX
from intone.evaluation.metrics import accuracy, confusion, uar
from intone.evaluation.pass_marks import MARKS
from intone.evaluation.results import Experiment
from intone.experiments.nonspeech import analyse_nonspeech, nonspeech
from intone.experiments.publish import log_look
from intone.progress import track as with_bar
from intone.training.predictors import Logits, listener, made, trained
from intone.training.recipes import MODELS
from intone.training.workspace import Lab

COLUMNS = ["model", "perturbation", "level", "unit", "clips", "accuracy", "uar", "unchanged", "confidence", "mark"]
"""Rates in percent, confidence a fraction; `unchanged`: predictions that are what they are on the clean clip; `mark`
names the trained networks. The perturbation `none` is the clean clip."""

SILENT_COLUMNS = ["model", "sound", "clips", "confidence", "highest", "said", "mark"]
"""Mean and highest confidence (fractions) over sounds and folds, and the emotion that is said most."""


@dataclass(frozen=True)
class Robustness:
    """Measure audio models on worse and worse sound, and on sounds without speech."""

    models: tuple[str, ...] = (
        "audio_cnn",
        "audio_whisper_small-frozen",
        "audio_whisper_small-noisy",
        "audio_whisper_small",
    )
    """Audio models; one that has not been trained is left out with a word."""
    each: int = 60
    """Clips an actor: all of them, or as many, spread evenly."""
    marks: bool = False
    """Only the strengths that have a pass mark: a fifth of the time."""
    esc10: Path = field(default_factory=lambda: Path(os.environ.get("INTONE_ESC10", "data/esc10")))
    """ESC-10, one folder a class; else INTONE_ESC10, else data/esc10."""
    ravdess: Path | None = None
    """RAVDESS; else INTONE_RAVDESS, else data/ravdess."""
    runs: Path = field(default_factory=lambda: cache_folder() / "runs")
    """Where the trained networks are."""
    results: Path = Path("results")
    """Where the tables go."""

    def run(self) -> None:
        """Do it."""
        lab = Lab(ravdess.load(self.ravdess), MODELS, self.runs)
        splits = folds(lab.corpus.clips, "luna5")
        sounds = esc10(self.esc10)
        measure(lab, self.models, splits, self.results, sounds, self.each, self.marks)
        analyse_nonspeech(Sounds(environment=sounds[0], sneezes=sounds[1]), self.results)


def measure(
    lab: Lab,
    models: tuple[str, ...],
    splits: list[Split],
    results: Path,
    sounds: tuple[list[np.ndarray], list[np.ndarray]],
    each: int,
    marks: bool = False,
) -> None:
    """Write both tables for those of the models that are trained; raises IntoneError where none is."""
    ready = trained(lab, models, splits)
    environment, sneezes = sounds
    heard = _Heard(lab, splits, each, environment, sneezes)
    for model in ready:
        mark = digest(*(made(lab, model, s).config["fingerprint"] for s in splits), each)[:12]
        _graded(heard, model, mark, results, marks)
        _wordless(heard, model, mark, results)


class _Heard:
    """The clips that are heard, each with its fold, and what is mixed into them."""

    def __init__(
        self, lab: Lab, splits: list[Split], each: int, environment: list[np.ndarray], sneezes: list[np.ndarray]
    ) -> None:
        self.lab, self.splits, self.each = lab, splits, each
        self.clips = [chosen(lab.corpus, split, each) for split in splits]
        self.signals = [[read_clip(lab.corpus.paths[f]) for f in files] for files in self.clips]
        self.true = np.array([INDEX[lab.emotions[f]] for files in self.clips for f in files])
        # Babble is made of training voices of the clip's own fold: nobody answers himself.
        self.sounds = [
            Sounds(
                [read_clip(lab.corpus.paths[f]) for f in split.train[:: max(1, len(split.train) // 60)]],
                environment,
                sneezes,
            )
            for split in splits
        ]

    def listeners(self, model: str) -> list[Logits]:
        """Each fold's network."""
        return [listener(self.lab, model, split) for split in self.splits]

    def said(self, networks: list[Logits], name: str, level: str) -> np.ndarray:
        """Probabilities [N, 8] of all clips under one change; the same draw for the same clip and change."""
        change = next((p for p in PERTURBATIONS if p.name == name), None)
        parts = []
        for network, files, signals, sounds in zip(networks, self.clips, self.signals, self.sounds, strict=True):
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
    """So many test clips of each actor, spread evenly over emotions: every so-manieth in a drawn order by emotion."""
    rows = corpus.clips[corpus.clips["file"].isin(split.test)].sample(frac=1, random_state=0)
    turn = rows.groupby(["speaker", "emotion"]).cumcount()
    first = rows.assign(turn=turn).sort_values(["speaker", "turn"], kind="stable").groupby("speaker").head(each)
    return sorted(first["file"])


def _graded(heard: _Heard, model: str, mark: str, results: Path, marks: bool) -> None:
    """One row a perturbation and level, each written as soon as it is measured."""
    path = results / "robustness.csv"
    rows, left = _rows(path, COLUMNS, model, mark), [("none", "0", "")]
    marked = {(m.perturbation, m.level) for m in MARKS}
    every = [(p.name, level, p.unit) for p in PERTURBATIONS for level in p.levels]
    left += [what for what in every if not marks or what[:2] in marked]
    done = {(r["perturbation"], r["level"]) for r in rows[rows["model"] == model].to_dict("records")}
    if all(what[:2] in done for what in left):
        return
    log_look(results, Experiment(model, "audio", "none", "luna5"), digest("perturbed", mark), "robustness")
    networks = heard.listeners(model)
    clean = heard.said(networks, "none", "0")
    for name, level, unit in with_bar(left, f"{model}, perturbed", len(left)):
        if (name, level) in done:
            continue
        said = clean if name == "none" else heard.said(networks, name, level)
        found = confusion(heard.true, said.argmax(1))
        same = 100 * float((said.argmax(1) == clean.argmax(1)).mean())
        rates = (round(float(accuracy(found)), 2), round(float(uar(found)), 2), round(same, 2))
        row = (model, name, level, unit, len(said), *rates, round(float(said.max(1).mean()), 4), mark)
        rows = pd.concat([rows, pd.DataFrame([row], columns=COLUMNS)], ignore_index=True)
        _write(path, rows)


def _wordless(heard: _Heard, model: str, mark: str, results: Path) -> None:
    """Hiss, tones and sounds that nobody speaks, heard by each fold's network."""
    path = results / "nonspeech.csv"
    rows = _rows(path, SILENT_COLUMNS, model, mark)
    if (rows["model"] == model).any():
        return
    networks = heard.listeners(model)
    sounds = heard.sounds[0]
    fewer = replace(sounds, environment=sounds.environment[::8], sneezes=sounds.sneezes[::2])
    for sound, signals in nonspeech(fewer):
        said = np.concatenate([network(signals) for network in networks])
        sure = said.max(1)
        most = EMOTIONS[int(np.bincount(said.argmax(1), minlength=len(EMOTIONS)).argmax())]
        row = (model, sound, len(signals), round(float(sure.mean()), 4), round(float(sure.max()), 4), most, mark)
        rows = pd.concat([rows, pd.DataFrame([row], columns=SILENT_COLUMNS)], ignore_index=True)
    _write(path, rows)


def _rows(path: Path, columns: list[str], model: str, mark: str) -> pd.DataFrame:
    """What was measured before, without this model's rows where its networks were others."""
    if not path.exists():
        return pd.DataFrame(columns=columns)
    rows = pd.read_csv(path, dtype={"level": str}, keep_default_na=False)
    return rows[(rows["model"] != model) | (rows["mark"] == mark)]


def _write(path: Path, rows: pd.DataFrame) -> None:
    write_whole(path, rows.to_csv(index=False, lineterminator="\n").encode())
