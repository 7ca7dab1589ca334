"""Paired tests of fusions -> which fusion, what it adds to sound alone, and how much depends on the pairing."""

from collections.abc import Hashable, Mapping
from typing import Any, Final

import pandas as pd

from intone.evaluation.correction import holm
from intone.report.markdown import GAIN, LEVEL, LOSS, Gallery, absent, listed, table
from intone.report.model_tests import comparisons
from intone.report.numbers import bare_p, points, rate, span_of_points
from intone.report.source import WORDS, Source

FIRST_RULES: Final = {
    "fusion_late_mean": "mean",
    "fusion_late_logits": "logits",
    "fusion_late_vote": "vote",
    "fusion_late_weighted": "weighted",
    "fusion_early-frozen": "early, frozen",
    "fusion_early-joint": "early, joint",
}
"""Fusions of CNN and LSTM by one rule -> their short names."""


def section(source: Source, gallery: Gallery) -> dict[str, Any]:
    """What templates/fusions.md is filled with."""
    tests = comparisons(source)
    found = tests[tests["model"].map(source.modalities) == "fusion"]
    return {"fusions": _fusions(found, gallery), "rules": _rules(source, gallery)}


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


def matrix(source: Source, gallery: Gallery) -> str:
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


def redraws(source: Source) -> str:
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


def conclusions(source: Source, tests: pd.DataFrame) -> list[str]:
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
