"""Predictions -> sets of emotions that hold the true one in 90 % of cases, and results over fewer classes."""

from typing import Final

from intone.emotions import EMOTIONS
from intone.evaluation.coarser import FOUR, four, seven
from intone.evaluation.groups import by_emotion
from intone.evaluation.metrics import accuracy, confusion, interval, places, uar
from intone.evaluation.prediction_sets import set_scores
from intone.report.markdown import Gallery, table, whole_span
from intone.report.numbers import rate
from intone.report.source import Source

PROTOCOLS: Final = ("luna5", "emobox6", "loso24")

SHARE: Final = 0.9
"""Share of cases in which a set is to hold the true emotion."""

MERGED: Final = tuple(emotion for emotion in EMOTIONS if emotion != "calm")


def prediction_sets(source: Source, gallery: Gallery) -> str:
    """Coverage and size of prediction sets of the audio models under each protocol."""
    cells = []
    for subject in (s for s in source.distinct if s.experiment.track == "none"):
        for protocol in PROTOCOLS:
            if experiment := source.find(subject.model, "none", protocol):
                got = set_scores(source.predictions(experiment), SHARE)
                row = [f"`{subject.model}`", protocol, rate(got.coverage), f"{got.size:.2f}"]
                cells.append([*row, rate(got.single), rate(got.worst)])
    caption = (
        f"Prediction sets for {100 * SHARE:.0f} % coverage, with thresholds from each fold's validation actors. "
        "Coverage: test clips whose set holds the true emotion; size: mean number of emotions in a set; single: sets "
        "of one; worst: coverage for the actor with the lowest. Two actors are few to calibrate on: a new voice may "
        "well have less."
    )
    head = ["model", "protocol", "coverage", "size", "single", "worst"]
    return gallery.captioned(caption, table(head, cells, left=2))


def fewer_classes(source: Source, gallery: Gallery) -> str:
    """Accuracy and UAR with neutral and calm as one, beside listeners, and with four classes."""
    cells = []
    for subject in (s for s in source.distinct if s.experiment.track == "none"):
        tested = source.tested(subject.experiment)
        merged, few = seven(tested), four(tested)
        recall = by_emotion(merged)["recall"]
        right = float(accuracy(confusion(*places(merged))))
        cells.append(
            [
                f"`{subject.model}`",
                rate(right),
                *(rate(float(recall[emotion])) for emotion in MERGED),
                whole_span(float(uar(confusion(*places(few)))), *interval(few)),
            ]
        )
    people = source.published[source.published["topic"] == "listeners"].copy()
    heard = dict(zip(people["setting"], people["value"], strict=True))
    overall = source.published[source.published["system"] == "listeners"].iloc[0]
    if heard:
        told = [rate(float(heard[e])) if e in heard else "–" for e in MERGED]
        cells.append(["listeners", rate(float(overall["value"])), *told, "–"])
    caption = (
        "Seven options, neutral and calm as one: accuracy and recall by emotion, beside listeners, who had the same "
        f"options and *none of these*; and UAR over four classes ({', '.join(FOUR)}) on their clips alone. In percent."
    )
    return gallery.captioned(caption, table(["", "accuracy", *MERGED, "UAR of four [95 %]"], cells))
