"""The lead's test predictions -> what may be said of groups of clips and of actors, by tests corrected together."""

import numpy as np
import pandas as pd

from intone.evaluation.correction import group_gap, holm
from intone.evaluation.groups import by_speaker
from intone.evaluation.metrics import paired, score, sign_flip, speaker_uars
from intone.report.markdown import LEVEL
from intone.report.numbers import p_value, points, rate, span_of_points
from intone.report.source import AUDIO_TRACK, MAIN, Source

Told = tuple[str, str]
"""What was found, and by what figures."""


def group_tests(source: Source) -> pd.DataFrame:
    """Index `sex, intensity, statement`; columns `gap` (UAR points: female, strong, kids less the other), `p, holm`.

    The sexes by permutation over actors, the others by sign flips over actors; strong portrayals against normal ones
    leave out neutral, which has no strong ones. Empty where the clips are not RAVDESS's.
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
    """Intensity and sentence; the sexes are told of on the first page."""
    tests, found = group_tests(source), []
    names = {
        "intensity": ("Strong portrayals are", "normal ones"),
        "statement": ("The sentence about kids is", "the other"),
    }
    for group, (name, other) in names.items():
        if group not in tests.index:
            continue
        gap, p = (float(tests[column][group]) for column in ("gap", "holm"))
        how = f"recognised {rate(abs(gap))} points {'better' if gap > 0 else 'worse'} than {other}"
        head = f"{name} {how}." if p < LEVEL else f"{name} not shown to be recognised differently from {other}."
        found.append((head, f"UAR of `{source.lead.model}` over actors: {points(gap)} points, p {p_value(p)} by Holm."))
    return found


def sentences(source: Source) -> list[Told]:
    """What a sentence costs that was never learned from: each audio model that was asked, against both sentences."""
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
        f"`{model}` {span_of_points(got.gap, got.low, got.high)} points of UAR (p {p_value(p)} by Holm)"
        for (model, got), p in zip(tests.items(), corrected, strict=True)
    ]
    head = "A sentence never learned from costs much." if costs else "A sentence never learned from costs little."
    return [(head, f"Tested on it, and learned from the other, half of the clips: {'; '.join(each)}.")]


def development(source: Source) -> list[Told]:
    """UAR on the actors that settings were developed on, when they were training actors, and on the rest."""
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
            "Settings were developed on some of these actors.",
            f"While settings were found, {counts[0]} training actors of one fold were held out to judge by; each is a "
            f"test actor of another fold. `{source.lead.model}` has UAR {uars[0]} on them and {uars[1]} on the "
            f"{counts[1]} others.",
        )
    ]


def actors(source: Source) -> Told:
    """How far apart the actors lie, beside what so few clips of each would show if they were alike."""
    by = by_speaker(source.tested(source.lead.experiment))
    rates = by["accuracy"].sort_values()
    (worst, *_, best), whole = rates.index, float(np.average(rates, weights=by["clips"].loc[rates.index])) / 100
    alike = 100 * np.sqrt(whole * (1 - whole) / by["clips"].mean())
    return (
        "Actors differ widely." if rates.std() > 1.5 * alike else "Actors differ no more than chance would have it.",
        f"`{source.lead.model}` is right on {rate(float(rates[worst]))} % of the clips of {worst} and on "
        f"{rate(float(rates[best]))} % of those of {best}; the standard deviation over actors is "
        f"{rate(float(rates.std()))} points, where actors who are all alike would show {rate(float(alike))}.",
    )
