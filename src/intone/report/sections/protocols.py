"""Test predictions under all protocols -> differences between models, what they could show, and folds side by side."""

from typing import Any, Final

import numpy as np
import pandas as pd

from intone.evaluation.correction import holm
from intone.evaluation.metrics import confusion, places, speaker_uars, uar
from intone.evaluation.power import MARGIN, Difference, difference
from intone.evaluation.results import Experiment
from intone.report.markdown import LEVEL, Gallery, absent, table
from intone.report.model_tests import comparisons
from intone.report.numbers import bare_p, points, rate, span_of_points
from intone.report.source import AUDIO_TRACK, MAIN, Source

PROTOCOLS: Final = ("luna5", "emobox6", "loso24")

COMPARED: Final = (
    ("audio_whisper_small-frozen", "audio_cnn"),
    ("audio_whisper_small-noisy", "audio_whisper_small-frozen"),
    ("audio_whisper_small-tuned", "audio_whisper_small-noisy"),
    ("ensemble_whisper", "audio_whisper_small-tuned"),
    ("ensemble_whisper", "audio_whisper_small-noisy"),
    ("ensemble_whisper-short", "ensemble_whisper"),
)
"""Each model and the next simpler one."""

FOLDED: Final = ("audio_cnn", "audio_whisper_small-frozen", "audio_whisper_small-tuned", "ensemble_whisper")
"""Models whose folds are shown."""


def section(source: Source, gallery: Gallery) -> dict[str, Any] | None:
    """What templates/protocols.md is filled with; None where no model was tested under more than one protocol."""
    pairs = [(one, other) for one, other in COMPARED if len(_protocols(source, one, other)) > 1]
    if not pairs:
        return None
    return {
        "margin": f"{MARGIN:g}",
        "differences": _differences(source, gallery, pairs),
        "folds": _folds(source, gallery),
        "correlation": _correlation(source),
        "published": _published(source, gallery),
        "matrix": _matrix(source, gallery),
    }


def _protocols(source: Source, one: str, other: str) -> list[str]:
    return [p for p in PROTOCOLS if source.find(one, "none", p) and source.find(other, "none", p)]


def _gaps(source: Source, one: str, other: str, protocol: str) -> pd.Series:
    """UAR of each speaker under one model less that under the other, in points."""
    tables = [source.tested(Experiment(model, "audio", "none", protocol)) for model in (one, other)]
    return speaker_uars(tables[0]) - speaker_uars(tables[1])


def _differences(source: Source, gallery: Gallery, pairs: list[tuple[str, str]]) -> str:
    rows, together = [], []
    for one, other in pairs:
        found = {p: _gaps(source, one, other, p) for p in _protocols(source, one, other)}
        whole = pd.concat(found, axis=1).mean(axis=1)  # the same speakers in each: their mean over protocols
        rows.append((one, other, {p: difference(gaps.to_numpy()) for p, gaps in found.items()}))
        together.append(difference(whole.to_numpy()))
    corrected = holm([found.p for found in together])
    cells = [
        [f"`{one}` − `{other}`", *(_gap(found.get(p)) for p in PROTOCOLS), *_verdict(whole, p)]
        for (one, other, found), whole, p in zip(rows, together, corrected, strict=True)
    ]
    caption = (
        "Differences in test UAR in points, under each protocol (star: p below .05, not corrected) and over all of "
        "them, where each actor's difference is the mean over protocols: 95 % interval over actors, p by sign flips "
        "over actors, Holm over this table. "
        "Findable: the difference that the last test finds in 80 % of cases. Equivalent: the 90 % interval is within "
        f"{MARGIN:g} points of 0."
    )
    head = ["compared", *PROTOCOLS, "all [95 %]", "p, Holm", "findable", "verdict"]
    return gallery.captioned(caption, table(head, cells, last=1))


def _gap(found: Difference | None) -> str:
    return "–" if found is None else points(found.gap) + ("*" if found.p < LEVEL else "")


def _cell(found: Difference | None) -> str:
    return "–" if found is None else span_of_points(found.gap, found.low, found.high)


def _verdict(found: Difference, p: float) -> list[str]:
    if p < LEVEL:
        told = "better" if found.gap > 0 else "worse"
    else:
        told = "equivalent" if found.equivalent else "not decided"
    return [_cell(found), bare_p(p), rate(found.findable), told]


