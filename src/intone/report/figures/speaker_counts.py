"""UAR by the number of training speakers -> a curve with its band of random draws."""

import pandas as pd
from matplotlib.figure import Figure

from intone.report.figures.style import OURS, blank, plain, styled


@styled
def speaker_counts_figure(rows: pd.DataFrame) -> Figure:
    """Columns `speakers, uar, low, high` (percent) -> the curve, on a logarithmic axis of speakers."""
    figure = blank(5.2, 10.5)
    axes = figure.subplots()
    axes.fill_between(rows["speakers"], rows["low"], rows["high"], color=OURS, alpha=0.15, linewidth=0)
    axes.plot(rows["speakers"], rows["uar"], color=OURS, marker="o")
    for row in rows.to_dict("records"):
        above = (0, 6)
        axes.annotate(
            f"{row['uar']:.1f}", (row["speakers"], row["uar"]), above, textcoords="offset points", ha="center"
        )
    axes.set_xscale("log")
    axes.set_xticks(list(rows["speakers"]), [str(n) for n in rows["speakers"]])
    axes.minorticks_off()
    axes.set(xlabel="training speakers of each fold", ylabel="test UAR (%)", ylim=(rows["low"].min() - 3, 90))
    plain(axes, "y")
    return figure
