"""A model that learned from RAVDESS alone on another corpus: other speakers, words, rooms and language."""

from typing import Any, Final

import pandas as pd

from intone.emotions import EMOTIONS
from intone.evaluation.confidence import discrimination
from intone.evaluation.groups import by_emotion
from intone.evaluation.metrics import check_predictions, score
from intone.report.markdown import Gallery, absent, table
from intone.report.numbers import rate, span
from intone.report.source import Source

COMMAND = "intone elsewhere"
TWIN: Final = "audio_whisper_base-noisy"
"""The model's audio branch in the experiment on RAVDESS."""

HARDLY: Final = 0.65
"""Discrimination below which a confidence hardly tells right from wrong."""

WHAT = "a model of RAVDESS alone on another corpus, EMO-DB"


def elsewhere(source: Source, gallery: Gallery) -> str:
    """A table, and a sentence on *unsure*; a note where results/elsewhere.csv is missing."""
    rows = source.table("elsewhere.csv")
    if rows is None:
        return absent(COMMAND, WHAT)
    tested = check_predictions(rows, "elsewhere.csv")
    asked = {"as predicted": tested, "calm counted as neutral": calm_is_neutral(tested)}
    there = [e for e in EMOTIONS if e in set(tested["emotion"])]
    cells = []
    for name, answers in asked.items():
        got, recall = score(answers), by_emotion(answers)["recall"]
        figures = (rate(got.accuracy), span(got.uar, got.uar_low, got.uar_high), f"{got.ece:.3f}")
        cells.append([name, *figures, *(rate(recall[e]) for e in there)])
    speakers = tested["speaker"].nunique()
    caption = (
        f"{_name(rows)}, learned from RAVDESS alone, audio alone, on {len(tested)} clips of EMO-DB (Burkhardt et al. "
        f"2005): {speakers} "
        f"German actors, {len(there)} emotions, of eight that the model can predict. No prediction was trained or "
        "selected on EMO-DB."
    )
    head = ["", "accuracy", "UAR [95 %]", "ECE", *there]
    merged = asked["calm counted as neutral"]
    return "\n\n".join([gallery.captioned(caption, table(head, cells)), _sure(merged), _trusted(source, merged)])


def carried_over(source: Source) -> dict[str, Any] | None:
    """The model, its UAR with interval, ECE and the number of emotions, for a sentence; None where not measured."""
    rows = source.table("elsewhere.csv")
    if rows is None:
        return None
    got = score(calm_is_neutral(rows))
    worth = {"model": _name(rows), "uar": span(got.uar, got.uar_low, got.uar_high), "ece": f"{got.ece:.3f}"}
    return {**worth, "emotions": rows["emotion"].nunique()}


def _name(rows: pd.DataFrame) -> str:
    """The model's name, in code."""
    return f"`{rows['model'].iloc[0].split()[0]}`"


def calm_is_neutral(tested: pd.DataFrame) -> pd.DataFrame:
    """Predictions with calm and neutral merged into one emotion, their probabilities added; EMO-DB has no calm."""
    p = tested.assign(neutral=tested["neutral"] + tested["calm"], calm=0.0)
    return p.assign(predicted=p[list(EMOTIONS)].idxmax(axis=1))


def _trusted(source: Source, answers: pd.DataFrame) -> str:
    """What the confidence is worth on another corpus, beside RAVDESS where the audio branch was tested there."""
    there = discrimination(answers)
    twin = source.find(TWIN, "none")
    here = f" (RAVDESS, `{TWIN}`: {discrimination(source.tested(twin)):.2f})" if twin else ""
    told = "hardly tells" if there < HARDLY else "tells"
    return (
        f"Its confidence {told} right predictions from wrong ones there: in {there:.2f} of the pairs of a right and a "
        f"wrong one the right one is more confident{here}; 0.50 would be guessing. A threshold of confidence that was "
        "fitted on RAVDESS therefore protects little elsewhere: the packaged model's comes from corpora that were held "
        "out (`docs/method.md`)."
    )


def _sure(answers: pd.DataFrame) -> str:
    sure = answers["sure"].astype(bool)
    right, far = answers["predicted"] == answers["emotion"], answers["far"].astype(bool)
    return (
        f"The model names an emotion for {rate(100 * sure.mean())} % of these clips and is correct on "
        f"{rate(100 * right[sure].mean())} % of them. It marks the others as *unsure*; its most probable emotion would "
        f"be correct on {rate(100 * right[~sure].mean())} % (calm counted as neutral). {rate(100 * far.mean())} % of "
        "all clips are *unsure* because they are farther from the training clips than any of these; this rule was "
        "devised after distances of some EMO-DB clips had been seen (`docs/method.md`)."
    )
