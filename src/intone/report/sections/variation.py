"""results/variation.csv, seeds.csv, layers.csv -> how much chance moves results, and what each part is worth."""

from typing import Any, Final

import numpy as np
import pandas as pd

from intone.evaluation.metrics import speaker_uars
from intone.report.figures import layers_figure, speaker_counts_figure
from intone.report.markdown import Gallery, absent, table
from intone.report.numbers import points, rate
from intone.report.source import MAIN, WORDS, Source

MODEL: Final = "audio_cnn"
"""What was trained again."""

WHOLE: Final = "whole"

ALL: Final = "all of these"
"""The variant in which everything is left out at once; the last row."""


def section(source: Source, gallery: Gallery) -> dict[str, Any] | None:
    """What templates/variation.md is filled with; None where nothing was trained again."""
    rows = source.table("variation.csv")
    if rows is None:
        return None
    return {
        "model": MODEL,
        "spread": _spread(source, rows[(rows["variant"] == WHOLE) & (rows["split"] == "test")]),
        "seeds": _seeds(source, rows, gallery),
        "ablations": _ablations(rows, gallery),
        "speakers": _speakers(source, gallery),
        "layers": _layers(source, gallery),
    }


def _speakers(source: Source, gallery: Gallery) -> str:
    """What more training speakers are worth to a probe."""
    rows = source.table("training_speakers.csv")
    if rows is None:
        return absent("intone speakers", "results by the number of training speakers")
    caption = (
        "Test UAR of a linear probe on Whisper-small's frozen layers by the number of its training speakers, under "
        f"luna5. Mean and 95 % band of {rows['draws'].max()} random draws; with all speakers there is one."
    )
    first, last = rows.iloc[0], rows.iloc[-1]
    half = rows.iloc[(rows["speakers"] - last["speakers"] / 2).abs().argmin()]
    reading = (
        f"From {first['speakers']} to {half['speakers']} speakers the UAR rises by "
        f"{rate(float(half['uar'] - first['uar']))} points, from there to {last['speakers']} by "
        f"{rate(float(last['uar'] - half['uar']))}."
    )
    return gallery.add(caption, {"training-speakers": speaker_counts_figure(rows)}, reading)


def _layers(source: Source, gallery: Gallery) -> str:
    """What a probe is worth on each layer, and which layers the folds choose."""
    rows = source.table("layers.csv")
    if rows is None:
        return absent("intone layers", "results by layer")
    caption = (
        "Test UAR of a linear probe on one layer of Whisper-small, frozen, by layer, under luna5. Circles: layers that "
        "folds choose on their own training actors; the curve itself is read on test, and nothing is chosen by it."
    )
    best = rows.iloc[int(rows["uar"].argmax())]
    nested = float(np.average(rows["uar"], weights=rows["chosen"]))
    first, last = rows.iloc[0], rows.iloc[-1]
    reading = (
        f"Layer {best['layer']} is highest ({rate(float(best['uar']))}), {rate(float(best['uar'] - first['uar']))} "
        f"points above the first and {rate(float(best['uar'] - last['uar']))} above the last; the layers that folds "
        f"choose without test have {rate(nested)} on average."
    )
    return gallery.add(caption, {"layers": layers_figure(rows)}, reading)


def _spread(source: Source, tested: pd.DataFrame) -> str:
    """Standard deviations of test UAR over seeds within a fold, over folds and over actors."""
    by_fold = tested.groupby("fold")["uar"]
    several = by_fold.filter(lambda uars: len(uars) > 1)
    within = tested.loc[several.index].groupby("fold")["uar"].var(ddof=1)
    counts = tested.loc[several.index].groupby("fold").size()
    seeds = float(np.sqrt(np.average(within, weights=counts - 1))) if len(within) else float("nan")
    experiment = source.find(MODEL, "none", MAIN)
    actors = float(speaker_uars(source.tested(experiment)).std(ddof=1)) if experiment else float("nan")
    return (
        f"The standard deviation of test UAR is {rate(actors)} points over actors, {rate(float(by_fold.mean().std()))} "
        f"over folds and {rate(seeds)} over seeds within a fold ({len(counts)} folds, {counts.min()} to "
        f"{counts.max()} seeds each)"
        if len(within)
        else f"The standard deviation of test UAR is {rate(actors)} points over actors"
    ) + "."


def _seeds(source: Source, rows: pd.DataFrame, gallery: Gallery) -> str:
    """How far test UAR moves with the seed, by model."""
    tested = rows[(rows["variant"] == WHOLE) & (rows["split"] == "test")].assign(model=MODEL, track="none")
    others = source.table("seeds.csv")
    if others is not None:
        mine = others[(others["split"] == "test") & (others["model"] != MODEL)]
        tested = pd.concat([tested, mine])
    cells = []
    for (model, track), own in tested.groupby(["model", "track"], sort=False):
        by_fold = own.groupby("fold")["uar"]
        spread = float(np.sqrt(by_fold.var(ddof=1).mean()))
        words = f", {WORDS[track]}" if track in WORDS else ""
        apart = float((by_fold.max() - by_fold.min()).max())
        counts = (own["fold"].nunique(), own["seed"].nunique())
        cells.append([f"`{model}`{words}", *counts, rate(float(by_fold.mean().mean())), rate(spread), rate(apart)])
    caption = (
        "Test UAR over seeds, in percent and points: mean over folds, standard deviation over the seeds of a fold, and "
        "the largest difference of two seeds of one fold."
    )
    head = ["model", "folds", "seeds", "UAR", "deviation", "largest difference"]
    return gallery.captioned(caption, table(head, cells))


def _ablations(rows: pd.DataFrame, gallery: Gallery) -> str:
    """UAR without each part of the training, against the whole on the same folds and seeds."""
    left_out = sorted({*rows["variant"]} - {WHOLE}, key=lambda name: (name == ALL, name))
    if not left_out:
        return ""
    by = rows.pivot_table(index=["variant", "fold", "seed"], columns="split", values="uar").reset_index()
    whole = by[by["variant"] == WHOLE].set_index(["fold", "seed"])
    cells = []
    for name in left_out:
        mine = by[by["variant"] == name].set_index(["fold", "seed"])
        there = mine.index.intersection(whole.index)
        told = [rate(float(mine.loc[there, part].mean())) for part in ("train", "validation", "test")]
        gaps = [points(float((mine.loc[there, p] - whole.loc[there, p]).mean())) for p in ("validation", "test")]
        cells.append([f"without {'any of these: plain log-mels' if name == ALL else name}", len(there), *told, *gaps])
    caption = (
        "The CNN without one part of its training: UAR in percent, and the difference to the whole on the same folds "
        "and seeds, in points. One fold says little: differences below the spread over seeds are chance."
    )
    head = ["", "folds", "train", "validation", "test", "Δ validation", "Δ test"]
    return gallery.captioned(caption, table(head, cells))
