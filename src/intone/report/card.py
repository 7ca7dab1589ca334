"""A results folder -> MODEL_CARD.md in the model hub's format: metadata, results by group, use, limits, licences."""

from typing import Any

from intone.evaluation.results import Experiment
from intone.inference.model import Model
from intone.inference.registry import own
from intone.report.findings import inferences
from intone.report.markdown import table
from intone.report.sections.answer import standings
from intone.report.sections.models import emotions
from intone.report.sections.robustness import fairness
from intone.report.sections.voice_elsewhere import HEAD, cells, held_out, title
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
        "lead": f"`{lead.model}`",
        "groups": emotions(source, tested),
        "fairness": fairness(source, audible),
        "ece": f"{row['ece']:.3f}",
        "limits": inferences(source)[1:],
    }


def shipped(source: Source) -> str:
    """What `src/intone/model.onnx` is, and what is learned without a corpus and tested on it; empty without a file."""
    rows = held_out(source)
    if not own().is_file() or rows is None:
        return ""
    card = Model(own(), threads=1).card
    names = ", ".join(map(title, card.corpora))
    several = rows[rows["learned"].str.contains("+", regex=False)]
    return (
        f"`src/intone/model.onnx` ({own().stat().st_size / 1e6:.1f} MB) is `{card.name}`, learned from all speakers of "
        f"{names}, so that nobody is left to test it on. This is what its kind of model does where a corpus, or "
        "speakers of RAVDESS (luna5), were held out: by audio alone, with none, eight or all other clips of the test "
        "speaker known without labels, and calm counted as neutral where a corpus has none. Its temperature and the "
        "threshold of *unsure* come from corpora that were held out in the same way. AUROC: how well the confidence "
        "tells right from wrong predictions. Named: percent of predictions that are not *unsure*. Settings were chosen "
        "while these corpora, held out, were read several times (`results/test_looks.csv`), so the figures are a bit "
        "too high.\n\n"
        f"{table(HEAD, cells(several), left=3)}\n\n"
        "How much the words weigh was learned from sentences that were paired by label: where words say little, look "
        f"at `audio`, which is the prediction from the sound alone. Licences: {card.licence}."
    )


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
