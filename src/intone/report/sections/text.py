"""Text models on every text source, against chance; fusions against their branches."""

from collections.abc import Hashable, Mapping
from typing import Any, Final

import pandas as pd

from intone.evaluation.correction import holm
from intone.evaluation.groups import speaker_and_sentence
from intone.evaluation.information import tells
from intone.report import readings
from intone.report.figures import tracks_figure
from intone.report.markdown import GAIN, LEVEL, LOSS, Gallery, absent, listed, table, whole_span
from intone.report.model_tests import comparisons, text_against_chance
from intone.report.numbers import bare_p, points, rate, span_of_points
from intone.report.source import MAIN, WORDS, Source
from intone.text import normalise

FIRST_RULES: Final = {
    "fusion_late_mean": "mean",
    "fusion_late_logits": "logits",
    "fusion_late_vote": "vote",
    "fusion_late_weighted": "weighted",
    "fusion_early-frozen": "early, frozen",
    "fusion_early-joint": "early, joint",
}
"""Fusions of CNN and LSTM by one rule -> their short names."""

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
        "matrix": _matrix(source, gallery),
        "redraws": _redraws(source),
        "conclusions": _conclusions(source, fused),
    }


def fusions(source: Source, gallery: Gallery) -> dict[str, Any]:
    """What templates/fusions.md is filled with."""
    tests = comparisons(source)
    found = tests[tests["model"].map(source.modalities) == "fusion"]
    return {"fusions": _fusions(found, gallery), "rules": _rules(source, gallery)}


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
    return gallery.captioned(
        caption, table(["model", "words", "trained on both sentences", "unseen sentence"], cells, left=2)
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
            *_measured(r),
            f"**{r['verdict']}**" if r["verdict"] == GAIN else r["verdict"],
        )
        for r in tests.to_dict("records")
    ]
    caption = (
        "Each fusion compared with its branches: difference in UAR (points), actors with a higher and a lower UAR, and "
        "two-sided sign-flip p over actors (Holm: with the tests between audio models). \\*: fixed beforehand for its "
        "text source. Where words carry no emotion, a gain over text only shows that audio is above chance."
    )
    head = ["fusion", "against", "words", "protocol", "gap [95 %]", "better/worse", "p, Holm", "result"]
    return gallery.captioned(caption, table(head, cells, left=4))


def _measured(row: Mapping[Hashable, Any]) -> tuple[str, str, str]:
    """A paired test's difference, actors with a higher and a lower UAR, and corrected p."""
    gap = span_of_points(row["gap"], row["low"], row["high"])
    return gap, f"{row['better']}/{row['worse']}", bare_p(row["holm"])


def _rules(source: Source, gallery: Gallery) -> str:
    """Fusions by one fixed rule against audio alone."""
    rows = _ruled(source)
    if rows is None:
        return absent("make reproduce", "fusions by one fixed rule")
    rows = rows[rows["against"].map(source.modalities) == "audio"]
    cells = [
        (
            f"`{r['model']}`",
            WORDS[r["track"]],
            r["protocol"],
            *_measured(r),
        )
        for r in rows[rows["track"].isin(("asr", "natural"))].to_dict("records")
    ]
    caption = (
        "Fusions that always fuse against their audio branch alone: a fusion that may choose audio alone shows nothing "
        "about fusion where it did. Columns as above; Holm: over these tests and those between rules."
    )
    head = ["fusion", "words", "protocol", "gap [95 %]", "better/worse", "p, Holm"]
    return gallery.captioned(caption, table(head, cells, left=3))


def _matrix(source: Source, gallery: Gallery) -> str:
    """All rules on the same branches against one another, on sentences paired by label."""
    rows = _ruled(source)
    if rows is None:
        return ""
    rows = rows[(rows["track"] == "natural") & (rows["against"].map(source.modalities) == "fusion")]
    rows = rows[rows["model"].isin(FIRST_RULES) & rows["against"].isin(FIRST_RULES)]
    if not len(rows):
        return ""
    found = {(r["model"], r["against"]): r for r in rows.to_dict("records")}
    names = [name for name in FIRST_RULES if name in set(rows["model"]) | set(rows["against"])]
    cells = [[FIRST_RULES[one], *(_cell(found, one, other) for other in names)] for one in names]
    caption = (
        "Which fusion: CNN and LSTM on sentences paired by label, which measures fusion and not RAVDESS. Row less "
        "column in points of UAR, with p (Holm as above); bold: p below .05."
    )
    return gallery.captioned(caption, table(["", *(FIRST_RULES[name] for name in names)], cells))


def _cell(found: Mapping[tuple[str, str], Mapping[Hashable, Any]], one: str, other: str) -> str:
    if one == other:
        return "–"
    row = found.get((one, other)) or found[other, one]
    gap = row["gap"] if (one, other) in found else -row["gap"]
    text = f"{points(gap)} ({bare_p(row['holm'])})"
    return f"**{text}**" if row["holm"] < LEVEL else text


def _redraws(source: Source) -> str:
    """How much a fusion's result depends on which comment each clip was paired with."""
    rows = source.table("natural_redraws.csv")
    if rows is None:
        return absent("intone redraws", "other pairings of clips and comments")
    by = rows.groupby("model", sort=False)
    told = [
        f"`{model}` between {rate(own['uar'].min())} and {rate(own['uar'].max())} (mean {rate(own['uar'].mean())}; "
        f"{points(own['gain'].min())} to {points(own['gain'].max())} over audio alone)"
        for model, own in by
    ]
    return (
        f"With {by.size().max()} other pairings of clips and comments, each clip with another comment of its emotion, "
        f"the test UAR is {'; '.join(told)}."
    )


def _ruled(source: Source) -> pd.DataFrame | None:
    """results/fusion_rules.csv with `holm`: one family; None where it isn't there."""
    rows = source.table("fusion_rules.csv")
    return None if rows is None or not len(rows) else rows.assign(holm=holm(rows["p"].tolist()))


def _conclusions(source: Source, tests: pd.DataFrame) -> list[str]:
    """What the tests show of adding words to audio: one sentence for all tracks without a gain, one for each other."""
    found, none = [], []
    for track in dict.fromkeys(tests["track"]):
        rows = tests[(tests["track"] == track) & (tests["against"].map(source.modalities) == "audio")]
        gains, losses = (rows[rows["verdict"] == verdict] for verdict in (GAIN, LOSS))
        if not len(gains):
            none.append(f"on {WORDS[track]}")
        note = " This measures fusion, not RAVDESS." if track == "natural" else ""
        if len(gains):
            found.append(f"On {WORDS[track]}, {_counted(gains, 'gain', len(rows))}{note or ' Check for a leak.'}")
        if len(losses):
            found.append(f"On {WORDS[track]}, {_counted(losses, 'loss', len(rows))}{note}")
    return [f"No fusion is shown to be better than audio alone {listed(none)}.", *found] if none else found


def _counted(rows: pd.DataFrame, what: str, total: int) -> str:
    """How many comparisons with audio alone show a gain or a loss, and the largest."""
    most = rows.iloc[int(rows["gap"].abs().to_numpy().argmax())]
    return (
        f"a {what} is shown in {len(rows)} of {total} comparisons with audio alone, the largest for `{most['model']}` "
        f"over `{most['against']}` ({most['protocol']}, {points(most['gap'])} points)."
    )
