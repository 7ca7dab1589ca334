"""What the package's model is worth on another corpus: other speakers, words, rooms and language."""

from typing import Any

import pandas as pd

from intone.emotions import EMOTIONS
from intone.evaluation.groups import by_emotion
from intone.evaluation.metrics import check_predictions, score
from intone.report.markdown import Gallery, absent, table
from intone.report.numbers import rate, span
from intone.report.source import Source

COMMAND = "intone elsewhere"
WHAT = "the package's model on another corpus, EMO-DB"


def elsewhere(source: Source, gallery: Gallery) -> str:
    """A table, and a sentence on what it calls unsure; a note where results/elsewhere.csv is not there."""
    rows = source.table("elsewhere.csv")
    if rows is None:
        return absent(COMMAND, WHAT)
    tested = check_predictions(rows, "elsewhere.csv")
    asked = {"as it answers": tested, "calm taken for neutral": calm_is_neutral(tested)}
    there = [e for e in EMOTIONS if e in set(tested["emotion"])]
    cells = []
    for name, answers in asked.items():
        got, recall = score(answers), by_emotion(answers)["recall"]
        figures = (rate(got.accuracy), span(got.uar, got.uar_low, got.uar_high), f"{got.ece:.3f}")
        cells.append([name, *figures, *(rate(recall[e]) for e in there)])
    speakers = tested["speaker"].nunique()
    caption = (
        f"The package's own model, sound alone, on {len(tested)} clips of EMO-DB (Burkhardt et al. 2005): {speakers} "
        f"German actors, {len(there)} emotions, and eight that it may say. No answer was learned or chosen there."
    )
    head = ["", "accuracy", "UAR [95 %]", "ECE", *there]
    return gallery.captioned(caption, table(head, cells)) + "\n\n" + _sure(asked["calm taken for neutral"])


def carried_over(source: Source) -> dict[str, Any] | None:
    """UAR with its interval, ECE and how many emotions there were, for a sentence; None where nothing was measured."""
    rows = source.table("elsewhere.csv")
    if rows is None:
        return None
    got = score(calm_is_neutral(rows))
    worth = {"uar": span(got.uar, got.uar_low, got.uar_high), "ece": f"{got.ece:.3f}"}
    return {**worth, "emotions": rows["emotion"].nunique()}


def calm_is_neutral(tested: pd.DataFrame) -> pd.DataFrame:
    """Answers where calm and neutral are one emotion, with what both got; EMO-DB has no calm."""
    p = tested.assign(neutral=tested["neutral"] + tested["calm"], calm=0.0)
    return p.assign(predicted=p[list(EMOTIONS)].idxmax(axis=1))


def _sure(answers: pd.DataFrame) -> str:
    sure = answers["sure"].astype(bool)
    right, far = answers["predicted"] == answers["emotion"], answers["far"].astype(bool)
    return (
        f"It names an emotion for {rate(100 * sure.mean())} % of these clips, and then is right on "
        f"{rate(100 * right[sure].mean())} %; of the others, which it calls unsure, its first guess is right on "
        f"{rate(100 * right[~sure].mean())} % (calm taken for neutral). Of all, {rate(100 * far.mean())} % are unsure "
        "for being farther from the training clips than any of these."
    )