def _matrix(source: Source, gallery: Gallery) -> str:
    """The audio models fixed beforehand against one another under the main protocol; "" where there is one alone."""
    tests = comparisons(source)
    rows = tests[(tests["track"] == AUDIO_TRACK) & (tests["protocol"] == MAIN)].to_dict("records")
    found = {(r["model"], r["against"]): (r["gap"], r["holm"]) for r in rows}
    found |= {(other, one): (-gap, p) for (one, other), (gap, p) in found.items()}
    names = list(dict.fromkeys(s.model for s in source.subjects if s.experiment.track == AUDIO_TRACK))
    if not found:
        return ""
    cells = [[f"`{one}`", *(_paired(found.get((one, other))) for other in names)] for one in names]
    caption = (
        "The audio models fixed beforehand, under luna5: row less column in points of UAR, with p (Holm: over "
        "fusions and audio models); bold: p below .05."
    )
    return gallery.captioned(caption, table(["", *(f"`{name}`" for name in names)], cells))


def _paired(found: tuple[float, float] | None) -> str:
    if found is None:
        return "–"
    text = f"{points(found[0])} ({bare_p(found[1])})"
    return f"**{text}**" if found[1] < LEVEL else text


def _by_fold(source: Source, model: str, protocol: str) -> pd.DataFrame:
    """Index `fold`; columns `validation, test`: UAR in percent."""
    experiment = source.find(model, "none", protocol)
    if experiment is None:
        return pd.DataFrame(columns=["validation", "test"])
    parts = source.predictions(experiment)
    judged = parts[parts["split"] != "train"].groupby(["fold", "split"])
    return pd.Series({key: _uar(table) for key, table in judged}).unstack()


def _uar(table: pd.DataFrame) -> float:
    return float(uar(confusion(*places(table))))


def _folds(source: Source, gallery: Gallery) -> str:
    shown = [(m, p) for p in PROTOCOLS[:2] for m in FOLDED if len(_by_fold(source, m, p))]
    if not shown:
        return absent("make reproduce", "results by fold")
    cells = []
    for model, protocol in shown:
        found = _by_fold(source, model, protocol)
        told = [f"{rate(v)} / {rate(t)}" for v, t in zip(found["validation"], found["test"], strict=True)]
        cells.append([f"`{model}`", protocol, *told, *[""] * (6 - len(told))])
    caption = "UAR on the validation actors / on the test actors of each fold, in percent."
    return gallery.captioned(caption, table(["model", "protocol", *map(str, range(1, 7))], cells, left=2))


def _correlation(source: Source) -> str:
    """How well a fold's validation result predicts its test result, over the folds of each protocol."""
    told = []
    for model in FOLDED:
        pairs = [found for p in PROTOCOLS if len(found := _by_fold(source, model, p)) > 2]
        centred = pd.concat([found - found.mean() for found in pairs]) if pairs else pd.DataFrame()
        if len(centred):
            r = float(np.corrcoef(centred["validation"], centred["test"])[0, 1])
            told.append(f"{r:+.2f}".replace("-", "−") + f" for `{model}`")
    return ", ".join(told)


def _published(source: Source, gallery: Gallery) -> str:
    """Our models against others' released predictions, paired over actors; "" where there are none."""
    rows = source.published_speakers
    cells: list[list[str]] = []
    for (system, protocol), theirs in rows.groupby(["system", "protocol"], sort=False):
        uars = theirs.set_index("speaker")["uar"]
        for model in ("ensemble_whisper", "audio_whisper_small-tuned", "audio_whisper_small-frozen"):
            experiment = source.find(model, "none", str(protocol))
            if experiment is None:
                continue
            gaps = (speaker_uars(source.tested(experiment)) - uars).dropna()
            if len(gaps) == len(uars):
                found = difference(gaps.to_numpy())
                cells.append([f"`{model}`", str(system), str(protocol), _cell(found), bare_p(found.p)])
                cells[-1] += [rate(found.findable), "equivalent" if found.equivalent else "not shown"]
    if not cells:
        return ""
    caption = (
        "Against released predictions of others, paired over actors: difference in test UAR, p (not corrected), the "
        "difference that 80 % power would find, and equivalence. Theirs: "
        f"{'; '.join(dict.fromkeys(rows['source']))}."
    )
    head = ["model", "against", "protocol", "gap [95 %]", "p", "findable", "equivalent"]
    return gallery.captioned(caption, table(head, cells, left=3, last=1))
