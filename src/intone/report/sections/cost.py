"""Cost: parameters, training time, inference time and memory, and UAR against cost. Energy is not measured."""

from typing import Any

import pandas as pd

from intone.report import readings
from intone.report.figures import cost_figure
from intone.report.markdown import Gallery, absent, table
from intone.report.numbers import rate, size
from intone.report.source import MAIN, WORDS, Source

SHOWN = ("none", "asr")
"""Tracks that measure RAVDESS itself: `natural` measures fusion and is not shown in the same figure."""

AXES = {"parameters": "parameters in use", "seconds": "training time per fold (s)"}


def section(source: Source, gallery: Gallery) -> dict[str, Any]:
    """What templates/cost.md is filled with."""
    s = source.summary
    rows = s[(s["split"] == "test") & (s["protocol"] == MAIN) & s["track"].isin(SHOWN) & (s["modality"] != "text")]
    rows = rows[~rows["model"].isin(source.catalogue.variants) | (rows["track"] == "none")]
    rows = rows.sort_values(["uar", "parameters"], ascending=[False, True]).drop_duplicates(["model"])
    measured = source.table("cost.csv")
    named = [source.catalogue.title(s.model) for s in source.subjects]
    return {
        "pareto": gallery.add(
            "Test UAR against model size (left) and training time (right), for audio models and for fusion on "
            f"{WORDS['asr']}. Line: models that no cheaper model reaches; named: models on it and in Table 1. Training "
            "time includes branches, but not the states of frozen encoders, which are computed once.",
            {"cost": cost_figure(rows.assign(model=source.titles(rows["model"])), AXES, named)},
            readings.cost(rows),
        ),
        "training": gallery.captioned(
            "Audio models: size, training time per fold, and test UAR in percent; fusions are among all runs at the "
            "end.",
            _training(rows[rows["track"] == "none"]),
        ),
        "inference": absent("intone cost", "time per second of audio and memory of inference")
        if measured is None
        else gallery.captioned(_caption(measured), _inference(measured)),
    }


def _training(rows: pd.DataFrame) -> str:
    cells = [
        (
            f"`{r['model']}`",
            size(r["parameters"]),
            f"{r['seconds']:.0f}",
            rate(r["uar"]),
        )
        for r in rows.to_dict("records")
    ]
    return table(["model", "parameters", "s per fold", "UAR"], cells)


def _caption(measured: pd.DataFrame) -> str:
    return (
        "Inference on one core, from waveform to probabilities: median time per second of audio, over "
        f"{int(measured['clips'].max())} clips of {measured['seconds'].mean():.1f} s on average, and peak memory of "
        "the process with its libraries."
    )


def _inference(measured: pd.DataFrame) -> str:
    cells = [
        (f"`{r['model']}`", f"{r['ms_per_second']:.1f}", f"{1000 / r['ms_per_second']:.0f}", f"{r['memory_mb']:.0f}")
        for r in measured.to_dict("records")
    ]
    return table(["model", "ms per second", "times real time", "MB"], cells)
