"""A results folder -> every test of models in the report, each family corrected together."""

import itertools

import pandas as pd

from intone.evaluation.comparisons import PAIRED_COLUMNS, paired_row
from intone.evaluation.correction import holm
from intone.report.markdown import LEVEL, verdict
from intone.report.source import AUDIO_TRACK, MAIN, QUESTIONS, Source


def comparisons(source: Source) -> pd.DataFrame:
    """results/paired.csv and the audio models of chosen.json compared in pairs: one family, one correction.

    Columns: those of `comparisons.PAIRED_COLUMNS`, `holm, verdict`.
    """
    fusions = source.table("paired.csv")
    rows = pd.concat([t for t in (fusions, _audio(source)) if t is not None and len(t)], ignore_index=True)
    rows = rows.reindex(columns=list(PAIRED_COLUMNS))
    rows["holm"] = holm(rows["p"].tolist())
    rows["verdict"] = [verdict(gap, p) for gap, p in zip(rows["gap"], rows["holm"], strict=True)]
    return rows


def _audio(source: Source) -> pd.DataFrame:
    """Each audio model of chosen.json against each one before it."""
    audio = [s.experiment for q, s in source.answers.items() if s and QUESTIONS[q] == AUDIO_TRACK]
    rows = []
    for earlier, later in itertools.combinations(audio, 2):
        names = {"track": AUDIO_TRACK, "protocol": MAIN, "model": later.model, "against": earlier.model}
        rows.append({**names, **paired_row(source.tested(later), source.tested(earlier)), "chosen": True})
    return pd.DataFrame(rows, columns=list(PAIRED_COLUMNS))


def text_against_chance(source: Source) -> pd.DataFrame | None:
    """results/text_controls.csv without the candidates that a model selects from; `holm`, `holm_speakers`: each test is
    a family of its own; `above`: whether both find it above chance."""
    controls = source.table("text_controls.csv")
    if controls is None:
        return None
    rows = controls[~controls["model"].isin(source.catalogue.variants)].reset_index(drop=True)
    rows = rows.assign(holm=holm(rows["p"].tolist()), holm_speakers=holm(rows["p_speakers"].tolist()))
    return rows.assign(above=rows[["holm", "holm_speakers"]].max(axis=1) < LEVEL)
