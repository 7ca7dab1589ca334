"""A results folder -> every paired test that the report speaks of, corrected together."""

import itertools

import pandas as pd

from intone.evaluate import sign_flip, speaker_uars
from intone.report.markdown import verdict
from intone.report.source import MAIN, Source
from intone.significance import holm

COLUMNS = ["track", "protocol", "model", "against", "gap", "p", "better", "actors", "chosen"]


def comparisons(source: Source) -> pd.DataFrame:
    """results/paired.csv and the audio models of chosen.json among themselves: one family, one correction.

    Columns `track, protocol, model, against, gap` (points of UAR), `p, better, actors, chosen, holm, verdict`.
    """
    fusions = source.table("paired.csv")
    rows = pd.concat([t for t in (fusions, _audio(source)) if t is not None and len(t)], ignore_index=True)
    rows = rows.reindex(columns=COLUMNS)
    rows["holm"] = holm(rows["p"].tolist())
    rows["verdict"] = [verdict(gap, p) for gap, p in zip(rows["gap"], rows["holm"], strict=True)]
    return rows


def _audio(source: Source) -> pd.DataFrame:
    """Each later audio answer against each earlier one."""
    audio = [s.experiment for q, s in source.answers.items() if s and q.startswith("audio")]
    rows = []
    for earlier, later in itertools.combinations(audio, 2):
        one, other = source.tested(later), source.tested(earlier)
        gap, p = sign_flip(one, other)
        better = int((speaker_uars(one) > speaker_uars(other)).sum())
        rows.append(("none", MAIN, later.model, earlier.model, gap, p, better, one["speaker"].nunique(), True))
    return pd.DataFrame(rows, columns=COLUMNS)
