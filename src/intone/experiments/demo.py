"""The whole pipeline on synthetic speech: clips, CNN, Whisper's transcripts, RNN, fusion, a table and figures.

It shows in minutes, without a dataset, that everything works. Its results say nothing about real voices.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from intone import weights
from intone.asr.transcripts import transcribe
from intone.asr.whisper import Whisper
from intone.cache import cache_folder
from intone.data import synthetic
from intone.data.corpus import Corpus
from intone.data.splits import folds
from intone.errors import Missing
from intone.evaluation.metrics import Score, score
from intone.models.cnn import AudioCnnPreset
from intone.progress import say
from intone.progress import track as with_bar
from intone.report.figures import confusion_figure, history_figure, save
from intone.report.figures.corpus import draw
from intone.training.module import TrainingPreset
from intone.training.parallel import Task, make_all
from intone.training.recipes import MODELS, in_precision
from intone.training.recipes.fusion import LateRecipe
from intone.training.recipes.spectrogram import SpectrogramRecipe
from intone.training.workspace import Workspace

NOTICE = (
    "This is synthetic speech: eSpeak NG, whose rate, pitch and loudness follow published emotion profiles. "
    "The figures show that everything works; they say nothing about real voices."
)
SPEAKERS = 8  # each with every emotion once, in one of the two sentences: 64 clips for Whisper to transcribe
PLAN = (
    ("audio_cnn", "none"),
    ("text_lstm-learned", "asr"),
    ("text_lstm-learned", "simulated"),
    ("fusion_demo", "asr"),
    ("fusion_demo", "simulated"),
)
WORDS = {"none": "–", "asr": "Whisper's", "simulated": "made from the label"}


def demo(out: Path = Path("demo"), epochs: int = 30) -> None:
    """Run the whole pipeline on 64 synthetic clips, in a few minutes on two cores; only weights are downloaded.

    Args:
        out: Folder for the clips and figures.
        epochs: Number of passes over the training clips.
    """
    say(NOTICE)
    whole = synthetic.make(out / "clips", SPEAKERS, 1)
    corpus = half(whole)
    say(f"{len(corpus.clips)} clips of {SPEAKERS} synthetic speakers in {out / 'clips'}")
    text = in_precision(MODELS, "32-true")["text_lstm-learned"].with_epochs({"text_epochs": epochs // 3})
    models = {
        # Few clips: a smaller network, more steps per epoch.
        "audio_cnn": SpectrogramRecipe(
            network=AudioCnnPreset(width=16), training=TrainingPreset(epochs=epochs, batch=8)
        ),
        "text_lstm-learned": text,
        "fusion_demo": LateRecipe("fusion_late_logits", ("audio_cnn", "text_lstm-learned")),
    }
    space = Workspace(corpus, models, cache_folder() / "runs" / "demo")
    plan = list(PLAN)
    try:
        weights.get("whisper-base")
        space.transcripts = transcribe(corpus, Whisper())
    except Missing as problem:
        say(f"No real transcripts in this demo: {problem}")
        plan = [(model, track) for model, track in plan if track != "asr"]
    tables = _trained(space, plan)
    _show({key: score(table) for key, table in tables.items()})
    paths = [*draw(whole, out), *_figures(tables, space, out)]
    say(f"Figures: {', '.join(str(p) for p in paths)}")
    print(NOTICE)


def half(corpus: Corpus) -> Corpus:
    """One sentence of each speaker in each emotion, alternating, so that neither sentence predicts an emotion."""
    clips = corpus.clips
    turn = np.sum([pd.factorize(clips[c], sort=True)[0] for c in ("speaker", "emotion", "statement")], axis=0)
    kept = clips.iloc[np.flatnonzero(turn % 2 == 0)].reset_index(drop=True)
    return replace(corpus, clips=kept, paths={f: corpus.paths[f] for f in kept["file"]})


def _trained(space: Workspace, plan: Sequence[tuple[str, str]]) -> dict[tuple[str, str], pd.DataFrame]:
    """Out-of-fold test predictions over all folds, by (model, track)."""
    splits = folds(space.corpus.clips, "speakers")
    alone = [(model, track) for model, track in plan if not space.recipe(model).parts]
    tasks = [Task(model, track, split) for model, track in alone for split in splits]
    for _ in with_bar(make_all(space, tasks, os.cpu_count() or 1), "training", len(tasks)):
        pass
    tables = {}
    for model, track in plan:
        table = pd.concat([space.fold(model, track, split).predictions for split in splits], ignore_index=True)
        tables[model, track] = table[table["split"] == "test"]
    return tables


def _show(scores: dict[tuple[str, str], Score]) -> None:
    title = "Synthetic speech, speakers never heard in training"
    table = Table("model", "words", "accuracy", "UAR", "95 %", title=title)
    for (model, track), got in scores.items():
        name = model.replace("-learned", "").replace("fusion_demo", "fusion_late_logits")
        table.add_row(
            name, WORDS[track], f"{got.accuracy:.1f}", f"{got.uar:.1f}", f"{got.uar_low:.0f} to {got.uar_high:.0f}"
        )
    Console().print(table)
    print(
        "Chance is 12.5. Both sentences occur in every emotion, so Whisper's words can't help; "
        "words made from the label give the answer away."
    )


def _figures(tables: dict[tuple[str, str], pd.DataFrame], space: Workspace, out: Path) -> list[Path]:
    split = folds(space.corpus.clips, "speakers")[0]
    history = pd.read_csv(space.where("audio_cnn", "none", split) / "history.csv")
    made = {
        "confusion-audio_cnn.png": confusion_figure(tables["audio_cnn", "none"], "audio_cnn, synthetic speech"),
        "history-audio_cnn.png": history_figure(history, "audio_cnn, synthetic speech, fold 1"),
    }
    for name, figure in made.items():
        save(figure, out / name)
    return [out / name for name in made]
