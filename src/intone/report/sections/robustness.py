"""Fairness and robustness after Derington et al. (arXiv 2312.06270): pass marks, results and curves."""

from typing import Any

import numpy as np
import pandas as pd

from intone.emotions import EMOTIONS
from intone.evaluation.groups import by_emotion, by_group, recalls_of
from intone.evaluation.pass_marks import MARKS, RECALL, SEX_RECALL, SEX_UAR
from intone.report import readings
from intone.report.figures import perturbations_figure
from intone.report.groups import sex_gap
from intone.report.markdown import Gallery, absent, listed, table
from intone.report.numbers import p_value, points, rate
from intone.report.sections.calibration import FAILED, PASSED
from intone.report.sections.cross_corpus import elsewhere
from intone.report.source import AUDIO_TRACK, Source, Subject

CLEAN = "none"
COMMAND = "intone robustness"


def section(source: Source, gallery: Gallery) -> dict[str, Any]:
    """What templates/robustness.md is filled with."""
    audible = [s for s in source.distinct if s.experiment.track == "none" or s.question == "fusion_asr"]
    measured = source.table("robustness.csv")
    silent, analysed = source.table("nonspeech.csv"), source.table("nonspeech_analysis.csv")
    wanted = {
        "noise, rooms, codecs and other perturbations at graded strengths": measured,
        "tones and sounds without speech": silent,
        "the analysis of sounds without speech": analysed,
    }
    return {
        "fairness": gallery.captioned(
            "Fairness on test clips: lowest recall of an emotion, and differences between the sexes (female − male) in "
            "UAR and in recall (largest of all emotions), each with its pass mark.",
            fairness(source, audible),
        ),
        "sexes": _sexes(source),
        "missing": absent(COMMAND, *(what for what, table in wanted.items() if table is None)),
        "curves": "" if measured is None else _curves(source, measured, gallery),
        "marks": "" if measured is None else _marks(source, measured, gallery),
        "silent": "" if silent is None else _silent(source, silent, gallery),
        "analysed": "" if analysed is None else _analysed(analysed, gallery),
        "elsewhere": elsewhere(source, gallery),
    }


def _passes(fine: bool) -> str:
    return PASSED if fine else FAILED


def fairness(source: Source, subjects: list[Subject]) -> str:
    """Lowest recall, and differences between the sexes, each with its pass mark."""
    cells = []
    for subject in subjects:
        tested = source.tested(subject.experiment)
        recall = by_emotion(tested)["recall"]
        row = [subject.title, f"{recall.idxmin()} {rate(recall.min())}", _passes(recall.min() >= RECALL)]
        if source.clips is not None:
            uars = by_group(tested, source.clips, ["sex"])["uar"].loc["sex"]
            gap = float(uars["female"] - uars["male"])
            each = recalls_of(tested, source.clips, "sex")
            gaps = dict(zip(each, each.loc["female"].to_numpy() - each.loc["male"].to_numpy(), strict=True))
            widest = max(gaps, key=lambda e: abs(gaps[e]))
            row += [points(gap), _passes(abs(gap) <= SEX_UAR)]
            row += [f"{widest} {points(gaps[widest])}", _passes(abs(gaps[widest]) <= SEX_RECALL)]
        cells.append(row)
    head = ["", "lowest recall", f"≥ {RECALL:.0f}", "sexes, UAR", f"≤ {SEX_UAR}", "sexes, recall", f"≤ {SEX_RECALL}"]
    return table(head[: len(cells[0])], cells)


def _sexes(source: Source) -> str:
    if not source.sexes:
        return ""
    gap, p = sex_gap(source)
    people = source.published[source.published["topic"] == "listeners"].set_index("setting")["value"].astype(float)
    theirs = people["female"] - people["male"]
    found = "is significant" if p < 0.05 else "is not significant"
    same = " in the same direction, so part of it may lie in the portrayals" if gap * float(theirs) > 0 else ""
    return (
        f"The difference between the sexes {found}: for the {points(gap)} points of UAR of `{source.lead.model}`, "
        f"permuting sex among actors gives p {p_value(p)} (Holm, with intensity and sentence). The accuracy of "
        f"listeners differs by {points(float(theirs))} points{same}."
    )


def _curves(source: Source, measured: pd.DataFrame, gallery: Gallery) -> str:
    clean = measured[measured["perturbation"] == CLEAN].set_index("model")["uar"]
    rows = measured[measured["perturbation"] != CLEAN].copy()
    rows["clean"] = rows["model"].map(clean)
    places = rows["model"].value_counts()
    rows = rows[rows["model"].isin(places.index[places == places.max()])].copy()  # others have the pass marks alone
    first = rows[rows["model"] == rows["model"].iloc[0]]
    order = {place: k for k, place in enumerate(zip(first["perturbation"], first["level"].astype(str), strict=True))}
    rows["order"] = [order[place] for place in zip(rows["perturbation"], rows["level"].astype(str), strict=True)]
    allowed = {(m.perturbation, m.level): m.drop for m in MARKS if m.drop is not None}
    drops = np.array([allowed.get(p, np.nan) for p in zip(rows["perturbation"], rows["level"], strict=True)], float)
    rows["pass_uar"] = rows["clean"] - drops
    counts = rows.groupby("model")["clips"].max()
    each = {clips: listed([f"`{m}`" for m in counts.index[counts == clips]]) for clips in counts.unique()}
    clips_each = listed([f"{clips} clips" + (f" ({names})" if len(each) > 1 else "") for clips, names in each.items()])
    caption = (
        f"Test UAR under perturbations of increasing strength, on {clips_each}. Pale lines: clean clips; short bars: "
        "pass marks, where there are any."
    )
    figure = perturbations_figure(rows.assign(model=source.titles(rows["model"])))
    return gallery.add(caption, {"robustness": figure}, readings.robustness(rows))


