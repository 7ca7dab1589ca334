"""Text models on every text source, against chance; fusions against their branches."""

from typing import Any

import pandas as pd

from intone.evaluation.groups import speaker_and_sentence
from intone.evaluation.information import tells
from intone.report import readings
from intone.report.figures import tracks_figure
from intone.report.markdown import LEVEL, Gallery, absent, table, whole_span
from intone.report.model_tests import comparisons, text_against_chance
from intone.report.numbers import bare_p, rate
from intone.report.sections.fusions import conclusions, matrix, redraws
from intone.report.source import MAIN, WORDS, Source
from intone.text import normalise

CONTROLS = ("constant", "shuffled")
SHOWN = ("constant", "shuffled", "asr", "asr_punctuated", "natural")
"""Tracks, from those that must be at chance to the one that need not be; `simulated` is in the section on leaks."""


def section(source: Source, gallery: Gallery) -> dict[str, Any]:
    """What templates/text.md is filled with."""
    tests = comparisons(source)
    fused = tests[tests["model"].map(source.modalities) == "fusion"]
    tracks = set(source.summary["track"])
    missing = [f"the control *{WORDS[t]}*" for t in CONTROLS if t not in tracks]
    return {
        "tracks": _tracks(source, gallery),
        "information": _information(source, gallery),
        "controls": _controls(source, gallery),
        "carriers": _carriers(source, gallery),
        "sentence": _sentence(source, gallery),
        "missing": absent("make reproduce", *missing),
        "matrix": matrix(source, gallery),
        "redraws": redraws(source),
        "conclusions": conclusions(source, fused),
    }


def _bare(source: Source, rows: pd.DataFrame) -> pd.DataFrame:
    return rows[~rows["model"].isin(source.catalogue.variants)]


def _tracks(source: Source, gallery: Gallery) -> str:
    s = source.summary
    rows = _bare(source, s[(s["modality"] == "text") & (s["protocol"] == MAIN) & (s["split"] == "test")])
    rows = rows[rows["track"].isin(SHOWN)].copy()
    if not len(rows):
        return absent("make reproduce", "text models")
    rows["order"] = rows["track"].map(list(SHOWN).index)
    rows = rows.sort_values(["order", "model"]).assign(track=lambda t: t["track"].map(_named))
    shown = rows.rename(columns={"uar_low": "low", "uar_high": "high"})[["track", "model", "uar", "low", "high"]]
    caption = (
        "Test UAR of text models by text source. Dashed: chance, where all sources but *sentences paired by label* "
        "would be if Whisper made no errors."
    )
    figure = tracks_figure(shown.assign(model=source.titles(shown["model"])))
    return gallery.add(caption, {"tracks": figure}, readings.tracks(shown))


def _named(track: str) -> str:
    return WORDS[track] + ("\n(measures fusion, not RAVDESS)" if track == "natural" else "")


def _information(source: Source, gallery: Gallery) -> str:
    transcripts = source.table("transcripts.csv")
    if transcripts is None or source.clips is None:
        return absent("make reproduce", "information about the emotion in the transcripts")
    rows = source.clips.merge(transcripts.fillna(""), on="file", validate="one_to_one")
    columns = {
        "the spoken sentence": rows["statement"],
        "Whisper's words, lower case, no punctuation": rows["text"].map(normalise),
        "Whisper's words and punctuation": rows["text"],
        "Whisper's final punctuation mark alone": rows["text"].str.extract(r"([.!?])\s*$")[0].fillna("none"),
    }
    cells = []
    for name, words in columns.items():
        got = tells(words, rows["emotion"], speaker_and_sentence(rows))
        told = "yes" if got.p < LEVEL else "no"
        cells.append([name, words.nunique(), f"{got.bits:.3f}", f"{got.by_chance:.3f}", bare_p(got.p), told])
    caption = (
        f"Mutual information between transcript and emotion in bits, over {len(rows)} clips. The maximum is "
        f"{_entropy(rows['emotion']):.2f}. *By chance*: mean with labels permuted among an actor's takes of a sentence."
    )
    head = ["transcript", "distinct", "bits", "by chance", "p", "above chance"]
    return gallery.captioned(caption, table(head, cells))


