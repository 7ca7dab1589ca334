"""results/ -> the README's table, between its markers, docs/results.md and docs/tried.md."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from intone.cache import write_whole
from intone.errors import IntoneError
from intone.evaluation.catalogue import Catalogue
from intone.evaluation.metrics import accuracy, interval
from intone.report.numbers import size, span
from intone.report.sections.voice import known_voice
from intone.report.sections.voice_elsewhere import strangers
from intone.report.source import Source

START, END = "<!-- results: made by `intone results readme` -->", "<!-- end of results -->"

TITLES = {
    "none": "Audio alone",
    "asr": "With what was really said (Whisper's words): a negative control, two fixed sentences",
    "natural": "With sentences paired by label: measures fusion, not RAVDESS",
}

PROTOCOLS = {
    "luna5": "luna5",
    "emobox6": "emobox6",
    "loso24": "leave one actor out",
    "random": "random split: a leak",
}


FRONT: Final = (
    ("sound", "audio", "none"),
    ("sound", "audio_single", "none"),
    ("sound", "audio_system", "none"),
    ("words really said", "text_tfidf", "asr"),
    ("words really said", "text_minilm", "asr"),
    ("both, words really said", "fusion_asr", "asr"),
    ("words paired by label*", "text_tfidf", "natural"),
    ("words paired by label*", "text_minilm", "natural"),
    ("both, words paired by label*", "fusion_natural", "natural"),
)
"""What the README's table asks: from what, by which model (a question of chosen.json, or a name), on which words."""


