"""Further findings, limitations, methods, uses of the test set, sources and licences."""

from typing import Any, Final

import pandas as pd

from intone.report.findings import inferences
from intone.report.markdown import Gallery
from intone.report.numbers import rate
from intone.report.sections.answer import LEARNED
from intone.report.sections.cross_corpus import carried_over
from intone.report.source import WORDS, Source
from intone.version import __version__

BEFORE: Final = "before development"
"""`when` in test_looks.csv of what was known when the task was set."""


def section(source: Source, _: Gallery) -> dict[str, Any]:
    """What templates/limits.md is filled with."""
    looks = source.table("test_looks.csv")
    return {
        "inferences": inferences(source)[LEARNED:],
        "looks": None if looks is None else int((looks["when"] != BEFORE).sum()),
        "again": None
        if looks is None
        else int(looks[looks["when"] != BEFORE].duplicated(["model", "track", "protocol"]).sum()),
        "adapted": source.table("voice.csv") is not None,
        "beforehand": _beforehand(looks),
        "elsewhere": carried_over(source),
        "seeds": _seeds(source),
        "version": __version__,
    }


def _beforehand(looks: pd.DataFrame | None) -> list[str]:
    """What was known of test before development, a line for each entry of the log."""
    if looks is None or "uar" not in looks:
        return []
    rows = looks[looks["when"] == BEFORE]
    uars = ["" if pd.isna(uar) else f": UAR {rate(float(uar))}" for uar in rows["uar"]]
    return [f"`{m}`, {why}{uar}." for m, why, uar in zip(rows["model"], rows["why"], uars, strict=True)]


def _seeds(source: Source) -> list[dict[Any, Any]]:
    """The range of test UAR over seeds, one row for each model, with its text source in words."""
    seeds = source.table("seeds.csv")
    tracks = {} if seeds is None else dict(zip(seeds["model"], seeds["track"], strict=True))
    rows = source.seeds.reset_index().to_dict("records")
    return [{**row, "words": f" on {WORDS[t]}" if (t := tracks[row["model"]]) in WORDS else ""} for row in rows]
