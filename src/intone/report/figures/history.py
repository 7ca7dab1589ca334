"""Histories (loss in nats, accuracy in percent, by epoch) -> learning curves."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from intone.report.figures.style import INK, TEST, TRAIN, VALIDATION, blank, plain, styled


@styled
def history_figure(history: pd.DataFrame, title: str = "", test: Mapping[str, float] | None = None) -> Figure:
    """History (columns epoch, split, loss, accuracy and perhaps fold) -> loss and accuracy over epochs.

    Thin lines: folds; thick lines: their mean. `test`: loss and accuracy of the final weights on test actors, a dashed
    line, since test clips are not evaluated at each epoch.
    """
    figure = blank(5.4)
    panels = figure.subplots(1, 2, gridspec_kw={"wspace": 0.06})
    _draw(panels, history, test)
    panels[0].legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)
    if title:
        figure.suptitle(title, x=0.01, ha="left", color=INK, fontsize=8.5, fontweight="bold")
    return figure


@styled
def histories_figure(histories: Mapping[str, pd.DataFrame], tests: Mapping[str, Mapping[str, float]]) -> Figure:
    """Name -> history, and name -> test, as in `history_figure`: two models per row, loss and accuracy of each."""
    rows = -(-len(histories) // 2)
    figure = blank(0.8 + 2.9 * rows)
    panels = figure.subplots(rows, 4, squeeze=False)
    pairs = [pair for row in panels for pair in (row[:2], row[2:])]
    for pair, (name, history) in zip(pairs, histories.items(), strict=False):
        _draw(pair, history, tests[name])
        pair[0].set_title(name, fontsize=7)
    for pair in pairs[len(histories) :]:
        for axes in pair:
            axes.set_axis_off()
    for axes in panels.ravel():
        axes.set(xlabel="", ylabel=axes.get_ylabel().split(" ")[0])
        axes.tick_params(labelsize=6)
        axes.yaxis.label.set_fontsize(6.5)
    lines, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside upper left", ncols=3)
    figure.supxlabel("epoch", fontsize=7)
    return figure


def _draw(panels: Sequence[Axes], history: pd.DataFrame, test: Mapping[str, float] | None) -> None:
    """Loss into the first of two panels, accuracy into the second."""
    history = history if "fold" in history else history.assign(fold="1")
    for axes, column, label in zip(panels, ("loss", "accuracy"), ("loss (nats)", "accuracy (%)"), strict=True):
        for split, colour in (("train", TRAIN), ("validation", VALIDATION)):
            wide = history[history["split"] == split].pivot_table(index="epoch", columns="fold", values=column)
            if wide.shape[1] > 1:
                axes.plot(wide.index, wide, color=colour, linewidth=0.5, alpha=0.45)
            axes.plot(wide.index, wide.mean(axis=1), color=colour, label=split)
        if test:
            axes.axhline(test[column], color=TEST, linestyle=(0, (4, 2)), linewidth=1.2, label="test, final weights")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set(xlabel="epoch", ylabel=label, ylim=(0, None))
        plain(axes, "y")
    panels[1].set_ylim(0, 100)
