"""Rows of results with intervals -> comparisons of models."""

import itertools
from collections.abc import Collection, Mapping
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from intone.report.figures.style import FAINT, INK, OTHERS, OURS, SOFT, WARN, blank, plain, styled


@styled
def standing_figure(rows: pd.DataFrame, label: str = "UAR (%)") -> Figure:
    """Columns `name, value, low, high, ours` -> one dot per row with its interval, the best on top; ours are filled."""
    rows = rows.sort_values("value").reset_index(drop=True)
    figure = blank(1.0 + 0.3 * len(rows))
    axes = figure.subplots()
    for place, row in enumerate(rows.to_dict("records")):
        colour = OURS if row["ours"] else OTHERS
        if np.isfinite(row["low"]):
            axes.hlines(place, row["low"], row["high"], color=colour, linewidth=2.2 if row["ours"] else 1.2)
        axes.plot(row["value"], place, "o", color=colour, markersize=5.5, mfc=colour if row["ours"] else "white")
        axes.text(101.5, place, f"{row['value']:.1f}", va="center", fontsize=7, color=INK)
    axes.set_yticks(range(len(rows)), rows["name"])
    for text, ours in zip(axes.get_yticklabels(), rows["ours"], strict=True):
        text.set_fontweight("bold" if ours else "normal")
    axes.tick_params(axis="y", length=0, labelsize=7)
    axes.set(xlim=(0, 100), ylim=(-0.6, len(rows) - 0.4), xlabel=label)
    axes.axvline(12.5, color=SOFT, linewidth=0.8, linestyle=(0, (3, 2)))
    axes.text(12.5, len(rows) - 0.35, "chance", fontsize=7, color=SOFT, ha="center", va="bottom")
    plain(axes, "x")
    axes.spines["left"].set_visible(False)
    return figure


@styled
def tracks_figure(rows: pd.DataFrame) -> Figure:
    """Columns `track, model, uar, low, high` -> text models by text source, against chance."""
    tracks = list(dict.fromkeys(rows["track"]))
    models = list(dict.fromkeys(rows["model"]))
    figure = blank(1.6 + 0.36 * len(rows))
    axes = figure.subplots()
    shades = [OURS, "#44AA99", "#CC6677", "#DDCC77", "#882255", "#777777"]
    place, ticks = 0.0, []
    for track in reversed(tracks):
        mine = rows[rows["track"] == track]
        for row in reversed(mine.to_dict("records")):
            colour = shades[models.index(row["model"]) % len(shades)]
            axes.hlines(place, row["low"], row["high"], color=colour, linewidth=1.4)
            axes.plot(row["uar"], place, "o", color=colour)
            axes.text(row["high"] + 1.5, place, f"{row['model']}  {row['uar']:.1f}", va="center", fontsize=7)
            place += 1
        ticks.append((place - len(mine) / 2 - 0.5, track))
        axes.axhline(place - 0.25, color=FAINT, linewidth=0.6)
        place += 0.5
    axes.axvline(12.5, color=SOFT, linewidth=0.9, linestyle=(0, (3, 2)))
    axes.set_yticks([t for t, _ in ticks], [name for _, name in ticks])
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(0, 118), ylim=(-0.7, place - 0.4), xlabel="test UAR (%); dashed: chance", xticks=range(0, 101, 20))
    plain(axes)
    axes.spines["left"].set_visible(False)
    return figure


@styled
def leaks_figure(rows: pd.DataFrame) -> Figure:
    """Columns `name, honest, leaked, ours` (percent) -> an arrow from each result to the one with a leak."""
    rows = rows.sort_values(["ours", "honest"]).reset_index(drop=True)
    figure = blank(1.4 + 0.52 * len(rows))
    axes = figure.subplots()
    for place, row in enumerate(rows.to_dict("records")):
        honest, leaked, colour = row["honest"], row["leaked"], OURS if row["ours"] else OTHERS
        arrow = {"arrowstyle": "-|>", "color": WARN, "linewidth": 1.6, "shrinkA": 2, "shrinkB": 2}
        axes.annotate("", (leaked, place), (honest, place), arrowprops=arrow)
        axes.plot(honest, place, "o", color=colour, markersize=5)
        axes.text(honest - 1.5, place, f"{honest:.1f}", ha="right", va="center", fontsize=7.5)
        axes.text(leaked + 1.5, place, f"{leaked:.1f}", va="center", fontsize=7.5, color=WARN)
    axes.set_yticks(range(len(rows)), rows["name"])
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(0, 108), ylim=(-0.6, len(rows) - 0.4), xlabel="test UAR or accuracy (%): without leak → with leak")
    axes.set_xticks(range(0, 101, 20))
    plain(axes, "x")
    axes.spines["left"].set_visible(False)
    return figure