def judged(measured: pd.DataFrame) -> pd.DataFrame:
    """Every mark that was measured: columns `model, mark, unit, drop` (UAR points), `unchanged` (percent), `passed`."""
    clean = measured[measured["perturbation"] == CLEAN].set_index("model")["uar"].to_dict()
    measured = measured.assign(level=measured["level"].astype(str))
    rows = []
    for mark in MARKS:
        here = measured[(measured["perturbation"] == mark.perturbation) & (measured["level"] == mark.level)]
        for row in here.to_dict("records"):
            drop = clean[row["model"]] - row["uar"]
            fine = row["unchanged"] >= mark.unchanged and (mark.drop is None or drop <= mark.drop)
            rows.append((row["model"], mark, row["unit"], drop, row["unchanged"], fine))
    return pd.DataFrame(rows, columns=["model", "mark", "unit", "drop", "unchanged", "passed"])


def _marks(source: Source, measured: pd.DataFrame, gallery: Gallery) -> str:
    rows = judged(measured)
    models = _answering(source, rows)
    cells = []
    shown = rows[rows["model"].isin(models)]
    for mark in dict.fromkeys(shown["mark"]):
        here = shown[shown["mark"] == mark].set_index("model")
        asked = f"≥ {mark.unchanged:.0f} %" + ("" if mark.drop is None else f"; UAR ≥ −{mark.drop:.0f}")
        said = {
            model: f"{points(-row['drop'])}, {rate(row['unchanged'])} {_passes(row['passed'])}"
            for model, row in here.iterrows()
        }
        what = f"{mark.perturbation}, {mark.level} {here['unit'].iloc[0]}"
        cells.append([what, asked, *(said.get(model, "") for model in models)])
    caption = (
        "Robustness marks. *Required*: unchanged predictions and, where given, change in UAR. Models: change in UAR "
        "(points), unchanged predictions (%), outcome."
    )
    head = ["perturbation", "required", *(f"`{model}`" for model in models)]
    return gallery.captioned(caption, table(head, cells, left=2)) + "\n\n" + _passed_marks(rows)


def _answering(source: Source, rows: pd.DataFrame) -> list[str]:
    """The models in `rows` that were fixed beforehand, or all where none was."""
    every = list(dict.fromkeys(rows["model"]))
    return [model for model in every if model in source.chosen.values()] or every


def _passed_marks(rows: pd.DataFrame) -> str:
    """How many marks each model passes, and how many of those at 20 dB."""
    found = []
    for model, mine in rows.groupby("model", sort=False):
        loud = mine[[mark.level == "20" for mark in mine["mark"]]]
        counts = f"{int(mine['passed'].sum())} of {len(mine)} ({int(loud['passed'].sum())} of {len(loud)})"
        found.append(f"`{model}` {counts}")
    return f"Marks passed, and in brackets those at 20 dB: {'; '.join(found)}."


def _silent(source: Source, silent: pd.DataFrame, gallery: Gallery) -> str:
    judged_too = {model: source.find(model, AUDIO_TRACK) for model in _answering(source, silent)}
    limits = {model: _sure_when_wrong(source.tested(e)) for model, e in judged_too.items() if e}
    cells: list[list[object]] = [["highest allowed", "", *(f"{limit:.2f}" for limit in limits.values())]]
    for sound, here in silent.groupby("sound", sort=False):
        rows = here.set_index("model")
        said = [
            f"{row['confidence']:.2f} {row['said']} {_passes(bool(row['confidence'] <= limit))}"
            for row, limit in ((rows.loc[model], limit) for model, limit in limits.items())
        ]
        cells.append([sound, here["clips"].iloc[0], *said])
    caption = (
        "Models on sounds without speech: mean confidence and most frequent prediction. To pass, confidence may not "
        "exceed that on wrongly classified test clips (first row)."
    )
    return gallery.captioned(caption, table(["sound", "clips", *(f"`{model}`" for model in limits)], cells))


def _sure_when_wrong(tested: pd.DataFrame) -> float:
    """Mean confidence of a model's wrong test predictions."""
    wrong = tested[tested["predicted"] != tested["emotion"]]
    return float(wrong[list(EMOTIONS)].to_numpy().max(1).mean())


def _analysed(rows: pd.DataFrame, gallery: Gallery) -> str:
    caption = (
        "`intone analyze` on sounds without speech, with Whisper's transcript and without: clips detected as speech, "
        "and clips that get an emotion instead of *unsure*."
    )
    cells = []
    for sound, here in rows.groupby("sound", sort=False):
        by = here.set_index("words")
        counts = [by.loc[words, column] for words in ("yes", "no") for column in ("speech", "emotion")]
        cells.append([sound, by["clips"].iloc[0], *counts])
    head = ["sound", "clips", "speech (transcript)", "emotion", "speech (none)", "emotion"]
    total = rows.groupby("words")[["clips", "emotion"]].sum().to_dict("index")
    sentence = (
        f"Clips that get an emotion: {total['yes']['emotion']} of {total['yes']['clips']} with a transcript, "
        f"{total['no']['emotion']} of {total['no']['clips']} without."
    )
    return gallery.captioned(caption, table(head, cells)) + "\n\n" + sentence
