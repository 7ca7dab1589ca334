"""Probabilities and results under perturbation -> curves."""

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from intone.evaluation.confidence import reliability, risk_coverage
from intone.evaluation.metrics import calibration_error
from intone.report.figures.style import FAINT, LINES, OURS, SOFT, WIDTH, blank, plain, styled


@styled
def reliability_figure(tables: Mapping[str, pd.DataFrame], columns: int = 4) -> Figure:
    """Name -> predictions: accuracy against confidence in 15 bins; paler bars hold fewer clips."""
    rows = -(-len(tables) // columns)
    figure = blank(0.9 + 4.1 * rows, WIDTH if len(tables) > 1 else 7.5)
    panels = figure.subplots(rows, min(columns, len(tables)), sharex=True, sharey=True, squeeze=False).ravel()
    for axes, (name, table) in zip(panels, tables.items(), strict=False):
        bins = reliability(table).dropna()
        share = bins["clips"] / bins["clips"].max()
        middle = (bins["low"] + bins["high"]) / 2
        for x, y, weight in zip(middle, bins["accuracy"], share, strict=True):
            axes.bar(x, y, 1 / 15 * 0.92, color=OURS, alpha=0.2 + 0.7 * float(weight), linewidth=0)
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=0.9, linestyle=(0, (3, 2)))
        axes.text(0.04, 0.94, f"ECE {calibration_error(table):.3f}", transform=axes.transAxes, va="top", fontsize=7.5)
        lines = name.replace(", ", ",\n").split("\n")
        axes.set_title("\n".join(textwrap.fill(line, 26) for line in lines), fontsize=6.3)
        axes.set(xlim=(0, 1), ylim=(0, 1), xticks=(0, 0.5, 1), aspect="equal")
        plain(axes)
    for axes in panels[len(tables) :]:
        axes.set_visible(False)
    figure.supxlabel("confidence (probability of the predicted emotion)", fontsize=8)
    figure.supylabel("accuracy (fraction of clips)", fontsize=8)
    return figure


@styled
def risk_coverage_figure(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Name -> predictions: error rate on the accepted clips when those with the lowest confidence are rejected."""
    figure = blank(5.6)
    axes = figure.subplots()
    for k, (name, table) in enumerate(tables.items()):
        curve = risk_coverage(table)
        curve = curve[curve["coverage"] >= 5]  # an error rate over a handful of clips is noise
        axes.plot(curve["coverage"], curve["risk"], color=LINES[k % len(LINES)], linestyle=_dash(k), label=name)
    axes.set(xlabel="coverage: accepted clips (%)", ylabel="error rate on accepted clips (%)")
    axes.set(xlim=(0, 100), ylim=(0, None))
    plain(axes, "y")
    axes.legend(loc="upper left", handlelength=2.6)
    return figure


def _dash(k: int) -> tuple[int, tuple[int, ...]] | str:
    """A dash pattern for each line, so that lines differ without colour."""
    patterns: tuple[tuple[int, tuple[int, ...]] | str, ...] = ("-", (0, (5, 2)), (0, (1, 1)), (0, (5, 1, 1, 1)))
    return patterns[k % len(patterns)]


@styled
def perturbations_figure(rows: pd.DataFrame, columns: int = 5) -> Figure:
    """Columns `model, perturbation, level, unit, order, uar, clean, pass_uar` -> UAR against strength, one panel each.

    `pass_uar`: the UAR below which the pass mark is missed, NaN where there is none at that level.
    """
    kinds = list(dict.fromkeys(rows["perturbation"]))
    lines = -(-len(kinds) // columns)
    figure = blank(0.8 + 3.5 * lines)
    panels = figure.subplots(lines, columns, sharey=True, squeeze=False).ravel()
    for axes, kind in zip(panels, kinds, strict=False):
        mine = rows[rows["perturbation"] == kind]
        levels = list(dict.fromkeys(mine.sort_values("order")["level"].astype(str)))
        for k, (model, part) in enumerate(mine.groupby("model", sort=False)):
            part = part.sort_values("order")
            x = [levels.index(str(v)) for v in part["level"]]
            axes.axhline(part["clean"].iloc[0], color=FAINT, linewidth=0.9, zorder=0)
            color = LINES[k % len(LINES)]
            axes.plot(x, part["uar"], "o", linestyle=_dash(k), color=color, label=model)
            marked = part["pass_uar"].notna().to_numpy()
            axes.plot(
                np.array(x)[marked], part["pass_uar"][marked], "_", color=color, markersize=11, markeredgewidth=1.5
            )
        unit = mine["unit"].iloc[0]
        axes.set_xticks(range(len(levels)), levels)
        axes.set_title(kind, fontsize=7.5)
        axes.tick_params(labelsize=6.5)
        axes.set(ylim=(0, 100), xlim=(-0.4, len(levels) - 0.6))
        axes.set_xlabel(unit, fontsize=7)
        plain(axes, "y")
    for axes in panels[len(kinds) :]:
        axes.set_visible(False)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=7)
    figure.supylabel("UAR (%)", fontsize=8)
    return figure
