"""results/ -> experiment.json: what the page of `intone serve` shows of the experiment, without a typed figure."""

import json
from pathlib import Path
from typing import Any, Final

from intone.emotions import EMOTIONS
from intone.evaluation.confidence import reliability
from intone.evaluation.metrics import calibration_error, confusion, places
from intone.report.sections.brief import ASKED
from intone.report.sections.voice import ordered
from intone.report.source import MAIN, WORDS, Source

PAGE: Final = Path("src/intone/inference/serve/page/experiment.json")
"""Where the page has it."""

NOISES: Final = ("white noise", "babble")
"""Perturbations that are drawn, as far as they were measured."""

NAMED: Final = ("audio", "audio_robust", "audio_single", "audio_system", "fusion_natural")
"""Questions of chosen.json whose models have a confusion matrix on the page, as far as they are there."""


def experiment_json(results: Path) -> str:
    """The file's text."""
    source = Source(results)
    tested = source.tested(source.lead.experiment)
    found = {
        "clips": len(tested),
        "actors": int(tested["speaker"].nunique()),
        "chance": round(100 / len(EMOTIONS), 1),
        "emotions": list(EMOTIONS),
        "models": _models(source),
        "matrices": _matrices(source),
        "reliability": _reliability(source),
        "noise": _noise(source),
        "known_voice": _known_voice(source),
    }
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _models(source: Source) -> list[dict[str, Any]]:
    """The brief's models, in the order of the report's first table."""
    rows = []
    for track, models in ASKED:
        for model in models:
            experiment = source.find(model, track)
            if experiment is None:
                continue
            test = source.row(experiment)
            rows.append(
                {
                    "words": WORDS.get(track, "sound alone"),
                    "title": source.catalogue.title(model),
                    "training": _rate(source.row(experiment, "train")["accuracy"]),
                    "validation": _rate(source.row(experiment, "validation")["accuracy"]),
                    "test": _rate(test["accuracy"]),
                    "uar": [_rate(test[name]) for name in ("uar", "uar_low", "uar_high")],
                }
            )
    return rows


def _matrices(source: Source) -> list[dict[str, Any]]:
    """Confusions of the headline models, in percent of each emotion's clips."""
    out = []
    for question in NAMED:
        subject = source.answers.get(question)
        if subject is None:
            continue
        counts = confusion(*places(source.tested(subject.experiment)))
        shares = 100 * counts / counts.sum(1, keepdims=True)
        title = source.catalogue.title(subject.experiment.model)
        words = WORDS.get(subject.experiment.track, "")
        out.append({"title": title, "words": words, "rows": [[_rate(v) for v in row] for row in shares]})
    return out


def _reliability(source: Source) -> dict[str, Any]:
    table = source.tested(source.lead.experiment)
    bins = reliability(table)
    there = bins.loc[bins["clips"] > 0, ["confidence", "accuracy", "clips"]]
    points = [[round(float(v), 4) for v in row] for row in there.to_numpy()]
    title = source.catalogue.title(source.lead.experiment.model)
    return {"title": title, "ece": round(float(calibration_error(table)), 3), "points": points}


def _noise(source: Source) -> list[dict[str, Any]]:
    """UAR of two models by the level of each perturbation."""
    rows = source.table("robustness.csv")
    if rows is None:
        return []
    out = []
    for model in (source.chosen.get("audio"), source.chosen.get("audio_robust")):
        for kind in NOISES:
            own = rows[(rows["model"] == model) & (rows["perturbation"] == kind)]
            if len(own):
                points = [[float(row["level"]), _rate(row["uar"])] for row in own.to_dict("records")]
                unit = str(own["unit"].iloc[0])
                out.append({"title": source.catalogue.title(str(model)), "kind": kind, "unit": unit, "points": points})
    return out


def _known_voice(source: Source) -> list[dict[str, Any]]:
    """UAR of speaker-adaptive models by the number of other clips of the voice that are known: another task."""
    rows = source.table("voice.csv")
    if rows is None:
        return []
    mine = rows[(rows["protocol"] == MAIN) & (rows["kind"] == "random")]
    return [
        {
            "title": source.catalogue.title(model),
            "points": [[str(row["k"]), _rate(row["uar"])] for row in mine[mine["model"] == model].to_dict("records")],
        }
        for model in ordered(mine)
    ]


def _rate(value: Any) -> float:
    return round(float(value), 1)