def front_table(results: Path) -> str:
    """Markdown of at most ten rows: a baseline and the answer fixed beforehand for sound, words and both; where they
    were measured, speaker adaptation and other corpora in sentences below, as other tasks."""
    source = Source(results)
    lines = [
        "| from | model | train | validation | **test** [95 %] | test UAR [95 %] |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for what, asked, track in FRONT:
        experiment = source.find(source.chosen.get(asked, asked), track)
        if experiment is None:
            continue
        rates = [f"{float(source.row(experiment, part)['accuracy']):.1f}" for part in ("train", "validation")]
        test = source.row(experiment)
        low, high = interval(source.tested(experiment), rate=accuracy)
        right, recall = span(test["accuracy"], low, high), span(test["uar"], test["uar_low"], test["uar_high"])
        title = source.catalogue.title(experiment.model)
        lines.append(f"| {what} | {title} | {' | '.join(rates)} | {right} | {recall} |")
    others = filter(None, (known_voice(source), strangers(source)))
    return "\n".join([*lines, *(line for other in others for line in ("", other))])


def results_page(results: Path) -> str:
    """docs/results.md: every model's test accuracy and UAR beside train and validation, by words and by protocol."""
    text = f"""# Results

Accuracy and UAR in percent, out of fold over all 1440 clips of RAVDESS (`luna5`: five folds, disjoint actors for
training, validation and test); intervals resample the 24 actors. Chance is 12.5 for UAR and 13.3, the share of the
largest emotions, for accuracy. Models stand by kind. Made by `intone results readme` from `results/summary.csv`; the
report argues what follows from it.

{readme_table(results)}
"""
    catalogue = Catalogue.read(results)
    glossary = catalogue.glossary(text)
    return f"{catalogue.titled(text)}\n## Models and their identifiers\n\n{glossary}\n"


def readme_table(results: Path) -> str:
    """Markdown: test accuracy and UAR with intervals beside train and validation, and the audio models by protocol.

    Models stand as their identifiers.
    """
    summary = pd.read_csv(results / "summary.csv")
    catalogue = Catalogue.read(results)
    shown = (summary["modality"] == "audio") | ~summary["model"].isin(catalogue.variants)
    main = summary[(summary["protocol"] == "luna5") & shown]
    ensemble = main["model"].map(catalogue.families) == "ensemble"
    order = list(catalogue.table["model"])
    blocks = [block(main[~ensemble & (main["track"] == track)], title, order) for track, title in TITLES.items()]
    blocks.insert(1, block(main[ensemble], "Audio alone, several models together", order))
    return "\n\n".join([*filter(None, blocks), protocols(summary)])


def block(rows: pd.DataFrame, title: str, order: Sequence[str] = ()) -> str:
    """One table, by kind of model, in `order` and not by test score; "" where there is nothing."""
    if not len(rows):
        return ""
    lines = [
        f"**{title}**",
        "",
        "| model | parameters | train acc. | val. acc. | test acc. | test UAR [95 %] |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    wide = rows.pivot(index="model", columns="split")
    known = [model for model in order if model in wide.index]
    for key, row in wide.loc[[*known, *wide.index.difference(known)]].iterrows():
        rates = " | ".join(f"{row['accuracy', part]:.1f}" for part in ("train", "validation", "test"))
        recall = span(row["uar", "test"], row["uar_low", "test"], row["uar_high", "test"])
        lines.append(f"| `{key}` | {size(row['parameters', 'test'])} | {rates} | {recall} |")
    return "\n".join(lines)


def protocols(summary: pd.DataFrame) -> str:
    """Test UAR of whatever was judged under more protocols than the main one; the leaky one named as such."""
    rows = summary[(summary["track"] == "none") & (summary["split"] == "test")]
    counts = rows.groupby("model")["protocol"].nunique()
    shown = {p: title for p, title in PROTOCOLS.items() if (rows["protocol"] == p).any()}
    lines = [
        "**By protocol: test UAR [95 %]**",
        "",
        f"| model | {' | '.join(shown.values())} |",
        f"|---|{'--:|' * len(shown)}",
    ]
    for model in counts.index[counts > 1]:
        mine = rows[rows["model"] == model].set_index("protocol")
        cells = [span(*mine.loc[p, ["uar", "uar_low", "uar_high"]]) if p in mine.index else "" for p in shown]
        lines.append(f"| `{model}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def write_readme(readme: Path, results: Path) -> None:
    """Put the table between the README's markers; raises IntoneError where they are not there."""
    text = readme.read_text(encoding="utf-8")
    if START not in text or END not in text:
        raise IntoneError(f"{readme} has no place for the table: it needs the lines {START} and {END}.")
    before, after = text.split(START)[0], text.split(END)[1]
    write_whole(readme, f"{before}{START}\n{front_table(results)}\n{END}{after}".encode())


def tried_page(results: Path) -> str:
    """Markdown: every setting of development.csv with its UAR on each group of held-out actors, in percent."""
    rows = pd.read_csv(results / "development.csv")
    in_turn = rows["held_out_actors"].str.contains(",")  # parts of one group, each held out while the others train
    lines = [
        "# What was tried",
        "",
        "UAR (unweighted average recall) in percent, on held-out training actors of the first luna5 fold: each group",
        "of actors was held out, and models were trained on the fold's other training actors. Held-out actors are",
        "test actors of other folds, whose test was not read for this. Another seed alone changes a setting by points,",
        "and a group has five actors: small differences mean nothing. Made by `intone results readme` from",
        "`results/development.csv`; [how this table was made](method.md).",
        "",
        *_tried(rows[~in_turn]),
    ]
    if in_turn.any():
        lines += [
            "",
            "Here each part of a group was held out in its turn. Losses are in nats per clip, at the temperature that",
            "fits best: they separate settings that UAR can't.",
            "",
            *_tried(rows[in_turn], ("uar", "loss")),
        ]
    return "\n".join(lines) + "\n"


SHOWN = {"uar": ("UAR", ".1f"), "loss": ("loss", ".3f")}
"""Column of development.csv -> its head and format."""


def _tried(rows: pd.DataFrame, shown: Sequence[str] = ("uar",)) -> list[str]:
    """A table's lines: one row a setting, one column for each figure of each group of actors."""
    columns = [(g, figure) for g in dict.fromkeys(rows["held_out_actors"]) for figure in shown]
    heads = [f"{SHOWN[f][0]}, actors {g}" if len(shown) > 1 else f"actors {g}" for g, f in columns]
    lines = [f"| name | what | epochs | {' | '.join(heads)} |", f"|---|---|--:|{'--:|' * len(columns)}"]
    for (name, change, epochs), tried in rows.groupby(["setting", "change", "epochs"], sort=False):
        got = tried.set_index("held_out_actors")
        cells = " | ".join(f"{got.loc[g, f]:{SHOWN[f][1]}}" if g in got.index else "" for g, f in columns)
        lines.append(f"| {name} | {change} | {epochs or '–'} | {cells} |")
    return lines
