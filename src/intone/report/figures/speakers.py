"""Results by speaker -> one dot per speaker."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from intone.report.figures.style import FAINT, OURS, SEX, SOFT, blank, plain, styled


@styled
def speakers_figure(by_speaker: pd.DataFrame, sex: Mapping[str, str] | None = None, title: str = "") -> Figure:
    """Index `speaker`, column `accuracy` (percent) -> one dot per speaker, the best on top; `sex`: speaker -> sex."""
    rows = by_speaker.sort_values("accuracy")
    figure = blank(max(3.0, 0.9 + 0.28 * len(rows)), 7.6)
    axes = figure.subplots()
    sex = sex or {}
    for place, (speaker, value) in enumerate(rows["accuracy"].items()):
        colour, marker = SEX.get(sex.get(str(speaker), ""), (OURS, "o"))
        axes.hlines(place, 0, value, color=FAINT, linewidth=1.2)
        axes.plot(value, place, marker, color=colour, markersize=4.5)
    for name in dict.fromkeys(sex.get(str(s), "") for s in rows.index):
        if name in SEX:
            axes.plot([], [], SEX[name][1], color=SEX[name][0], label=name)
    mean = rows["accuracy"].mean()
    axes.axvline(mean, color=SOFT, linewidth=0.9, linestyle=(0, (3, 2)))
    axes.set_yticks(range(len(rows)), [str(s).removeprefix("ravdess-") for s in rows.index], fontsize=6.5)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set(xlabel="accuracy (%), dashed: mean", ylabel="actor", title=title)
    axes.set(xlim=(0, 100), ylim=(-0.7, len(rows) - 0.3))
    if sex:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.1)
    plain(axes)
    return figure