@styled
def cost_figure(rows: pd.DataFrame, costs: Mapping[str, str], named: Collection[str] = ()) -> Figure:
    """Columns `model, uar`, each cost -> UAR against each cost (log axis); a line joins the Pareto front.

    `costs`: column -> label of its axis. Models on the line are named, and so are those in `named`.
    """
    figure = blank(7.0)
    panels = figure.subplots(1, len(costs), sharey=True, squeeze=False).ravel()
    for axes, (cost, label) in zip(panels, costs.items(), strict=True):
        known = rows[rows[cost] > 0]
        front = _front(known, cost)
        axes.set_xscale("log")
        axes.plot(known[cost], known["uar"], "o", color=OTHERS, markersize=4)
        axes.step(front[cost], front["uar"], "-o", where="post", color=OURS, markersize=5, linewidth=0.8)
        axes.set(xlabel=label, xlim=(known[cost].min() / 3, known[cost].max() * 3))
        axes.set_ylim(max(0, rows["uar"].min() - 6), min(100, rows["uar"].max() + 6))
        axes.xaxis.set_major_locator(LogLocator(numticks=6))
        axes.xaxis.set_minor_formatter(NullFormatter())
        plain(axes, "y")
    panels[0].set_ylabel("test UAR (%)")
    figure.draw_without_rendering()
    for axes, cost in zip(panels, costs, strict=True):
        known = rows[rows[cost] > 0]
        _label(axes, known, cost, {*named, *_front(known, cost)["model"]})
    return figure


def _front(rows: pd.DataFrame, cost: str) -> pd.DataFrame:
    """The Pareto front: rows that no row of the same or a lower cost exceeds, the cheapest first."""
    known = rows.sort_values([cost, "uar"], ascending=[True, False])
    return known[known["uar"] > known["uar"].cummax().shift(fill_value=-1.0)]


def _label(axes: Axes, rows: pd.DataFrame, cost: str, named: Collection[str]) -> None:
    """Names beside their dots, the best first; a name that would overlap a name, dot or line is left out."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    dots = np.concatenate([axes.transData.transform(rows[[cost, "uar"]].to_numpy(float)), _steps(axes, rows, cost)])
    taken: list[Bbox] = []
    for row in rows[rows["model"].isin(named)].sort_values("uar", ascending=False).to_dict("records"):
        for offset, across, up in PLACES:
            text = axes.annotate(
                row["model"],
                (row[cost], row["uar"]),
                offset,
                textcoords="offset points",
                ha=across,
                va=up,
                fontsize=6.5,
                bbox=PAPER,
            )
            box = text.get_window_extent().padded(1.0)
            free = not any(box.overlaps(other) for other in taken) and not any(box.contains(*dot) for dot in dots)
            if free and axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1 and axes.bbox.y0 <= box.y0:
                taken.append(box)
                break
            text.remove()


def _steps(axes: Axes, rows: pd.DataFrame, cost: str) -> np.ndarray:
    """Points [N, 2] in display coordinates, a few pixels apart, along the line of the front."""
    corners = axes.transData.transform(_front(rows, cost)[[cost, "uar"]].to_numpy(float))
    across = [np.linspace(one, (two[0], one[1]), 60) for one, two in itertools.pairwise(corners)]
    up = [np.linspace((two[0], one[1]), two, 60) for one, two in itertools.pairwise(corners)]
    return np.concatenate([corners, *across, *up])


PAPER: Final = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.4}
"""Background of a name, so that no line runs through it."""

PLACES: Final = (
    *(
        ((5, 0), "left", "center"),
        ((-5, 0), "right", "center"),
        ((0, 6), "center", "bottom"),
        ((0, -6), "center", "top"),
    ),
    *(
        ((5, 9), "left", "center"),
        ((5, -9), "left", "center"),
        ((-5, 9), "right", "center"),
        ((-5, -9), "right", "center"),
    ),
)
"""Positions of a name beside its dot, tried in this order: offset in points, horizontal and vertical alignment."""
