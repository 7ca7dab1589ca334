"""Rows of figures with intervals -> models side by side."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from intone.figures.style import FAINT, INK, OTHERS, OURS, SOFT, WARN, blank, plain, styled


@styled
def standing_figure(rows: pd.DataFrame, label: str = "UAR (%)") -> Figure:
    """Columns `name, value, low, high, ours` -> a dot a row with its interval, the best on top; ours are filled."""
    rows = rows.sort_values("value").reset_index(drop=True)
    figure = blank(1.0 + 0.40 * len(rows))
    axes = figure.subplots()
    for place, row in enumerate(rows.to_dict("records")):
        colour = OURS if row["ours"] else OTHERS
        if np.isfinite(row["low"]):
            axes.hlines(place, row["low"], row["high"], color=colour, linewidth=2.2 if row["ours"] else 1.2)
        axes.plot(row["value"], place, "o", color=colour, markersize=5.5, mfc=colour if row["ours"] else "white")
        axes.text(101.5, place, f"{row['value']:.1f}", va="center", fontsize=7.5, color=INK)
    axes.set_yticks(range(len(rows)), rows["name"])
    for text, ours in zip(axes.get_yticklabels(), rows["ours"], strict=True):
        text.set_fontweight("bold" if ours else "normal")
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(0, 100), ylim=(-0.6, len(rows) - 0.4), xlabel=label)
    axes.axvline(12.5, color=SOFT, linewidth=0.8, linestyle=(0, (3, 2)))
    axes.text(13.3, -0.35, "chance", fontsize=7, color=SOFT, va="center")
    plain(axes, "x")
    axes.spines["left"].set_visible(False)
    return figure


@styled
def tracks_figure(rows: pd.DataFrame) -> Figure:
    """Columns `track, model, uar, low, high` -> text models on each source of words, against chance."""
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
    """Columns `name, honest, leaked, ours` (percent) -> an arrow from each honest figure to the one with a leak."""
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
    axes.set(xlim=(0, 108), ylim=(-0.6, len(rows) - 0.4), xlabel="test rate (%): honest → with the leak")
    axes.set_xticks(range(0, 101, 20))
    plain(axes, "x")
    axes.spines["left"].set_visible(False)
    return figure


@styled
def cost_figure(rows: pd.DataFrame, cost: str, label: str) -> Figure:
    """Columns `model, uar, COST` -> UAR against a cost (log axis); what nothing beats at its price is joined."""
    rows = rows.sort_values([cost, "uar"], ascending=[True, False])
    front = rows[rows["uar"] > rows["uar"].cummax().shift(fill_value=-1.0)]
    figure = blank(6.4)
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.plot(rows[cost], rows["uar"], "o", color=OTHERS, markersize=4)
    axes.step(front[cost], front["uar"], "-o", where="post", color=OURS, markersize=5, linewidth=1.2)
    low, high = rows[cost].min(), rows[cost].max()
    axes.set(xlabel=label, ylabel="test UAR (%)", xlim=(low / 2, high * 8), ylim=(max(0, rows["uar"].min() - 5), 100))
    plain(axes, "y")
    _label(axes, rows, cost, set(front["model"]))
    return figure


def _label(axes: Axes, rows: pd.DataFrame, cost: str, front: set[str]) -> None:
    """Names beside their dots, the front's first; one that would lie on another name or dot is left to the table."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    taken = [axes.transData.transform((x, y)) for x, y in zip(rows[cost], rows["uar"], strict=True)]
    boxes: list[tuple[float, float, float, float]] = []
    for row in sorted(rows.to_dict("records"), key=lambda r: r["model"] not in front):
        name, ahead = row["model"], row["model"] in front
        x, y = axes.transData.transform((row[cost], row["uar"]))
        width, height = 4.6 * len(name), 9.0
        for dx, dy in ((6, -3), (6, 7), (6, -13), (-width - 6, -3), (-width / 2, 9), (-width / 2, -17)):
            box = (x + dx, y + dy, x + dx + width, y + dy + height)
            if box[0] < axes.bbox.x0 or box[2] > axes.bbox.x1 + 4 or box[1] < axes.bbox.y0:
                continue
            if any(_overlap(box, other) for other in boxes) or any(_inside(box, dot) for dot in taken):
                continue
            boxes.append(box)
            left, bottom = axes.transData.inverted().transform((x + dx, y + dy))
            weight, shade = ("bold", INK) if ahead else ("normal", SOFT)
            axes.text(left, bottom, name, fontsize=6.5, fontweight=weight, color=shade)
            break


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _inside(box: tuple[float, ...], dot: np.ndarray) -> bool:
    return box[0] - 2 < dot[0] < box[2] + 2 and box[1] - 2 < dot[1] < box[3] + 2
