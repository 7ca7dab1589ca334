"""results/conversations.csv, diarization.csv, corpora.csv -> what adaptation is worth in talks and on other corpora."""

from typing import Any, Final

import pandas as pd

from intone.data.corpora import NAMED
from intone.report.markdown import Gallery, absent, table, whole_span
from intone.report.numbers import rate
from intone.report.source import Source

SEXES: Final = {"same": "one sex", "both": "both sexes"}

PACKAGED: Final = "packaged"
"""`model` of results of the package's embeddings."""

WHERE: Final = {"emodb": "EMO-DB, held out", "nemo": "nEMO, held out"}
"""`protocol` in conversations.csv -> whose clips, where they aren't RAVDESS's."""

KNOWN: Final = {"0": "none", "8": "8", "recording": "all"}
"""`k` in corpora.csv -> how many clips of the test speaker are known."""


def conversations(source: Source, gallery: Gallery) -> str:
    """A table of purity, counts and UAR by what is known of who speaks; a note where nothing was measured."""
    rows = source.table("conversations.csv")
    if rows is None:
        return absent("intone conversations", "telling voices apart in conversations")
    cells = [
        [
            WHERE.get(r["protocol"], f"RAVDESS, {r['protocol']}"),
            f"{r['voices']}, {SEXES.get(r['sexes'], r['sexes'])}",
            f"{r['conversations']:.0f}",
            *(rate(r[column]) for column in ("purity", "count_right", *_uars())),
        ]
        for r in rows.to_dict("records")
    ]
    named = " and ".join(f"`{name}`" for name in rows["model"].unique() if name != PACKAGED)
    caption = (
        "Conversations put together from clips of test speakers (6 to 12 of each voice; in percent). On RAVDESS the "
        f"model is {named}; elsewhere, what the package's embeddings learn from the other corpora. Purity: sentences "
        "whose found voice is mostly of their speaker. Count: conversations in which their number was found. "
        "UAR: of the plain model (none); with all taken for one voice (one); with the voices that were found; with the "
        "true ones."
    )
    head = ["clips", "voices", "number", "purity", "count", *(f"UAR: {name.removeprefix('uar_')}" for name in _uars())]
    return gallery.captioned(caption, table(head, cells, left=2))


def recordings(source: Source, gallery: Gallery) -> str:
    """A table of error rates and UAR in whole recordings, with and without looking for changes of voice; a note where
    nothing was measured."""
    rows = source.table("diarization.csv")
    if rows is None:
        return absent("intone diarization", "who speaks when in whole recordings")
    cells = [
        [
            title(r["corpus"]),
            f"{r['voices']}, {r['sexes']}",
            "a channel each" if r["kind"] == "call" else ("yes" if r["changes"] else "no"),
            f"{r['recordings']:.0f}",
            *(rate(r[column]) for column in ("der", "missed", "false_alarm", "confusion", "purity", "count_right")),
            *(rate(r[name]) for name in _uars()),
        ]
        for r in rows.to_dict("records")
    ]
    caption = (
        "Recordings put together from clips of test speakers: turns of one to three sentences, pauses of 0.1 to 0.8 s, "
        "a fifth of the turns begin before the one before has ended; in a call each voice leaks into the other channel "
        "at -26 dB. Voices: how many, of the same sex or of both. Change: whether a change of voice is looked for "
        "inside of what is found as one sentence. DER: "
        "diarization error rate with a collar of 0.25 s on either side, in percent of the time spoken, overlaps "
        "included, and its parts (missed, false, confused). Purity: found sentences whose found voice is mostly of "
        "their speaker. Count: recordings in which the number of voices was found. Last columns: UAR of the plain "
        "model (none), with all taken for one voice (one), with the voices that were found and with the true ones."
    )
    head = ["clips", "voices", "change", "number", "DER", "missed", "false", "confused", "purity", "count"]
    shown = gallery.captioned(caption, table(head + [n.removeprefix("uar_") for n in _uars()], cells, left=3))
    return f"{shown}\n\n{_changes(rows)}"


