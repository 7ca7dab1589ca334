"""A results folder -> MODEL_CARD.md in the model hub's format: metadata, results by group, use, limits, licences."""

from typing import Any

from intone.evaluation.results import Experiment
from intone.inference.model import Model
from intone.inference.registry import own
from intone.report.findings import inferences
from intone.report.numbers import span
from intone.report.sections.answer import standings
from intone.report.sections.cross_corpus import carried_over
from intone.report.sections.models import emotions
from intone.report.sections.robustness import fairness
from intone.report.source import MAIN, Source, Subject
from intone.version import __version__

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
        "version": __version__,
        "protocol": MAIN,
        "total": int(row["clips"]),
        "models": [_entry(source, s.experiment) for s in source.subjects if _judged(s)],
        "results": standings(source),
        "own": shipped(source),
        "elsewhere": carried_over(source),
        "lead": f"`{lead.model}`",
        "groups": emotions(source, tested),
        "fairness": fairness(source, audible),
        "ece": f"{row['ece']:.3f}",
        "limits": inferences(source)[1:],
    }


def shipped(source: Source) -> str:
    """What `src/intone/model.onnx` is, and what its twins did out of fold; empty where that was not run."""
    if not own().is_file():
        return ""
    card = Model(own(), threads=1).card
    fused, pairs = source.find(card.name, "natural"), source.table("paired.csv")
    if fused is None or pairs is None:
        return ""
    against = pairs.loc[(pairs["model"] == card.name) & (pairs["track"] == "natural"), "against"]
    alone = next(found for found in (source.find(model, "none") for model in against) if found)
    return (
        f"`src/intone/model.onnx` ({own().stat().st_size / 1e6:.1f} MB) is `{card.name}`, learned from every actor, so "
        f"that nobody is left to judge it by. Its twins, out of fold: by sound alone (`{alone.model}`) "
        f"{_worth(source, alone)}; with sentences paired by label, which measures fusion and not RAVDESS, "
        f"{_worth(source, fused)}. How much the words weigh was learned from such sentences: where words say little, "
        f"look at `audio`, what the sound alone says. Licence: {card.licence}."
    )


def _worth(source: Source, experiment: Experiment) -> str:
    row = source.row(experiment)
    return f"UAR {span(row['uar'], row['uar_low'], row['uar_high'])}, ECE {row['ece']:.3f}"


def _judged(subject: Subject) -> bool:
    return subject.experiment.track in WORDS and subject.experiment.modality != "text"


def _entry(source: Source, experiment: Experiment) -> dict[str, Any]:
    row = source.row(experiment)
    rates = {name: round(float(row[name]), 1) for name in ("uar", "accuracy")}
    return {
        "name": source.catalogue.title(experiment.model),
        "words": WORDS[experiment.track],
        **rates,
        "ece": round(float(row["ece"]), 3),
    }
