"""Data leakage: each deliberate leak against the same pipeline without it, beside published ones."""

from typing import Any

import pandas as pd

from intone.data.splits import AUDITED
from intone.evaluation.correction import holm
from intone.evaluation.metrics import sign_flip
from intone.evaluation.results import Experiment
from intone.report import readings
from intone.report.figures import leaks_figure
from intone.report.markdown import Gallery, absent, table
from intone.report.numbers import bare_p, points, rate
from intone.report.source import MAIN, Source

KINDS = {
    "random": "random split: training and test share actors",
    f"{MAIN}_test_statistics": "features normalised with the test actor's own statistics",
    f"{MAIN}_test_layer": "encoder layers selected on test clips",
}
"""Protocol -> what leaks. Text made from the label is a track."""

SHORT = {
    "random": "random split",
    f"{MAIN}_test_statistics": "test-actor statistics",
    f"{MAIN}_test_layer": "layers by test",
}

COMMAND = "intone leaks"


def section(source: Source, gallery: Gallery) -> dict[str, Any]:
    """What templates/leaks.md is filled with."""
    ours = audit(source)
    missing = [f"*{why}*" for protocol, why in KINDS.items() if protocol not in set(ours["protocol"])]
    shown = ours[ours["track"] == "none"].assign(
        name=lambda t: source.titles(t["model"]) + ": " + t["short"], ours=True
    )
    rows = pd.concat([shown, _published(source)], ignore_index=True)
    return {
        "missing": absent(COMMAND, *missing),
        "figure": gallery.add(
            "Effect of leaks on test UAR: without → with the leak. Coloured dots: measured here; grey: published "
            "random splits (accuracy where marked).",
            {"leaks": leaks_figure(rows[["name", "honest", "leaked", "ours"]])},
            readings.leaks(rows),
        )
        if len(rows)
        else "",
        "table": gallery.captioned(
            "The same pipeline without and with one leak: test UAR, difference, and two-sided sign-flip p over actors.",
            _table(ours),
        )
        if len(ours)
        else "",
    }


def audit(source: Source) -> pd.DataFrame:
    """Every leak with the same run without it: `model, track, protocol, why, short, honest, leaked, gap, p, holm`."""
    rows = []
    s = source.summary
    for key in s[s["split"] == "test"][["model", "modality", "track", "protocol"]].itertuples(index=False):
        leak = Experiment(str(key.model), str(key.modality), str(key.track), str(key.protocol))
        honest = source.find(leak.model, "asr" if leak.track == "simulated" else leak.track)
        variant = leak.model in source.catalogue.variants and leak.protocol not in AUDITED
        if not leak.leaks or honest is None or variant:
            continue
        gap, p = sign_flip(source.tested(leak), source.tested(honest))
        made = leak.track == "simulated"
        why = "sentences made from the label" if made else KINDS[leak.protocol]
        short = "text made from label" if made else SHORT[leak.protocol]
        uars = (float(source.row(e)["uar"]) for e in (honest, leak))
        rows.append((leak.model, leak.track, leak.protocol, why, short, *uars, gap, p))
    columns = ["model", "track", "protocol", "why", "short", "honest", "leaked", "gap", "p"]
    found = pd.DataFrame(rows, columns=columns)
    return found.assign(holm=holm(found["p"].tolist()))


def _table(ours: pd.DataFrame) -> str:
    cells = [
        (f"`{r['model']}`", r["why"], rate(r["honest"]), rate(r["leaked"]), points(r["gap"]), bare_p(r["holm"]))
        for r in ours.to_dict("records")
    ]
    return table(["model", "leak", "without leak", "with leak", "difference", "p, Holm"], cells, left=2)


def _published(source: Source) -> pd.DataFrame:
    rows = source.published[source.published["topic"] == "leak"]
    wide = rows.pivot(index=["system", "metric"], columns="setting", values="value").reset_index()
    wide["name"] = wide["system"] + wide["metric"].map({"uar": "", "accuracy": " (accuracy)"})
    return wide.assign(ours=False).astype({"honest": float, "leaked": float})
