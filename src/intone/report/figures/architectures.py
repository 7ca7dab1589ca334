"""Stages of networks -> drawings: a column of boxes for each model, from input to output."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from intone.report.figures.style import INK, OURS, SOFT, WIDTH, styled

ACROSS: Final = 3
"""Drawings side by side."""

CHARACTERS: Final = 34
"""Of a line in a box."""

LINE: Final = 0.31
"""Centimetres of a line of text."""


@styled
def architectures_figure(models: Mapping[str, Sequence[tuple[str, str]]]) -> Figure:
    """Title -> stages, each what it is and its sizes: rows of drawings, as many as are needed."""
    titles = list(models)
    rows = [titles[k : k + ACROSS] for k in range(0, len(titles), ACROSS)]
    heights = [max(_height(models[title]) for title in row) for row in rows]
    # Without the usual layout, which would make room for text that lies inside of the boxes.
    figure = Figure(figsize=(WIDTH / 2.54, sum(heights) / 2.54))
    figure.subplots_adjust(left=0, right=1, bottom=0, top=1, wspace=0.02, hspace=0)
    grid = figure.subplots(len(rows), ACROSS, squeeze=False, gridspec_kw={"height_ratios": heights})
    for row, height, line in zip(rows, heights, grid, strict=True):
        for k, axes in enumerate(line):
            axes.set_axis_off()
            if k < len(row):
                _draw(axes, row[k], models[row[k]], height)
    return figure


def _lines(stage: tuple[str, str]) -> tuple[list[str], list[str]]:
    return textwrap.wrap(stage[0], CHARACTERS), textwrap.wrap(stage[1], CHARACTERS + 4)


def _box(stage: tuple[str, str]) -> float:
    """Height of a stage's box in centimetres."""
    return LINE * sum(map(len, _lines(stage))) + 0.16


def _height(stages: Sequence[tuple[str, str]]) -> float:
    return sum(_box(stage) + 0.2 for stage in stages) + 0.8


def _draw(axes: Axes, title: str, stages: Sequence[tuple[str, str]], height: float) -> None:
    axes.set(xlim=(0, 1), ylim=(height, 0))
    told = "\n".join(textwrap.wrap(title, CHARACTERS - 6))
    axes.text(0.5, 0.4, told, ha="center", va="center", fontsize=7.5, fontweight="bold", color=OURS)
    top = 0.8
    for k, stage in enumerate(stages):
        box = _box(stage)
        axes.add_patch(
            FancyBboxPatch(
                *((0.03, top), 0.94, box), boxstyle="round,pad=0,rounding_size=0.02", mutation_aspect=height / 5,
                facecolor="#F4F1FA", edgecolor=SOFT, linewidth=0.6
            )
        )  # fmt: skip
        head, sizes = _lines(stage)
        for place, text in enumerate([*head, *sizes]):
            shade = INK if place < len(head) else SOFT
            at = top + 0.08 + LINE * (place + 0.5)
            axes.text(0.5, at, text, ha="center", va="center", fontsize=7 if place < len(head) else 6.2, color=shade)
        top += box + 0.2
        if k + 1 < len(stages):
            arrow = {"arrowstyle": "-|>", "color": SOFT, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0}
            axes.annotate("", (0.5, top), (0.5, top - 0.2), arrowprops=arrow)
