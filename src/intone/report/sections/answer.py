"""The first section: main results of the models fixed beforehand, beside published results, and main findings."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from intone.evaluation.metrics import accuracy, interval
from intone.report import readings
from intone.report.figures import standing_figure
from intone.report.findings import inferences
from intone.report.markdown import Gallery, absent, table, whole_span
from intone.report.numbers import rate
from intone.report.sections.brief import answers, models_of_the_brief
from intone.report.source import LABELLED, MAIN, WORDS, Source, Subject

LEARNED = 5
"""Findings in the first section; the others follow in the last."""

OTHERS_SHOWN = 3
"""Published UARs shown of each protocol used here, the best first; the last section's table holds all of them."""


def section(source: Source, gallery: Gallery) -> dict[str, Any]:
    """What templates/answer.md is filled with."""
    return {
        "brief": models_of_the_brief(source, gallery),
        "asked": answers(source, gallery),
        "table": gallery.captioned(
            "Accuracy and UAR (unweighted average recall) in percent. Brackets: 95 % intervals over actors.",
            standings(source),
        ),
        "missing": absent("intone reproduce --tuned", *_missing(source)),
        "standing": gallery.add(
            "Test UAR (protocol) of these models, filled, and the best published systems, open (caveats at the end). "
            "Lines: 95 % intervals where known. Listeners: accuracy, with seven options.",
            {"standing": standing_figure(standing(source))},
            readings.standing(standing(source)),
        ),
        "learned": inferences(source)[:LEARNED],
        "words": WORDS,
        "adapted": source.table("voice.csv") is not None,
    }


def _missing(source: Source) -> list[str]:
    return [f"`{source.chosen[q]}`, fixed as *{q}*" for q, subject in source.answers.items() if subject is None]


def standings(source: Source) -> str:
    """Every model fixed beforehand, audio models first: train, validation and test."""
    head = ["", "acc. train", "val.", "**test** [95 %]", "UAR train", "val.", "**test** [95 %]"]
    blocks = [
        ("*audio alone*", [s for s in source.subjects if s.experiment.track == "none"]),
        (f"*{WORDS['asr']} (negative control)*", [s for s in source.subjects if s.experiment.track == "asr"]),
        (
            f"*{LABELLED}*",
            [s for s in source.subjects if s.experiment.track == "natural"],
        ),
    ]
    rows: list[Sequence[str]] = []
    for title, subjects in blocks:
        if subjects:
            rows.append([title, *[""] * 6])
            rows += [_row(source, s) for s in subjects]
    return table(head, rows)


def _row(source: Source, subject: Subject) -> list[str]:
    parts = [source.row(subject.experiment, part) for part in ("train", "validation", "test")]
    test = parts[2]
    low, high = interval(source.tested(subject.experiment), rate=accuracy)
    return [
        f"`{subject.model}`",
        *(rate(part["accuracy"]) for part in parts[:2]),
        whole_span(test["accuracy"], low, high),
        *(rate(part["uar"]) for part in parts[:2]),
        whole_span(test["uar"], test["uar_low"], test["uar_high"]),
    ]


def standing(source: Source) -> pd.DataFrame:
    """Rows of the first figure; `natural` is never shown beside published results."""
    ours = [s.experiment for s in source.subjects if s.experiment.track in ("none", "asr")]
    ours += [e for p in ("emobox6", "loso24") if (e := source.lead_under(p))]
    rows: list[dict[str, Any]] = []
    for e in ours:
        rate_of = source.row(e)[["uar", "uar_low", "uar_high"]].set_axis(["value", "low", "high"])
        rows.append({"name": f"{source.catalogue.title(e.model)} ({e.protocol})", **rate_of, "ours": True})
    for other in _others(source).to_dict("records"):
        name = f"{other['system']} ({other['setting']})" if other["system"] != "listeners" else "listeners (accuracy)"
        low, high = (float(other[c] or "nan") for c in ("low", "high"))
        rows.append({"name": name, "value": float(other["value"]), "low": low, "high": high, "ours": False})
    return pd.DataFrame(rows).drop_duplicates("name")


def _others(source: Source) -> pd.DataFrame:
    """Listeners, and the `OTHERS_SHOWN` highest published UARs of each protocol without leaks."""
    rows = source.published[source.published["topic"] == "standing"]
    uars = rows[(rows["metric"] == "uar") & rows["setting"].isin((MAIN, "emobox6", "loso24"))]
    best = uars.sort_values("value", ascending=False, kind="stable").groupby("setting", sort=False).head(OTHERS_SHOWN)
    return pd.concat([rows[rows["system"] == "listeners"], best])


def published(source: Source) -> str:
    """All published results, as a table."""
    rows = source.published[source.published["topic"] == "standing"]
    metric = {"uar": "UAR", "accuracy": "accuracy"}
    sources = list(dict.fromkeys(rows["source"]))
    cells = [
        (r["system"], r["setting"], metric[r["metric"]], _figure(r), f"[{sources.index(r['source']) + 1}]", r["caveat"])
        for r in rows.to_dict("records")
    ]
    listing = "\n".join(f"{n}. {source}" for n, source in enumerate(sources, start=1))
    return table(["system", "protocol", "metric", "%", "source", "caveat"], cells, left=3, last=1) + f"\n\n{listing}"


def _figure(row: dict[Any, Any]) -> str:
    return f"{row['value']} [{row['low']}, {row['high']}]" if row["low"] else str(row["value"])