def _entropy(labels: pd.Series) -> float:
    return tells(labels, labels, labels, rounds=1).bits


def _controls(source: Source, gallery: Gallery) -> str:
    rows = text_against_chance(source)
    if rows is None:
        return absent("make reproduce", "text against chance")
    cells = [
        (
            f"`{r['model']}`",
            WORDS[r["track"]],
            r["protocol"],
            rate(r["uar"]),
            bare_p(r["p"]),
            bare_p(r["holm"]),
            bare_p(r["holm_speakers"]),
            "yes" if r["above"] else "no",
        )
        for r in rows.sort_values(["track", "protocol", "model"]).to_dict("records")
    ]
    caption = (
        "Text models against labels permuted among an actor's takes of a sentence (one-sided tests), and over actors: "
        "signs of their UARs less an eighth are flipped, so that clips of one actor can't decide. Holm: over this "
        "table, for each test. Above chance: by both."
    )
    head = ["model", "words", "protocol", "UAR", "p", "p, Holm", "over actors, Holm", "above chance"]
    return gallery.captioned(caption, table(head, cells, left=3))


def _carriers(source: Source, gallery: Gallery, most: int = 4) -> str:
    """Transcripts with the most correct predictions beyond chance, of every text model above chance."""
    effects, tests = source.table("transcript_effects.csv"), text_against_chance(source)
    if effects is None or tests is None:
        return ""
    keys = ["model", "track", "protocol"]
    above = tests.loc[tests["above"] & (tests["protocol"] == MAIN), keys]
    rows = effects.merge(above, on=keys, validate="many_to_one").fillna({"text": "*empty*"})
    rows = rows.sort_values(["track", "model"], kind="stable").groupby(keys, sort=False).head(most)
    if not len(rows):
        return ""
    cells = [
        (f"`{r['model']}`", WORDS[r["track"]], r["text"], r["clips"], r["hits"], rate(float(r["expected"])))
        for r in rows.to_dict("records")
    ]
    caption = (
        "Transcripts of the text models above chance, those with the most correct predictions beyond chance first. By "
        "chance: correct ones if predictions had nothing to do with emotions (2/15 of the clips; 1/15 for neutral)."
    )
    return gallery.captioned(
        caption, table(["model", "words", "transcript", "clips", "correct", "by chance"], cells, left=3)
    )


def _sentence(source: Source, gallery: Gallery) -> str:
    s = source.summary
    crossed = s[(s["protocol"] == f"{MAIN}_sentence") & (s["split"] == "test")]
    if not len(crossed):
        return absent("intone reproduce --all-protocols", "folds that are disjoint by sentence too (`luna5_sentence`)")
    cells = []
    for row in crossed.to_dict("records"):
        same = source.find(row["model"], row["track"])
        before = rate(source.row(same)["uar"]) if same else "–"
        recall = whole_span(row["uar"], row["uar_low"], row["uar_high"])
        cells.append((f"`{row['model']}`", WORDS.get(row["track"], "audio alone"), before, recall))
    caption = (
        "Test UAR on a sentence and speakers that are not in training (`luna5_sentence`). Training has half as many "
        "clips, which also lowers results."
    )
    shown = gallery.captioned(
        caption, table(["model", "words", "trained on both sentences", "unseen sentence"], cells, left=2)
    )
    return f"{shown}\n\n{_matched(source)}"


def _matched(source: Source) -> str:
    """What an unseen sentence costs when training has as many clips either way."""
    rows = source.table("sentence_control.csv")
    if rows is None:
        return absent("intone layers", "the unseen sentence with as many training clips")
    by = {row["trained_on"]: row for row in rows.to_dict("records")}
    both, other = by["both sentences"], by["the other sentence"]
    return (
        f"With {both['clips']} training clips of both sentences a linear probe of Whisper-small has UAR "
        f"{rate(both['uar'])}, with as many of the other sentence alone {rate(other['uar'])}: an unseen sentence by "
        f"itself costs {rate(both['uar'] - other['uar'])} points."
    )
