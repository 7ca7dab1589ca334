"""Attention over time and contributions of modalities -> figures by emotion."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from intone.emotions import COLOURS, EMOTIONS
from intone.report.figures.style import INK, OURS, SOFT, blank, plain, styled


@styled
def attention_figure(rows: pd.DataFrame) -> Figure:
    """Columns `model, emotion, position` (0 to 1 of the clip), `weight` (1: uniform) -> one panel per emotion."""
    figure = blank(6.4)
    panels = figure.subplots(2, 4, sharex=True, sharey=True).ravel()
    for axes, emotion in zip(panels, EMOTIONS, strict=True):
        mine = rows[rows["emotion"] == emotion]
        for k, (_, part) in enumerate(mine.groupby("model", sort=False)):
            part = part.sort_values("position")
            axes.plot(part["position"], part["weight"], color=COLOURS[emotion], linestyle=("-", (0, (4, 2)))[k % 2])
        axes.axhline(1, color=SOFT, linewidth=0.7, linestyle=(0, (3, 2)))
        axes.set(title=emotion, xlim=(0, 1), ylim=(0, None), xticks=(0, 0.5, 1))
        axes.set_xticklabels(["start", "middle", "end"])
        plain(axes)
    figure.supylabel("attention weight (1: uniform)", fontsize=8)
    return figure


@styled
def shares_figure(rows: pd.DataFrame) -> Figure:
    """Columns `model, track, emotion, audio, text` (shares of a log ratio) -> stacked bars, one panel per track."""
    tracks = list(dict.fromkeys(rows["track"]))
    figure = blank(5.4)
    panels = figure.subplots(1, len(tracks), sharex=True, sharey=True, squeeze=False).ravel()
    for axes, track in zip(panels, tracks, strict=True):
        mine = rows[rows["track"] == track].set_index("emotion").reindex(list(EMOTIONS))
        y = np.arange(len(EMOTIONS))
        left = np.zeros(len(EMOTIONS))
        for part, hatch in (("audio", ""), ("text", "////")):
            values = mine[part].to_numpy()
            colours = [COLOURS[e] for e in EMOTIONS]
            start = np.where(np.sign(values) == np.sign(left), left, 0)
            axes.barh(y, values, left=start, color=colours, hatch=hatch, edgecolor="white", linewidth=0.4)
            axes.barh([0], [0], color=OURS if not hatch else SOFT, hatch=hatch, edgecolor="white", label=part)
            left = left + values
        axes.set_yticks(y, EMOTIONS)
        if not axes.yaxis_inverted():
            axes.invert_yaxis()
        axes.axvline(0, color=INK, linewidth=0.7)
        axes.set(title=track, xlabel="log (probability / chance)")
        plain(axes, "x")
    panels[0].legend(loc="lower left", bbox_to_anchor=(0, 1.12 if "\n" in "".join(tracks) else 1.06), ncols=2)
    return figure
