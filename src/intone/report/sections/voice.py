"""results/voice.csv and results/voice/ -> speaker adaptation: UAR in percent by what is known of a speaker's voice.

A task of its own: no other table or figure of the report, the README or the model card shows these figures.
"""

from collections.abc import Hashable
from typing import Any, Final

import pandas as pd
from matplotlib.figure import Figure

from intone.evaluation.correction import holm
from intone.evaluation.metrics import sign_flip
from intone.report.figures import voice_figure
from intone.report.markdown import Gallery, listed, table, verdict, whole_span
from intone.report.numbers import p_value, points, rate, span
from intone.report.sections.leaks import KINDS as LEAKS
from intone.report.sections.voice_elsewhere import conversations, corpora, recordings
from intone.report.source import MAIN, Source

TABLE: Final = "voice.csv"

NONE, SOME, WHOLE = "0", "8", "recording"

COMPARED: Final = {
    NONE: "with nothing known of the voice",
    SOME: "with eight random other clips known",
    WHOLE: "with the whole recording known",
}
"""Numbers of known clips that sentences compare, in words; the whole recording has the judged clip, too."""

RANDOM: Final = "random"

KINDS: Final = {
    RANDOM: "at random",
    "skewed": "in unequal shares of the emotions",
    "two": "of two emotions",
    "one": "of one emotion",
    "neutral": "neutral and calm ones",
}
"""Way of drawing the known clips -> its name."""

PANELS: Final = (MAIN, "loso24")
"""Protocols of the figure: the main one, and that of the published systems."""

TOPIC: Final = "known voice"
"""Topic in published.csv of systems that know the test speaker's voice, kept from those for unseen speakers."""


def section(source: Source, gallery: Gallery) -> dict[str, Any] | None:
    """What templates/voice.md is filled with; None where results/voice.csv is not there."""
    rows = source.table(TABLE)
    if rows is None:
        return None
    published = source.published[source.published["topic"] == TOPIC]
    first, *others = [(model, rows[rows["model"] == model]) for model in ordered(rows)]
    return {
        "models": [_model(source, gallery, *first), *(_told(source, *other) for other in others)],
        "published": _published(published),
        "recordings": recordings(source, gallery),
        "corpora": corpora(source, gallery),
        "leak": LEAKS[f"{MAIN}_test_statistics"],
    }


def cases(source: Source, gallery: Gallery) -> dict[str, Any] | None:
    """What templates/cases.md is filled with; None where results/voice.csv is not there."""
    rows = source.table(TABLE)
    if rows is None:
        return None
    tables = []
    for model in ordered(rows):
        part = rows[rows["model"] == model]
        for protocol in sorted(dict.fromkeys(part["protocol"]), key=lambda name: name != MAIN):
            caption = (
                f"`{model}` under {protocol}, with the speaker's voice known: mean over draws, in percent; ECE is a "
                "fraction. Worst: accuracy of the worst actor. Named: predictions that are not *unsure*."
            )
            tables.append(gallery.captioned(caption, _table(part[part["protocol"] == protocol])))
    return {"tables": tables, "conversations": conversations(source, gallery)}


def picture(source: Source) -> Figure | None:
    """The first model's figure, for docs/voice.md; None where results/voice.csv is not there."""
    rows = source.table(TABLE)
    return None if rows is None else _figure(source, rows[rows["model"] == ordered(rows)[0]])


def ordered(rows: pd.DataFrame) -> list[str]:
    """The models: those measured under more protocols first."""
    counts = rows.groupby("model", sort=False)["protocol"].nunique()
    return [str(model) for model in counts.sort_values(ascending=False, kind="stable").index]


def _figure(source: Source, rows: pd.DataFrame) -> Figure:
    shown = _panels(rows)
    published = source.published[source.published["topic"] == TOPIC]
    return voice_figure(rows, _names(rows), shown, published)


