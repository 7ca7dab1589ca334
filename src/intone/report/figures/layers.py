"""UAR of a probe on each layer of an encoder -> a curve, with the layers marked that folds choose."""

import pandas as pd
from matplotlib.figure import Figure

from intone.report.figures.style import OURS, blank, plain, styled


@styled
def layers_figure(rows: pd.DataFrame) -> Figure:
    """Columns `layer, uar` (percent), `chosen` (number of folds that choose the layer) -> the curve."""
    figure = blank(5.2, 10.5)
    axes = figure.subplots()
    axes.plot(rows["layer"], rows["uar"], color=OURS, marker=".")
    taken = rows[rows["chosen"] > 0]
    axes.scatter(taken["layer"], taken["uar"], s=60, facecolor="none", edgecolor=OURS)
    for row in taken.to_dict("records"):
        folds = "1 fold" if row["chosen"] == 1 else f"{row['chosen']} folds"
        axes.annotate(folds, (row["layer"], row["uar"]), (0, 8), textcoords="offset points", ha="center")
    axes.set_xticks(list(rows["layer"]))
    axes.set(xlabel="layer of the encoder", ylabel="test UAR (%)", ylim=(rows["uar"].min() - 2, rows["uar"].max() + 4))
    plain(axes, "y")
    return figure
