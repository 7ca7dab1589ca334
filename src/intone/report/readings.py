"""What a figure shows -> the sentence of inference below it, computed from the same rows."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from intone.evaluation.confidence import confidence, risk_coverage, trust
from intone.report.figures.clips import ClipPicture
from intone.report.numbers import points, rate
from intone.report.sections.confusion_pairs import confusion_pairs

LOUD_DB = -30.0
"""Levels above this, against a clip's peak, count as loud."""


def standing(rows: pd.DataFrame) -> str:
    """`name, value, low, high, ours`: how the best of ours stands among the published systems."""
    ours, others = rows[rows["ours"].astype(bool)], rows[~rows["ours"].astype(bool)]
    if not len(ours) or not len(others):
        return ""
    best = max(ours.to_dict("records"), key=lambda row: row["value"])
    above = others[others["value"] > best["value"]]
    inside = above[above["value"] <= best["high"]]
    return (
        f"The highest of ours, {best['name']}, is below {len(above)} of {len(others)} published figures, and the "
        f"interval of ours holds {len(inside)} of these {len(above)}."
    )


def tracks(rows: pd.DataFrame, chance: float = 12.5) -> str:
    """`track, model, uar`: the highest UAR on each source of text."""
    highest = rows.groupby("track", sort=False)["uar"].max()
    told = [f"{points(uar - chance)} points on {str(track).splitlines()[0]}" for track, uar in highest.items()]
    return f"Above chance, the best text model has {'; '.join(told)}."


def leaks(rows: pd.DataFrame) -> str:
    """`honest, leaked, ours`: by how much leaks raise results."""
    gaps = rows["leaked"] - rows["honest"]
    return f"With a leak results rise by {rate(gaps.min())} to {rate(gaps.max())} points, without a better model."


def reliability(tables: Mapping[str, pd.DataFrame]) -> str:
    """Model -> test predictions: whose confidence is too high or too low."""
    gaps = {
        name: 100 * float(confidence(t).mean() - (t["predicted"] == t["emotion"]).mean()) for name, t in tables.items()
    }
    high = sum(gap > 0 for gap in gaps.values())
    worst = max(gaps, key=lambda name: abs(gaps[name])).replace("\n", " ")
    return (
        f"On average {high} of {len(gaps)} are too sure and {len(gaps) - high} not sure enough; the largest difference "
        f"of mean confidence and accuracy is {points(max(gaps.values(), key=abs))} points ({worst})."
    )


def coverage(tables: Mapping[str, pd.DataFrame]) -> str:
    """Model -> test predictions: what rejecting half of the clips is worth."""
    risks = {name: 100 - trust(t).accurate_at["50"] for name, t in tables.items()}
    whole = {name: float(risk_coverage(t)["risk"].iloc[-1]) for name, t in tables.items()}
    best = min(risks, key=lambda name: risks[name]).replace("\n", " ")
    return (
        f"On the surer half of the clips the error is {rate(min(risks.values()))} ({best}) to "
        f"{rate(max(risks.values()))} %, on all of them {rate(min(whole.values()))} to {rate(max(whole.values()))} %."
    )


def robustness(rows: pd.DataFrame) -> str:
    """`model, perturbation, level, unit, uar, clean`: where each model loses most."""
    told = []
    for model, own in rows.assign(lost=rows["uar"] - rows["clean"]).groupby("model", sort=False):
        most = min(own.to_dict("records"), key=lambda row: row["lost"])
        where = f"{most['perturbation']} ({most['level']} {most['unit']}: {points(most['lost'])} points)"
        told.append(f"`{model}` loses most to {where}")
    return f"{'; '.join(told)}."


def recalls(by_model: Mapping[str, pd.Series]) -> str:
    """Model -> recall by emotion: which emotions are hardest and easiest."""
    mean = pd.DataFrame(by_model).mean(axis=1).sort_values()
    return (
        f"On average over these models {mean.index[0]} is recognised least ({rate(mean.iloc[0])} %) and "
        f"{mean.index[-1]} best ({rate(mean.iloc[-1])} %)."
    )


