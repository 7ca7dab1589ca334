"""Does the text help? Text models on every source of words, against chance; fusions against their branches."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from intone.evaluation.groups import speaker_and_sentence
from intone.evaluation.information import tells
from intone.report.figures import tracks_figure
from intone.report.markdown import GAIN, LEVEL, LOSS, Gallery, absent, listed, table, whole_span
from intone.report.model_tests import comparisons, text_against_chance
from intone.report.numbers import bare_p, points, rate, span_of_points
from intone.report.source import MAIN, WORDS, Source
from intone.text import normalise

CONTROLS = ("constant", "shuffled")
SHOWN = ("constant", "shuffled", "asr", "asr_punctuated", "natural")
"""Tracks from those that must be at chance to the one that need not be; `simulated` is among the leaks."""


def section(source: Source, gallery: Gallery) -> dict[str, Any]:
    """What templates/text.md is filled with."""
    tests = comparisons(source)
    fusions = tests[tests["model"].map(source.modalities) == "fusion"]
    tracks = set(source.summary["track"])
    missing = [f"the control *{WORDS[t]}*" for t in CONTROLS if t not in tracks]
    return {
        "tracks": _tracks(source, gallery),
        "information": _information(source, gallery),
        "controls": _controls(source, gallery),
        "carriers": _carriers(source, gallery),
        "sentence": _sentence(source, gallery),
        "missing": absent("make reproduce", *missing),
        "fusions": _fusions(fusions, gallery),
        "conclusions": _conclusions(source, fusions),
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
        "Text alone, test UAR by where the words come from. Everything but *sentences paired by label* would lie at "
        "the dashed line (chance) if the transcriber wrote what was said, the same two sentences in every emotion."
    )
    return gallery.add(caption, {"tracks": tracks_figure(shown.assign(model=source.titles(shown["model"])))})


def _named(track: str) -> str:
    return WORDS[track] + ("\n(measures fusion, not RAVDESS)" if track == "natural" else "")


def _information(source: Source, gallery: Gallery) -> str:
    transcripts = source.table("transcripts.csv")
    if transcripts is None or source.clips is None:
        return absent("make reproduce", "what the transcripts tell of the emotion")
    rows = source.clips.merge(transcripts.fillna(""), on="file", validate="one_to_one")
    columns = {
        "the sentence that was said": rows["statement"],
        "Whisper's words, without case and marks": rows["text"].map(normalise),
        "Whisper's words and punctuation": rows["text"],
        "Whisper's last mark alone": rows["text"].str.extract(r"([.!?])\s*$")[0].fillna("none"),
    }
    cells = []
    for name, words in columns.items():
        got = tells(words, rows["emotion"], speaker_and_sentence(rows))
        told = "yes" if got.p < LEVEL else "no"
        cells.append([name, words.nunique(), f"{got.bits:.3f}", f"{got.by_chance:.3f}", bare_p(got.p), told])
    caption = (
        "Mutual information of transcript and emotion in bits (all that there is to know: "
        f"{_entropy(rows['emotion']):.2f}), over {len(rows)} clips; *by chance*: mean over labels permuted among "
        "an actor's takes of a sentence."
    )
    head = ["what is written down", "different ones", "bits", "by chance", "p", "tells more than chance"]
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
            _told(r["holm"]),
        )
        for r in rows.sort_values(["track", "protocol", "model"]).to_dict("records")
    ]
    caption = (
        "Text models on RAVDESS's own words against labels permuted among an actor's takes of a sentence; Holm's "
        "correction over the table."
    )
    head = ["model", "words", "protocol", "UAR", "p", "p, Holm", "above chance"]
    return gallery.captioned(caption, table(head, cells, left=3))


def _told(p: float) -> str:
    return "yes" if p < LEVEL else "no"


def _carriers(source: Source, gallery: Gallery, most: int = 4) -> str:
    """Transcripts with the most surplus hits, of every model above chance on what was really said."""
    effects, tests = source.table("transcript_effects.csv"), text_against_chance(source)
    if effects is None or tests is None:
        return ""
    keys = ["model", "track", "protocol"]
    above = tests.loc[(tests["holm"] < LEVEL) & (tests["protocol"] == MAIN), keys]
    rows = effects.merge(above, on=keys, validate="many_to_one").fillna({"text": "*nothing*"})
    rows = rows.sort_values(["track", "model"], kind="stable").groupby(keys, sort=False).head(most)
    if not len(rows):
        return ""
    cells = [
        (f"`{r['model']}`", WORDS[r["track"]], r["text"], r["clips"], r["hits"], rate(float(r["expected"])))
        for r in rows.to_dict("records")
    ]
    caption = "Transcripts that lift text above chance: clips, those that the model gets right, and an eighth of them."
    return gallery.captioned(
        caption, table(["model", "words", "transcript", "clips", "right", "an eighth"], cells, left=3)
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
        cells.append((f"`{row['model']}`", WORDS.get(row["track"], "sound alone"), before, recall))
    caption = (
        "Tested on the sentence that was not learned from (`luna5_sentence`), by actors that were not either: UAR. "
        "What is learned from is half as many clips, which costs something too."
    )
    return gallery.captioned(
        caption, table(["model", "words", "both sentences known", "other sentence"], cells, left=2)
    )


def _fusions(tests: pd.DataFrame, gallery: Gallery) -> str:
    if not len(tests):
        return absent("make reproduce", "fusions against their branches")
    cells = [
        (
            f"`{r['model']}`" + ("\\*" if r["chosen"] else ""),
            f"`{r['against']}`",
            WORDS[r["track"]],
            r["protocol"],
            span_of_points(r["gap"], r["low"], r["high"]),
            f"{r['better']}/{r['worse']}",
            bare_p(r["holm"]),
            f"**{r['verdict']}**" if r["verdict"] == GAIN else r["verdict"],
        )
        for r in tests.to_dict("records")
    ]
    caption = (
        "Each fusion against its branches: points of UAR [95 % over actors], actors for whom it is better and "
        "worse, and two-sided sign-flip p over actors, corrected by Holm over these tests and those of audio models "
        "among themselves. \\*: fixed beforehand as the track's answer. Sound and words against words alone is sound "
        "against chance, where the words say nothing."
    )
    head = ["fusion", "against", "words", "protocol", "gap [95 %]", "better/worse", "p, Holm", "shows"]
    return gallery.captioned(caption, table(head, cells, left=4))


def _conclusions(source: Source, tests: pd.DataFrame) -> list[str]:
    """One sentence a track: what the tests allow to be said of adding words to sound."""
    found = []
    for track in dict.fromkeys(tests["track"]):
        rows = tests[(tests["track"] == track) & (tests["against"].map(source.modalities) == "audio")]
        gains, losses = (_named_tests(rows[rows["verdict"] == verdict]) for verdict in (GAIN, LOSS))
        note = " This measures fusion, not RAVDESS." if track == "natural" else " This calls for a search for a leak."
        text = (
            f"there is a gain for {_short(gains)}.{note}"
            if gains
            else "no fusion is shown to be better than sound alone."
        )
        worse = f" There is a loss for {_short(losses)}." if losses else ""
        found.append(f"On {WORDS[track]}, {text}{worse}")
    return found


def _named_tests(rows: pd.DataFrame) -> list[str]:
    return [
        f"`{r['model']}` over `{r['against']}` ({r['protocol']}, {points(r['gap'])} points)"
        for r in rows.to_dict("records")
    ]


def _short(named: Sequence[str], most: int = 4) -> str:
    return listed(named) if len(named) <= most else f"{', '.join(named[:most])} and {len(named) - most} more"
