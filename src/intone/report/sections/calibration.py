"""Calibration: reliability before and after temperature scaling, and rejection of clips with low confidence."""

from typing import Any

import pandas as pd

from intone.evaluation.confidence import before_temperature, trust
from intone.evaluation.metrics import calibration_interval
from intone.evaluation.results import Experiment
from intone.report import readings
from intone.report.figures import reliability_figure, risk_coverage_figure
from intone.report.findings import TARGET_ECE
from intone.report.markdown import Gallery, table
from intone.report.numbers import rate
from intone.report.sections.guarantees import fewer_classes, prediction_sets
from intone.report.source import MAIN, WORDS, Source, Subject

PASSED, FAILED = "pass", "**fail**"


def section(source: Source, gallery: Gallery) -> dict[str, Any]:
    """What templates/calibration.md is filled with."""
    lead = source.lead.experiment
    audible = [s for s in source.distinct if s.experiment.modality != "text"]
    tables = {_label(source, s.experiment): source.tested(s.experiment) for s in audible}
    before = untempered(source, lead)
    drawn = tables if before is None else {f"{_label(source, lead)}, before scaling": before, **tables}
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
            "Calibration on test clips. ECE: 15 equal-width bins, predicted class, before and after scaling. Brier "
            "score: 0 (best) to 2. Last columns: accuracy on the 90, 75 and 50 % of clips with the highest confidence."
            + _note(audible),
            _table(source, [s.experiment for s in audible]),
        ),
        "reliability": gallery.add(
            "Reliability diagrams on test clips. Dashed: perfect calibration. Paler bars hold fewer clips.",
            {"reliability": reliability_figure(drawn)},
            readings.reliability(tables),
        ),
        "coverage": gallery.add(
            "Risk–coverage curves on test clips: error rate when the clips with the lowest confidence are rejected.",
            {"risk-coverage": risk_coverage_figure(tables)},
            readings.coverage(tables),
        ),
        "sets": prediction_sets(source, gallery),
        "coarser": fewer_classes(source, gallery),
    }


def _helped(source: Source) -> dict[str, int]:
    """`helped`: audio models whose test ECE is lower with temperature scaling than without; `of`: all of them."""
    s = source.summary
    names = s.loc[(s["track"] == "none") & (s["protocol"] == MAIN) & (s["split"] == "test"), "model"]
    pairs = [(e, untempered(source, e)) for name in names if (e := source.find(name, "none"))]
    known = [trust(source.tested(e)).ece < trust(before).ece for e, before in pairs if before is not None]
    return {"helped": sum(known), "of": len(known)}


def _label(source: Source, experiment: Experiment) -> str:
    """Its title for a figure, the text source on a line of its own."""
    return source.catalogue.title(experiment.model) + _words(experiment).replace(", ", ",\n")


def _words(experiment: Experiment) -> str:
    return "" if experiment.track == "none" else f", {WORDS[experiment.track]}"


def _note(subjects: list[Subject]) -> str:
    """The note on text that the label selected, where there is any."""
    paired = any(s.experiment.track == "natural" for s in subjects)
    return f" {WORDS['natural'].capitalize()} measure fusion, not RAVDESS." if paired else ""


def untempered(source: Source, experiment: Experiment) -> pd.DataFrame | None:
    """Its test predictions before temperature scaling; None where results/choices.csv lacks the temperatures, and
    where the model needs none, as a mean of calibrated logits."""
    rows = source.choices(experiment)
    if not len(rows) or (rows["temperature"] == 1).all():
        return None
    return before_temperature(source.tested(experiment), dict(zip(rows["fold"], rows["temperature"], strict=True)))


def _table(source: Source, experiments: list[Experiment]) -> str:
    cells = []
    for e in experiments:
        got, before = trust(source.tested(e)), untempered(source, e)
        low, high = calibration_interval(source.tested(e))
        mark = PASSED if got.ece <= TARGET_ECE else FAILED
        right = float(source.row(e)["accuracy"])
        cells.append(
            [
                f"`{e.model}`{_words(e)}",
                rate(right),
                rate(got.mean),
                "–" if before is None else f"{trust(before).ece:.3f}",
                f"{got.ece:.3f} [{low:.3f}, {high:.3f}]",
                mark,
                f"{got.brier:.3f}",
                *(rate(v) for v in got.accurate_at.values()),
            ]
        )
    head = [
        "",
        "accuracy",
        "confidence",
        "ECE before",
        "ECE after [95 %]",
        f"≤ {TARGET_ECE}",
        "Brier",
        "90 %",
        "75 %",
        "50 %",
    ]
    return table(head, cells)