def _panels(rows: pd.DataFrame) -> list[str]:
    there = set(rows["protocol"])
    return [p for p in PANELS if p in there] or list(rows["protocol"].iloc[:1])


def _model(source: Source, gallery: Gallery, model: str, rows: pd.DataFrame) -> dict[str, Any]:
    published = source.published[source.published["topic"] == TOPIC]
    caption = (
        f"`{model}`: test UAR against the number of known clips of the speaker, by the way in which these were drawn. "
        "Band: 95 % interval of random draws; dashed line: nothing is known of the voice; dotted: all clips, the "
        "judged one included."
    )
    if published["setting"].isin(_panels(rows)).any():
        caption += " Grey squares: published systems that use all clips of a test speaker."
    return _told(source, model, rows) | {
        "figure": gallery.add(caption, {f"voice-{model}": _figure(source, rows)}, _reading(rows)),
    }


def _told(source: Source, model: str, rows: pd.DataFrame) -> dict[str, Any]:
    """What a model reaches, without a figure."""
    one_sided = _one_sided(rows[rows["protocol"] == MAIN])
    return {"result": result(source, model, rows), "one_sided": one_sided, "figure": ""}


def _reading(rows: pd.DataFrame) -> str:
    """What random known clips are worth, in a sentence; "" where these weren't measured."""
    mine = _random(rows, MAIN if MAIN in set(rows["protocol"]) else str(rows["protocol"].iloc[0]))["uar"]
    if not {NONE, SOME} <= set(mine.index):
        return ""
    return f"Eight known clips are worth {points(float(mine[SOME] - mine[NONE]))} points over none."


def _names(rows: pd.DataFrame) -> dict[str, str]:
    """Ways of drawing -> names, in the order of `KINDS`; one that isn't listed there keeps its own."""
    found = set(rows["kind"])
    return {kind: KINDS.get(kind, kind) for kind in dict.fromkeys([*KINDS, *rows["kind"]]) if kind in found}


def result(source: Source, model: str, rows: pd.DataFrame) -> str:
    """UAR, men's UAR and the worst actor with nothing, eight clips and the whole recording known, and the paired tests
    against nothing; under the main protocol, or the first that was measured, and the UAR under the others."""
    protocols = sorted(dict.fromkeys(rows["protocol"]), key=lambda name: name != MAIN)
    protocol, *others = protocols
    told = _compared(rows, protocol)
    tests = gains(source, model, protocol)
    uars = [
        f"{whole_span(row['uar'], row['uar_low'], row['uar_high'])} {COMPARED[k]}"
        + (f" ({tests[k]})" if k in tests else "")
        for k, row in told.items()
    ]
    men, worst = (listed([rate(row[name]) for row in told.values()]) for name in ("male", "worst_actor"))
    elsewhere = [f"{listed([rate(r['uar']) for r in _compared(rows, o).values()])} under {o}" for o in others]
    return (
        f"Under {protocol}, the UAR of `{model}` is {listed(uars)}; on men's portrayals it is {men}, and the accuracy "
        f"of the worst actor is {worst} %."
        + (f" In the same order, the UAR is {'; '.join(elsewhere)}." if others else "")
    )


def _compared(rows: pd.DataFrame, protocol: str) -> dict[str, dict[Hashable, Any]]:
    """Number of known clips, of those that sentences compare -> its row under a protocol."""
    mine = _random(rows, protocol)
    found = mine[mine.index.isin(list(COMPARED))].to_dict("index")
    return {k: found[k] for k in COMPARED if k in found}


def _random(rows: pd.DataFrame, protocol: str) -> pd.DataFrame:
    """Rows of random draws under a protocol, indexed by k."""
    return rows[(rows["protocol"] == protocol) & (rows["kind"] == RANDOM)].set_index("k")


