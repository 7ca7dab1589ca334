"""Models that are not shown one by one -> the same results side by side: curves, confusions, emotions, groups."""

from collections.abc import Mapping
from typing import Final, TypeVar

import pandas as pd

from intone.emotions import EMOTIONS
from intone.evaluation.groups import by_emotion, by_group, by_speaker
from intone.evaluation.results import Experiment
from intone.report import readings
from intone.report.figures import confusions_figure, histories_figure
from intone.report.markdown import Gallery, table
from intone.report.numbers import rate
from intone.report.sections.learning_curves import final, history_of, learned_once
from intone.report.source import AUDIO_TRACK, LABELLED, MAIN, WORDS, Source

Value = TypeVar("Value")

HEADINGS: Final = {
    AUDIO_TRACK: "audio models",
    "asr": f"models on {WORDS['asr']}",
    "natural": f"models on {WORDS['natural']}",
}
"""Track -> the models of its part; sentences made from the label and the controls are in other sections."""

SHORT: Final = [emotion[:3] for emotion in EMOTIONS]


def others(source: Source, gallery: Gallery) -> list[dict[str, str]]:
    """A part for each track that has such models: `heading, note, curves, matrix, recalls, rates`, all Markdown."""
    portrayed = {subject.experiment for subject in source.subjects}
    tested = source.summary[(source.summary["protocol"] == MAIN) & (source.summary["split"] == "test")]
    parts = []
    for track, heading in HEADINGS.items():
        names = [
            m
            for m in tested.loc[tested["track"] == track, "model"]
            if track == AUDIO_TRACK or m not in source.catalogue.variants
        ]
        found = [e for m in sorted(names) if (e := source.find(m, track)) and e not in portrayed]
        if found:
            parts.append({"heading": f"Other {heading}", **_part(source, gallery, f"Other {heading}", found)})
    return parts


def _part(source: Source, gallery: Gallery, heading: str, found: list[Experiment]) -> dict[str, str]:
    histories = {e.model: h for e in found if len(h := history_of(source, e))}
    ends = {e.model: final(source, e) for e in found if e.model in histories}
    name, curves = found[0].track, ""
    if histories:
        once = " Text models are trained on GoEmotions, once for all folds." if any(map(learned_once, found)) else ""
        caption = f"{heading}: learning curves.{once}"
        curves = gallery.add(
            caption,
            {f"histories-{name}": histories_figure(_titled(source, histories), _titled(source, ends))},
            readings.several_curves(histories),
        )
    tests = {e.model: source.tested(e) for e in found}
    caption = f"{heading}: confusion matrices on test."
    return {
        "note": LABELLED if name == "natural" else "",
        "curves": curves,
        "matrix": gallery.add(
            caption, {f"confusions-{name}": confusions_figure(_titled(source, tests))}, readings.confusions(tests)
        ),
        "recalls": gallery.captioned(
            f"{heading}, test, in percent: recall by emotion, UAR by group, accuracy of the worst actor.",
            _recalls(source, tests),
        ),
        "rates": gallery.captioned(
            f"{heading}, test, in percent: precision by emotion, then F1. A dash: never predicted.",
            _rates(tests),
        ),
    }


def _titled(source: Source, found: Mapping[str, Value]) -> dict[str, Value]:
    return {source.catalogue.title(model): value for model, value in found.items()}


def _recalls(source: Source, tests: dict[str, pd.DataFrame]) -> str:
    head, rows = ["", *SHORT], []
    for model, tested in tests.items():
        cells = [rate(value) for value in by_emotion(tested)["recall"]]
        if source.clips is not None:
            groups = by_group(tested, source.clips)
            cells += [rate(value) for value in groups["uar"]]
            head = ["", *SHORT, *(str(value) for _, value in groups.index)]
        rows.append([f"`{model}`", *cells, rate(float(by_speaker(tested)["accuracy"].min()))])
    return table([*head, "worst"], rows)


def _rates(tests: dict[str, pd.DataFrame]) -> str:
    rows = []
    for model, tested in tests.items():
        rates = by_emotion(tested)
        cells = [*rates["precision"], *rates["f1"]]
        rows.append([f"`{model}`", *("–" if pd.isna(value) else rate(value) for value in cells)])
    return table(["", *SHORT, *SHORT], rows)
