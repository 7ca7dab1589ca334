"""Predictions -> confusion matrices and recalls."""

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from intone.emotions import EMOTIONS, colours_of
from intone.evaluation.groups import counts
from intone.evaluation.metrics import labels_of
from intone.report.figures.style import FAINT, INK, LINES, MARKERS, WIDTH, blank, plain, styled


@styled
def confusion_figure(table: pd.DataFrame, title: str = "") -> Figure:
    """Predictions -> confusion matrix, each row in percent of that emotion's clips."""
    found, labels = counts(table), labels_of(table)
    rates = 100 * found / np.maximum(found.sum(1, keepdims=True), 1)
    figure = blank(7.6, 9.2)
    axes = figure.subplots()
    image = axes.imshow(rates, cmap="Blues", vmin=0, vmax=100)
    ticks = range(len(labels))
    axes.set_xticks(ticks, labels, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(ticks, labels)
    axes.tick_params(length=0)
    axes.tick_params(axis="y", pad=8)
    axes.spines[:].set_visible(False)
    axes.set(xlabel="predicted", ylabel="portrayed", title=title)
    for i, j in np.ndindex(rates.shape):
        if rates[i, j] >= 0.5:
            shade = "white" if rates[i, j] > 55 else INK
            axes.text(j, i, f"{rates[i, j]:.0f}", ha="center", va="center", color=shade, fontsize=7)
    for place, colour in enumerate(colours_of(labels).values()):  # the label's colour beside its row
        axes.add_patch(Rectangle((-0.72, place - 0.42), 0.16, 0.84, color=colour, clip_on=False, linewidth=0))
    bar = figure.colorbar(image, ax=axes, shrink=0.8, pad=0.02)
    bar.outline.set_visible(False)
    bar.set_label("% of clips (by row)")
    return figure


@styled
def confusions_figure(tables: Mapping[str, pd.DataFrame], columns: int = 6) -> Figure:
    """Name -> predictions: one small confusion matrix each, rows in percent, without numbers; one scale for all."""
    rows = -(-len(tables) // columns)
    figure = blank(0.9 + 3.1 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels:
        axes.set_axis_off()
    for axes, (name, table) in zip(panels, tables.items(), strict=False):
        axes.set_axis_on()
        found, labels = counts(table), labels_of(table)
        image = axes.imshow(100 * found / np.maximum(found.sum(1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=100)
        letters = [emotion[:2] for emotion in labels]
        axes.set_xticks(range(len(labels)), letters, fontsize=4.5)
        axes.set_yticks(range(len(labels)), letters, fontsize=4.5)
        axes.tick_params(length=0, pad=1)
        axes.spines[:].set_visible(False)
        axes.set_title(textwrap.fill(name, 22), fontsize=5)
    bar = figure.colorbar(image, ax=panels.tolist(), shrink=0.8, pad=0.01, aspect=15)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=6)
    bar.set_label("% of clips (by row)", fontsize=6)
    return figure


@styled
def recalls_figure(recalls: Mapping[str, pd.Series], listeners: Mapping[str, float] | None = None) -> Figure:
    """Model -> recall by emotion (percent): a point for each model, side by side above each emotion."""
    names = list(recalls)
    figure = blank(6.0, WIDTH)
    axes = figure.subplots()
    width = 0.7 / len(names)
    places = np.arange(len(EMOTIONS))
    for k, name in enumerate(names):
        x = places + (k - (len(names) - 1) / 2) * width
        values = recalls[name].reindex(list(EMOTIONS)).to_numpy()
        look: dict[str, Any] = {"color": LINES[k % len(LINES)], "marker": MARKERS[k % len(MARKERS)]}
        axes.plot(x, values, label=name, linestyle="none", markersize=4.5, **look)
    for emotion, value in (listeners or {}).items():
        place = EMOTIONS.index(emotion)
        axes.hlines(value, place - 0.45, place + 0.45, color=INK, linewidth=1.2, linestyle=(0, (2, 1)))
    if listeners:
        axes.plot([], [], color=INK, linewidth=1.2, linestyle=(0, (2, 1)), label="listeners")
    for place in places[1:]:
        axes.axvline(place - 0.5, color=FAINT, linewidth=0.6)
    axes.set_xticks(places, EMOTIONS)
    axes.axhline(50, color=LINES[1], linewidth=0.8)
    lowest = min([45.0, *(value for r in recalls.values() for value in r), *(listeners or {}).values()])
    axes.set(ylabel="recall (%)", ylim=(max(0, 10 * (lowest // 10)), 100), xlim=(-0.5, len(EMOTIONS) - 0.5))
    axes.tick_params(axis="x", length=0)
    axes.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    plain(axes, "y")
    return figure