def _changes(rows: pd.DataFrame) -> str:
    """What looking for changes of voice is worth, and what finding the voices is, in sentences."""
    talks = rows[rows["kind"] == "talk"]
    by = talks.pivot_table(index=["corpus", "voices", "sexes"], columns="changes", values=["der", "uar_found"])
    lower = by["der"][False] - by["der"][True]
    found = rows[rows["changes"].astype(bool)]
    gains, lost = found["uar_found"] - found["uar_none"], found["uar_true"] - found["uar_found"]
    return (
        f"Looking for changes of voice lowers the diarization error rate in {int((lower > 0).sum())} of {len(lower)} "
        f"kinds of talks, by {rate(float(lower.mean()))} points on average. With the voices that are found, the UAR is "
        f"{rate(float(gains.mean()))} points above that without any (higher in {int((gains > 0).sum())} of "
        f"{len(found)}), and {rate(float(lost.mean()))} below that with the true ones."
    )


def corpora(source: Source, gallery: Gallery) -> str:
    """A table of what is learned on some corpora and tested on another one; a note where nothing was measured."""
    rows = held_out(source)
    if rows is None:
        return absent("intone corpora", "learning on some corpora and testing on another one")
    caption = (
        "Regressions on the embeddings of the package's model, learned on some corpora and tested on another one that "
        "is in another language and was recorded elsewhere; RAVDESS, where it is learned from too, is tested by the "
        "folds of luna5. A corpus without calm has it counted as neutral. Known: other clips of the test speaker, "
        "without labels. AUROC: how well the confidence tells right from wrong. "
        "Named: predictions that are not *unsure*. Settings were chosen while the held-out corpora were read several "
        "times (`results/test_looks.csv`), so these figures are somewhat too high."
    )
    return gallery.captioned(caption, table(HEAD, cells(rows), left=3))


def held_out(source: Source) -> pd.DataFrame | None:
    """corpora.csv, and below it corpora_luna5.csv; None where the first isn't there."""
    tables = [source.table(name) for name in ("corpora.csv", "corpora_luna5.csv")]
    return None if tables[0] is None else pd.concat([t for t in tables if t is not None], ignore_index=True)


def strangers(source: Source) -> str:
    """For the README: what the package's kind of model does on corpora that were held out; "" if not measured."""
    rows = source.table("corpora.csv")
    several = rows[rows["learned"].str.contains("+", regex=False)] if rows is not None else None
    if several is None or several.empty:
        return ""
    told = []
    for (learned, tested), found in several.groupby(["learned", "tested"], sort=False):
        if str(tested) not in str(learned).split("+"):
            uars = found.assign(k=found["k"].astype(str)).set_index("k")["uar"]
            told.append(f"{', '.join(rate(uars[k]) for k in KNOWN)} on {title(str(tested))}")
    return (
        "**On other people's recordings:** the packaged model learned from three corpora. Where one of them was held "
        "out, its kind of model has, with none, eight and all other clips of the test speaker known, test UAR "
        f"{'; '.join(told)}; its settings were chosen after these had been read ([model card](MODEL_CARD.md))."
    )


HEAD: Final = ("learned on", "tested on", "known", "UAR [95 %]", "ECE", "AUROC", "named")


def cells(rows: pd.DataFrame) -> list[list[Any]]:
    """Rows of corpora.csv as a table's, below `HEAD`."""
    return [
        [
            ", ".join(map(title, r["learned"].split("+"))),
            title(r["tested"]),
            KNOWN.get(str(r["k"]), r["k"]),
            whole_span(r["uar"], r["uar_low"], r["uar_high"]),
            f"{r['ece']:.3f}",
            f"{r['auroc']:.2f}",
            rate(r["answered"]),
        ]
        for r in rows.to_dict("records")
    ]


def title(corpus: str) -> str:
    """A corpus's name as its authors write it."""
    return NAMED[corpus].title if corpus in NAMED else corpus.upper()


def _uars() -> tuple[str, ...]:
    return ("uar_none", "uar_one", "uar_found", "uar_true")