def saliency(clips: Sequence[ClipPicture]) -> str:
    """Pictures with weights: how much of the support lies on loud parts."""
    shown = [clip for clip in clips if clip.weights is not None]
    loud = [clip.levels > LOUD_DB for clip in shown]
    share = sum(float(c.weights[m].sum()) for c, m in zip(shown, loud, strict=True) if c.weights is not None)
    total = sum(float(c.weights.sum()) for c in shown if c.weights is not None)
    area = float(np.mean([m.mean() for m in loud])) if loud else 0.0
    if not total:
        return ""
    return f"{100 * share / total:.0f} % of the support lies on the {100 * area:.0f} % of the pictures that are loud."


def attention(rows: pd.DataFrame) -> str:
    """`emotion, position, weight`: where in the clip attention is highest."""
    third = pd.cut(rows["position"], [0, 1 / 3, 2 / 3, 1], labels=["beginning", "middle", "end"], include_lowest=True)
    mean = rows.groupby(["emotion", third], observed=True)["weight"].mean().unstack()
    most = mean.idxmax(axis=1).value_counts()
    return f"The {most.index[0]} of the clip has the most attention for {most.iloc[0]} of {len(mean)} emotions."


def shares(rows: pd.DataFrame) -> str:
    """`track, audio, text`: how much of the decision each branch carries."""
    told = []
    for track, own in rows.groupby("track", sort=False):
        text, both = float(own["text"].sum()), float(own["text"].sum() + own["audio"].sum())
        told.append(f"{100 * max(0.0, text / both):.0f} % on {str(track).splitlines()[0]}")
    return f"Of the decision, the words carry {' and '.join(told)}."


def cost(rows: pd.DataFrame) -> str:
    """`model, uar, uar_low, uar_high, parameters, seconds`: the cheapest model as good as the best."""
    models = rows.to_dict("records")
    best = max(models, key=lambda row: row["uar"])
    cheap = min((row for row in models if row["uar"] >= best["uar_low"]), key=lambda row: row["seconds"])
    return (
        f"`{cheap['model']}`, trained in {cheap['seconds']:.0f} s a fold, lies within the interval of the best, "
        f"`{best['model']}`, which takes {best['seconds']:.0f} s."
    )


def confusions(tables: Mapping[str, pd.DataFrame]) -> str:
    """Model -> test predictions: the confusion that most of them share."""
    first = pd.Series([f"{t} as {p}" for t, p, *_ in (confusion_pairs(table)[0] for table in tables.values())])
    counts = first.value_counts()
    return f"The most frequent confusion of {counts.iloc[0]} of {len(first)} models is {counts.index[0]}."


def curves(history: pd.DataFrame) -> str:
    """`epoch, split, accuracy` of all folds: how far training is ahead of validation in the end."""
    last = history[history["epoch"] == history.groupby("fold")["epoch"].transform("max")]
    by = last.groupby("split")["accuracy"].mean()
    if not {"train", "validation"} <= set(by.index):
        return ""
    gap = float(by["train"] - by["validation"])
    side = "above" if gap > 0 else "below"
    return f"In the last epoch, accuracy on training clips is {rate(abs(gap))} points {side} that on validation clips."


def several_curves(histories: Mapping[str, pd.DataFrame]) -> str:
    """Model -> what `curves` takes: whose training runs furthest ahead of validation."""
    gaps = {}
    for model, history in histories.items():
        last = history[history["epoch"] == history.groupby("fold")["epoch"].transform("max")]
        by = last.groupby("split")["accuracy"].mean()
        if {"train", "validation"} <= set(by.index):
            gaps[model] = float(by["train"] - by["validation"])
    if not gaps:
        return ""
    most, least = max(gaps, key=lambda m: gaps[m]), min(gaps, key=lambda m: gaps[m])
    return (
        f"In the last epoch, accuracy on training clips less that on validation clips is largest for `{most}` "
        f"({points(gaps[most])} points) and smallest for `{least}` ({points(gaps[least])})."
    )


def hardest(clips: Sequence[ClipPicture]) -> str:
    """Pictures of the hardest clips: which emotions they portray."""
    counts = pd.Series([clip.emotion for clip in clips]).value_counts()
    return f"Of these clips {counts.iloc[0]} of {len(clips)} portray {counts.index[0]}." if len(counts) else ""