def gains(source: Source, model: str, protocol: str = MAIN) -> dict[str, str]:
    """Number of known clips -> its paired test against nothing known, in words; empty where predictions are missing."""
    kept = {k: source.table(f"voice/{model}__{protocol}__{RANDOM}__{k}.csv.gz") for k in (NONE, SOME, WHOLE)}
    found = {k: told.drop(columns="draw") for k, told in kept.items() if told is not None}
    plain = found.pop(NONE, None)
    if plain is None or not found:
        return {}
    tests = [sign_flip(told, plain) for told in found.values()]
    corrected = holm([p for _, p in tests])
    return {
        k: f"{verdict(gap, p)}: {points(gap)} points, p {p_value(p)}, Holm"
        for k, (gap, _), p in zip(found, tests, corrected.tolist(), strict=True)
    }


def _one_sided(rows: pd.DataFrame) -> str:
    """What known clips of few emotions do, at the largest number of each kind; "" where none was measured."""
    others = rows[(rows["kind"] != RANDOM) & (rows["k"] != WHOLE)]
    none = rows.loc[rows["k"] == NONE, "uar"]
    if not len(others) or not len(none):
        return ""
    most = others.loc[others["k"].astype(int).groupby(others["kind"], sort=False).idxmax()]
    told = [f"{rate(r['uar'])} with {r['k']} {KINDS.get(r['kind'], r['kind'])}" for r in most.to_dict("records")]
    below = others[others["uar"] < none.iloc[0]]
    text = f"Where the known clips are not a fair sample of the speaker's emotions, the UAR is {listed(told)}."
    if not len(below):
        return f"{text} It is never below that of the model that knows nothing of the voice ({rate(none.iloc[0])})."
    worst = below.loc[below["uar"].idxmin()]
    return (
        f"{text} In {len(below)} of {len(others)} such cases it is below that of the model that knows nothing of the "
        f"voice ({rate(none.iloc[0])}), at worst {rate(worst['uar'])}, with {worst['k']} "
        f"{KINDS.get(worst['kind'], worst['kind'])}."
    )


def _table(rows: pd.DataFrame) -> str:
    """All ways of drawing and all numbers of known clips under one protocol."""
    cells, names = [], _names(rows)
    for kind, name in names.items():
        for place, r in enumerate(rows[rows["kind"] == kind].to_dict("records")):
            rates = [rate(r[column]) for column in ("male", "female", "worst_actor")]
            uar = whole_span(r["uar"], r["uar_low"], r["uar_high"])
            cells.append(
                ["" if place else name, r["k"], r["draws"], uar, *rates, f"{r['ece']:.3f}", rate(r["answered"])]
            )
    head = ["known clips", "number", "draws", "UAR [95 %]", "men", "women", "worst", "ECE", "named"]
    return table(head, cells)


def _published(rows: pd.DataFrame) -> str:
    """Systems of others that know all clips of a test speaker, with source and caveat; "" where there are none."""
    if not len(rows):
        return ""
    figures = rows[["value", "low", "high"]].astype(float).itertuples(index=False)
    told = [f"{system} {span(*uar)}" for system, uar in zip(rows["system"], figures, strict=True)]
    first = rows.iloc[0]
    return (
        f"Published, UAR under {first['setting']} with all clips of each test speaker known: {'; '.join(told)} "
        f"({first['source']}; {first['caveat']})."
    )


def known_voice(source: Source) -> str:
    """One sentence for the README, set apart from its table; "" where results/voice.csv is not there."""
    rows = source.table(TABLE)
    if rows is None or not len(mine := _random(rows[rows["protocol"] == MAIN], MAIN)):
        return ""
    model = ordered(rows)[0]
    mine = mine[mine["model"] == model]
    uars = mine[["uar", "uar_low", "uar_high"]]
    told = [f"{span(*uars.loc[k])} {words}" for k, words in COMPARED.items() if k in uars.index]
    return (
        "**A task of its own, not to be compared with the rows above:** [a voice that is known](docs/voice.md), from "
        f"other clips of the test speaker, without labels. Test UAR of {source.catalogue.title(model)}: "
        f"{', '.join(told)}."
    )
