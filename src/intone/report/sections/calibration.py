"""How far probabilities can be trusted: reliability before and after temperature scaling, and declining to answer."""

from typing import Any

import pandas as pd

from intone.evaluation.confidence import before_temperature, trust
from intone.evaluation.results import Experiment
from intone.report.figures import reliability_figure, risk_coverage_figure
from intone.report.findings import TARGET_ECE
from intone.report.markdown import Gallery, table
from intone.report.numbers import rate
from intone.report.source import MAIN, Source

PASSED, FAILED = "pass", "**fail**"


def section(source: Source, gallery: Gallery) -> dict[str, Any]:
    """What templates/calibration.md is filled with."""
    lead = source.lead.experiment
    audible = [s for s in source.distinct if s.experiment.modality != "text"]
    title = source.catalogue.title
    tables = {f"{title(s.model)}{_words(s.experiment)}": source.tested(s.experiment) for s in audible}
    before = untempered(source, lead)
    drawn = {} if before is None else {f"{title(lead.model)}, before": before}
    drawn |= tables
    other = source.published[source.published["topic"] == "calibration"].iloc[0]
    return {
        "lead": lead.model,
        "target": TARGET_ECE,
        "reached": trust(source.tested(lead)).ece <= TARGET_ECE,
        "ece": f"{trust(source.tested(lead)).ece:.3f}",
        "before": "" if before is None else f"{trust(before).ece:.3f}",
        **_helped(source),
        "other": other,
        "table": gallery.captioned(
            "Confidence on test clips. ECE: 15 equal-width bins, top class; before: with the fold's temperature taken "
            "back. Brier: 0 to 2. The last three columns: accuracy on the surest 90, 75 and 50 % of clips.",
            _table(source, [s.experiment for s in audible]),
        ),
        "reliability": gallery.add(
            "Reliability on test clips: bars on the dashed line say what they mean. The paler a bar, the fewer clips.",
            {"reliability": reliability_figure(drawn)},
        ),
        "coverage": gallery.add(
            "Declining to answer: error rate among the clips that are answered, the least sure declined first.",
            {"risk-coverage": risk_coverage_figure(tables)},
        ),
    }


def _helped(source: Source) -> dict[str, int]:
    """How many audio models had a lower ECE on test with their temperature than without, `helped`, `of` how many."""
    s = source.summary
    names = s.loc[(s["track"] == "none") & (s["protocol"] == MAIN) & (s["split"] == "test"), "model"]
    pairs = [(e, untempered(source, e)) for name in names if (e := source.find(name, "none"))]
    known = [trust(source.tested(e)).ece < trust(before).ece for e, before in pairs if before is not None]
    return {"helped": sum(known), "of": len(known)}


def _words(experiment: Experiment) -> str:
    return "" if experiment.track == "none" else f", {experiment.track}"


def untempered(source: Source, experiment: Experiment) -> pd.DataFrame | None:
    """Its test predictions with each fold's temperature taken back; None where results/choices.csv lacks them."""
    rows = source.choices(experiment)
    if not len(rows):
        return None
    return before_temperature(source.tested(experiment), dict(zip(rows["fold"], rows["temperature"], strict=True)))


def _table(source: Source, experiments: list[Experiment]) -> str:
    cells = []
    for e in experiments:
        got, before = trust(source.tested(e)), untempered(source, e)
        mark = PASSED if got.ece <= TARGET_ECE else FAILED
        right = float(source.row(e)["accuracy"])
        cells.append(
            [
                f"`{e.model}`{_words(e)}",
                rate(right),
                rate(got.mean),
                "–" if before is None else f"{trust(before).ece:.3f}",
                f"{got.ece:.3f}",
                mark,
                f"{got.brier:.3f}",
                *(rate(v) for v in got.accurate_at.values()),
            ]
        )
    head = ["", "accuracy", "confidence", "ECE before", "ECE after", f"≤ {TARGET_ECE}", "Brier", "90 %", "75 %", "50 %"]
    return table(head, cells)
