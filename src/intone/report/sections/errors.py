"""Where the best audio model errs: the commonest confusions, the hardest actors and clips, beside listeners."""

from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from intone.emotions import EMOTIONS
from intone.evaluation.groups import by_emotion, by_speaker, counts
from intone.report.figures import recalls_figure, spectrograms_figure
from intone.report.markdown import Gallery, absent, listed, table
from intone.report.numbers import rate
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
    return {
        "lead": lead.model,
        "recalls": gallery.add(
            "Recall by emotion, beside what is known of listeners (dashed; neutral and calm counted as one, seven "
            "options and *none of these*). Red line: the mark of 50 %.",
            {"recalls": recalls_figure({source.catalogue.title(m): r for m, r in recalls.items()}, listeners)},
        ),
        "confusions": gallery.captioned(
            f"The commonest confusions of `{lead.model}` on test: share of the portrayed emotion's clips.",
            _confusions(source.tested(lead.experiment)),
        ),
        "actors": gallery.captioned("The hardest actors: accuracy in percent.", _actors(source, audio)),
        "surest": gallery.captioned(
            f"The clips whose emotion `{lead.model}` thought least likely, and its confidence in what it said instead.",
            _clips(source, audio),
        ),
        "spectrograms": gallery.add(
            "Their spectrograms, framed in the portrayed emotion's colour.", {"hardest": spectrograms_figure(shown)}
        )
        if whose == lead.model
        else absent(COMMAND, "their spectrograms"),
        "listeners": _beside(recalls[lead.model], listeners),
    }


def _confusions(tested: pd.DataFrame, most: int = 8) -> str:
    found = counts(tested)
    rates = 100 * found / np.maximum(found.sum(1, keepdims=True), 1)
    np.fill_diagonal(rates, 0)
    rows = []
    for place in np.argsort(-rates, axis=None)[:most]:
        true, said = np.unravel_index(place, rates.shape)
        rows.append(
            [
                EMOTIONS[true],
                EMOTIONS[said],
                found[true, said],
                rate(float(rates[true, said])),
                rate(float(rates[said, true])),
            ]
        )
    return table(["portrayed", "taken for", "clips", "%", "the other way, %"], rows, left=2)


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
    """The test clips whose true emotion was thought least likely, with `own` (its probability) and `confidence`."""
    values = tested[list(EMOTIONS)].to_numpy()
    own = values[np.arange(len(tested)), tested["emotion"].map(list(EMOTIONS).index)]
    return (
        tested.assign(own=own, confidence=values.max(1))
        .sort_values(["own", "confidence", "file"], ascending=[True, False, True])
        .head(most)
    )


def _clips(source: Source, audio: list[Subject], beside: int = 2) -> str:
    """What the lead got wrong, and what as many others said: a page is no wider."""
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
    head = ["clip", "portrayed", "taken for", "confidence", *(f"`{model}` says" for model in others)]
    return table(head, cells, left=3, last=len(others))


def _beside(recall: pd.Series, listeners: dict[str, float]) -> str:
    """Emotions where the model and listeners differ by much, in words."""
    gaps = {e: float(recall[e]) - v for e, v in listeners.items()}
    above = [f"{e} ({rate(float(recall[e]))} beside {rate(listeners[e])})" for e, gap in gaps.items() if gap > 10]
    below = [f"{e} ({rate(float(recall[e]))} beside {rate(listeners[e])})" for e, gap in gaps.items() if gap < -10]
    text = "Listeners' whole confusion table is not among the figures here; of the emotions whose recall is known, "
    parts = []
    if above:
        parts.append(f"the model's is higher on {listed(above)}")
    if below:
        parts.append(f"lower on {listed(below)}")
    return (
        text
        + (" and ".join(parts) if parts else "the model's lies within ten points on all")
        + ". The two were asked differently."
    )
