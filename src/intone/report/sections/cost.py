"""What models cost: parameters, training, inference, memory; accuracy against cost. No kept library measures energy."""

from typing import Any

import pandas as pd

from intone.report.figures import cost_figure
from intone.report.markdown import Gallery, absent, table
from intone.report.numbers import rate, size
from intone.report.source import MAIN, WORDS, Source

HEARD = ("none", "asr")
"""Tracks that judge RAVDESS itself: `natural` measures something else and has no place in the same picture."""

AXES = {"parameters": "parameters that run", "seconds": "seconds of training a fold"}


def section(source: Source, gallery: Gallery) -> dict[str, Any]:
    """What templates/cost.md is filled with."""
    s = source.summary
    rows = s[(s["split"] == "test") & (s["protocol"] == MAIN) & s["track"].isin(HEARD) & (s["modality"] != "text")]
    rows = rows[~rows["model"].isin(source.catalogue.variants) | (rows["track"] == "none")]
    rows = rows.sort_values(["uar", "parameters"], ascending=[False, True]).drop_duplicates(["model"])
    measured = source.table("cost.csv")
    named = [source.catalogue.title(s.model) for s in source.subjects]
    return {
        "pareto": gallery.add(
            "Test UAR against size and against training time (branches included, but not the states of frozen "
            "encoders, which are made once), for sound alone and with the words really said: the line joins what "
            "nothing cheaper reaches. Names are those of the first page and on the line.",
            {"cost": cost_figure(rows.assign(model=source.titles(rows["model"])), AXES, named)},
        ),
        "training": gallery.captioned("Size and training time; test UAR in percent.", _training(rows)),
        "inference": absent("intone cost", "time per second of audio and memory of inference")
        if measured is None
        else gallery.captioned(_caption(measured), _inference(measured)),
    }


def _training(rows: pd.DataFrame) -> str:
    cells = [
        (
            f"`{r['model']}`",
            WORDS.get(r["track"], "sound alone"),
            size(r["parameters"]),
            f"{r['seconds']:.0f}",
            rate(r["uar"]),
        )
        for r in rows.to_dict("records")
    ]
    return table(["model", "words", "parameters", "s a fold", "UAR"], cells, left=2)


def _caption(measured: pd.DataFrame) -> str:
    return (
        f"Inference on one core, median over {int(measured['clips'].max())} clips of {measured['seconds'].mean():.1f} "
        "s on average: milliseconds per second of audio, from the waveform to probabilities, and the process's own "
        "peak memory, libraries included."
    )


def _inference(measured: pd.DataFrame) -> str:
    cells = [
        (f"`{r['model']}`", f"{r['ms_per_second']:.1f}", f"{1000 / r['ms_per_second']:.0f}", f"{r['memory_mb']:.0f}")
        for r in measured.to_dict("records")
    ]
    return table(["model", "ms per second", "times real time", "MB"], cells)
