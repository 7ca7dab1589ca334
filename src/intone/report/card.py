"""A results folder -> MODEL_CARD.md in the model hub's format: metadata, results by group, use, limits, licences."""

from typing import Any

import intone
from intone.report.answer import standings
from intone.report.inferences import inferences
from intone.report.portraits import emotions
from intone.report.robustness import fairness
from intone.report.source import MAIN, Source, Subject
from intone.results import Experiment

WORDS = {
    "none": "sound alone",
    "asr": "with the words really said",
    "natural": "sentences paired by label, not RAVDESS",
}


def section(source: Source) -> dict[str, Any]:
    """What templates/card.md is filled with."""
    lead = source.lead.experiment
    tested = source.tested(lead)
    audible = [s for s in source.distinct if s.experiment.track == "none"]
    row = source.row(lead)
    return {
        "version": intone.__version__,
        "protocol": MAIN,
        "total": int(row["clips"]),
        "models": [_entry(source, s.experiment) for s in source.subjects if _judged(s)],
        "results": standings(source),
        "lead": f"`{lead.model}`",
        "groups": emotions(source, tested),
        "fairness": fairness(source, audible),
        "ece": f"{row['ece']:.3f}",
        "limits": inferences(source)[1:],
    }


def _judged(subject: Subject) -> bool:
    return subject.experiment.track in WORDS and subject.experiment.modality != "text"


def _entry(source: Source, experiment: Experiment) -> dict[str, Any]:
    row = source.row(experiment)
    rates = {name: round(float(row[name]), 1) for name in ("uar", "accuracy")}
    return {"name": experiment.model, "words": WORDS[experiment.track], **rates, "ece": round(float(row["ece"]), 3)}
