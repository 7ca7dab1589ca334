"""Finished folds of audio models -> results/cost.csv: time per second of audio and memory of inference, on one core.

    intone cost

Each model is measured in a separate process, so that its memory is its own; run it on an idle machine.
"""

import multiprocessing
import resource
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from intone.audio.clip import read_clip
from intone.audio.frames import SAMPLE_RATE
from intone.cache import cache_folder, write_whole
from intone.data import ravdess as ravdess_corpus
from intone.data.splits import Split, folds
from intone.training.processor import processor
from intone.training.recipes import MODELS
from intone.training.workspace import Workspace

COLUMNS = ["model", "clips", "seconds", "ms_per_second", "memory_mb", "processor"]
"""`seconds`: mean length of the clips; `ms_per_second`: median over clips; memory is the peak of a fresh process."""


MEASURED: Final = (
    "audio_cnn",
    "audio_whisper_base-noisy",
    "audio_whisper_small-noisy",
    "audio_whisper_small-tuned",
    "ensemble_whisper",
)
"""Audio models."""


def cost(
    models: tuple[str, ...] = MEASURED,
    clips: int = 30,
    ravdess: Path | None = None,
    runs: Path | None = None,
    results: Path = Path("results"),
) -> None:
    """Measure the cost of inference on one core: milliseconds per second of audio, and memory.

    Args:
        models: Audio models; one that has not been trained is skipped with a message.
        clips: Number of clips that each model analyses.
        ravdess: The RAVDESS folder; default INTONE_RAVDESS, else data/ravdess.
        runs: Folder with the trained networks; default the user's cache.
        results: Folder for cost.csv.
    """
    space = Workspace(ravdess_corpus.load(ravdess), MODELS, runs or cache_folder() / "runs")
    table = measured(space, models, folds(space.corpus.clips, "luna5")[0], clips)
    write_whole(results / "cost.csv", table.to_csv(index=False, lineterminator="\n").encode())
    print(table.to_string(index=False))


def measured(space: Workspace, models: Sequence[str], split: Split, clips: int) -> pd.DataFrame:
    """One row for each model, columns `COLUMNS`; raises IntoneError where none of them has been trained."""
    rows = []
    for model in space.all_made(models, [split]):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            rows.append(pool.submit(inference, space.bare(), model, split, clips).result())
    return pd.DataFrame(rows, columns=COLUMNS)


def inference(space: Workspace, model: str, split: Split, clips: int) -> tuple[str, int, float, float, float, str]:
    """One model's row, measured in this process: clips one at a time, after one for warm-up."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)
    signals = [read_clip(space.corpus.paths[f]) for f in split.test[:: max(1, len(split.test) // clips)][:clips]]
    predict = space.predictor(model, split)
    predict(signals[:1])
    costs, lengths = [], [signal.size / SAMPLE_RATE for signal in signals]
    for signal, seconds in zip(signals, lengths, strict=True):
        started = time.perf_counter()
        predict([signal])
        costs.append(1000 * (time.perf_counter() - started) / seconds)
    unit = 1024**2 if sys.platform == "darwin" else 1024
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    length, cost = round(float(np.mean(lengths)), 3), round(float(np.median(costs)), 3)
    return model, len(signals), length, cost, round(memory, 1), processor()
