"""Error analysis of the main audio model: confusions, hardest actors and clips, comparison with listeners."""

from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from intone.emotions import EMOTIONS
from intone.evaluation.groups import by_emotion, by_speaker
from intone.report import readings
from intone.report.figures import recalls_figure, spectrograms_figure
from intone.report.markdown import Gallery, absent, listed, table
from intone.report.numbers import rate
from intone.report.sections.confusion_pairs import confusion_pairs
from intone.report.sections.saliency import COMMAND, pictures
from intone.report.source import Source, Subject


def section(source: Source, gallery: Gallery) -> dict[str, Any]:
    """What templates/mistakes.md is filled with."""
    lead = source.lead
    audio = [s for s in source.subjects if s.experiment.track == "none"]
    recalls = {s.model: by_emotion(source.tested(s.experiment))["recall"] for s in audio}
    people = source.published[(source.published["topic"] == "listeners") & (source.published["metric"] == "recall")]
    listeners = {str(k): float(v) for k, v in zip(people["setting"], people["value"], strict=True)}
    shown, whose = pictures(source.results / "explanations", "hardest")
    frames = "Log-mel spectrograms of these clips. Frame: portrayed emotion."
    return {
        "recalls": gallery.add(
            "Recall by emotion of the audio models, and of listeners where known (dashed; seven options and *none of "
            "these*, neutral and calm counted as one). Red line: pass mark of 50 %.",
            {"recalls": recalls_figure({source.catalogue.title(m): r for m, r in recalls.items()}, listeners)},
            readings.recalls(recalls),
        ),
        "confusions": gallery.captioned(
            f"Most frequent confusions of `{lead.model}` on test, in percent of the portrayed emotion's clips.",
            _confusions(source.tested(lead.experiment)),
        ),
        "actors": gallery.captioned("Actors with the lowest test accuracy, in percent.", _actors(source, audio)),
        "surest": gallery.captioned(
            f"Test clips to whose portrayed emotion `{lead.model}` gave the lowest probability, with its prediction.",
            _clips(source, audio),
        ),
        "spectrograms": gallery.add(frames, {"hardest": spectrograms_figure(shown)}, readings.hardest(shown))
        if whose == lead.model
        else absent(COMMAND, "spectrograms of these clips"),
        "listeners": _beside(recalls[lead.model], listeners),
    }


def _confusions(tested: pd.DataFrame, most: int = 8) -> str:
    rows = [
        [true, predicted, clips, rate(share), rate(reverse)]
        for true, predicted, clips, share, reverse in confusion_pairs(tested)[:most]
    ]
    return table(["portrayed", "predicted", "clips", "%", "reverse, %"], rows, left=2)


def _actors(source: Source, audio: list[Subject], most: int = 6) -> str:
    rates = pd.DataFrame({s.model: by_speaker(source.tested(s.experiment))["accuracy"] for s in audio})
    hardest = rates.sort_values(source.lead.model).head(most)
    rows = [
        [str(s).removeprefix("ravdess-"), source.sexes.get(str(s), ""), *map(rate, hardest.loc[s])]
        for s in hardest.index
    ]
    rows.append(["*all*", "", *(rate(float(rates[m].mean())) for m in rates)])
    return table(["actor", "sex", *(f"`{m}`" for m in rates)], rows, left=2)


def hardest(tested: pd.DataFrame, most: int = 8) -> pd.DataFrame:
    """The test clips whose portrayed emotion got the lowest probability (`own`), with `confidence`."""
    values = tested[list(EMOTIONS)].to_numpy()
    own = values[np.arange(len(tested)), tested["emotion"].map(list(EMOTIONS).index)]
    return (
        tested.assign(own=own, confidence=values.max(1))
        .sort_values(["own", "confidence", "file"], ascending=[True, False, True])
        .head(most)
    )


def _clips(source: Source, audio: list[Subject], beside: int = 2) -> str:
    """The lead's hardest clips, beside the predictions of the first `beside` other models."""
    others = {s.model: source.tested(s.experiment).set_index("file")["predicted"] for s in audio if s != source.lead}
    others = dict(list(others.items())[:beside])
    cells = []
    for row in hardest(source.tested(source.lead.experiment)).to_dict("records"):
        said = [predicted[row["file"]] for predicted in others.values()]
        cells.append(
            [
                f"`{PurePosixPath(row['file']).stem}`",
                row["emotion"],
                row["predicted"],
                f"{row['confidence']:.2f}",
                *said,
            ]
        )
    head = ["clip", "portrayed", "predicted", "confidence", *(f"`{model}` predicts" for model in others)]
    return table(head, cells, left=3, last=len(others))


def _beside(recall: pd.Series, listeners: dict[str, float]) -> str:
    """Emotions on which the model and listeners differ by more than ten points."""
    gaps = {e: float(recall[e]) - v for e, v in listeners.items()}
    told = {e: f"{e} ({rate(float(recall[e]))}, listeners {rate(v)})" for e, v in listeners.items()}
    differing = {
        "higher": [told[e] for e, gap in gaps.items() if gap > 10],
        "lower": [told[e] for e, gap in gaps.items() if gap < -10],
    }
    parts = [f"more than ten points {how} on {listed(them)}" for how, them in differing.items() if them]
    return (
        "Of listeners, only the recall of some emotions is known here. The model's recall is "
        f"{' and '.join(parts) or 'within ten points of theirs'}. The two tasks differ."
    )
