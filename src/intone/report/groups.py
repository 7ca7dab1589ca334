"""The lead's test predictions -> findings about groups of clips and about actors; the tests share one correction."""

import numpy as np
import pandas as pd

from intone.evaluation.correction import group_gap, holm
from intone.evaluation.groups import by_speaker
from intone.evaluation.metrics import paired, score, sign_flip, speaker_uars
from intone.report.markdown import LEVEL
from intone.report.numbers import p_value, points, rate, span_of_points
from intone.report.source import AUDIO_TRACK, MAIN, Source

Told = tuple[str, str]
"""A finding, and the figures behind it."""


def group_tests(source: Source) -> pd.DataFrame:
    """Index `sex, intensity, statement`; columns `gap` (UAR points: female, strong, kids minus the other), `p, holm`.

    Sex: permutation over actors. The others: sign flips over actors. Strong against normal leaves out neutral, which
    has no strong clips. Empty where the clips are not RAVDESS's.
    """
    if source.clips is None:
        return pd.DataFrame(columns=["gap", "p", "holm"])
    tested = source.tested(source.lead.experiment)
    uars = speaker_uars(tested)
    sex = uars.index.map(source.sexes)
    told = tested.merge(source.clips[["file", "intensity", "statement"]], on="file", validate="one_to_one")
    able = told[told["emotion"] != "neutral"]
    found = {
        "sex": group_gap(uars[sex == "female"].to_numpy(), uars[sex == "male"].to_numpy()),
        "intensity": sign_flip(able[able["intensity"] == "strong"], able[able["intensity"] == "normal"]),
        "statement": sign_flip(told[told["statement"] == "kids"], told[told["statement"] == "dogs"]),
    }
    rows = pd.DataFrame.from_dict(found, orient="index", columns=["gap", "p"])
    return rows.assign(holm=holm(rows["p"].tolist()))


def sex_gap(source: Source) -> tuple[float, float]:
    """Female minus male UAR of the lead, in points, and its corrected p; only where the sexes are known."""
    tests = group_tests(source)
    return float(tests["gap"]["sex"]), float(tests["holm"]["sex"])


def groups(source: Source) -> list[Told]:
    """Intensity and sentence; sex is among the main findings."""
    tests, found = group_tests(source), []
    names = {
        "intensity": ("Strong portrayals are", "normal ones", " without neutral, which has no strong clips"),
        "statement": ("The sentence about kids is", "the other", ""),
    }
    for group, (name, other, note) in names.items():
        if group not in tests.index:
            continue
        gap, p = (float(tests[column][group]) for column in ("gap", "holm"))
        how = f"recognised {rate(abs(gap))} points {'better' if gap > 0 else 'worse'} than {other}"
        head = f"{name} {how}." if p < LEVEL else f"{name} not shown to be recognised differently from {other}."
        lead = source.lead.model
        found.append((head, f"Difference in UAR of `{lead}`{note}: {points(gap)} points, p {p_value(p)} (Holm)."))
    return found


def sentences(source: Source) -> list[Told]:
    """Drop on an unseen sentence: each audio model trained on one sentence, against training on both."""
    rows = source.summary[(source.summary["protocol"] == f"{MAIN}_sentence") & (source.summary["track"] == AUDIO_TRACK)]
    tests = {}
    for model in rows["model"].unique():
        crossed, same = source.find(model, AUDIO_TRACK, f"{MAIN}_sentence"), source.find(model, AUDIO_TRACK)
        if crossed and same:
            tests[model] = paired(source.tested(crossed), source.tested(same))
    if not tests:
        return []
    corrected = holm([got.p for got in tests.values()])
    costs = any(got.gap < 0 and p < LEVEL for got, p in zip(tests.values(), corrected, strict=True))
    each = [
        f"`{model}` {span_of_points(got.gap, got.low, got.high)} points of UAR (p {p_value(p)}, Holm)"
        for (model, got), p in zip(tests.items(), corrected, strict=True)
    ]
    head = "Results drop on an unseen sentence." if costs else "A drop on an unseen sentence is not shown."
    told = "Trained on the other sentence (half of the clips), compared with training on both"
    return [(head, f"{told}: {'; '.join(each)}.")]


def development(source: Source) -> list[Told]:
    """Test UAR on the actors used in development (as training actors of one fold), and on the other actors."""
    tried, tested = source.table("development.csv"), source.tested(source.lead.experiment)
    if tried is None:
        return []
    held_out = {
        f"ravdess-{int(n):02d}" for group in tried["held_out_actors"].unique() for n in group.replace(",", " ").split()
    }
    known = tested["speaker"].isin(held_out)
    if known.all() or not known.any():
        return []
    uars = [rate(score(rows).uar) for rows in (tested[known], tested[~known])]
    counts = [rows["speaker"].nunique() for rows in (tested[known], tested[~known])]
    return [
        (
            "Settings were developed on some of the test actors.",
            "Settings were compared on held-out training actors of one fold; each is a test actor of another fold. The "
            f"UAR of `{source.lead.model}` is {uars[0]} on these actors "
            f"({counts[0]}) and {uars[1]} on the others ({counts[1]}).",
        )
    ]


def actors(source: Source) -> Told:
    """Spread of accuracy over actors, beside the spread expected from sampling alone if all actors were alike."""
    by = by_speaker(source.tested(source.lead.experiment))
    rates = by["accuracy"].sort_values()
    (worst, *_, best), whole = rates.index, float(np.average(rates, weights=by["clips"].loc[rates.index])) / 100
    alike = 100 * np.sqrt(whole * (1 - whole) / by["clips"].mean())
    return (
        "Accuracy varies widely between actors."
        if rates.std() > 1.5 * alike
        else "Accuracy varies between actors little more than by chance.",
        f"The accuracy of `{source.lead.model}` ranges from {rate(float(rates[worst]))} % ({worst}) to "
        f"{rate(float(rates[best]))} % ({best}). The standard deviation over actors is {rate(float(rates.std()))} "
        f"points; sampling alone would give {rate(float(alike))} if all actors were alike.",
    )
