"""Rows of voice.csv (UAR in percent by number of known clips) -> curves of a known voice, one panel a protocol."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from intone.report.figures.style import INK, LINES, OTHERS, SOFT, blank, plain, styled

WHOLE: Final = "recording"
"""The count of all clips of a speaker, the judged one included."""

END: Final = 90.0
"""Place of `WHOLE` on the axis of counts."""

BESIDE: Final = 1.18 * END
"""Place of published systems, which are not to cover ours."""

MARKS: Final = "osD^vP"
"""Markers of the ways of drawing, which differ without colour."""


@styled
def voice_figure(
    rows: pd.DataFrame, kinds: Mapping[str, str], protocols: Sequence[str], published: pd.DataFrame
) -> Figure:
    """One model's rows, `protocol, kind, k, uar, uar_low, uar_high` -> UAR against the number of known clips.

    `kinds`: way of drawing -> its name, the random one, which gets its interval, first; k is text: "8", "recording".
    `published`: columns `system, setting, value`, systems that know all clips of a voice, each in its protocol's panel.
    """
    figure = blank(8.4)
    panels = figure.subplots(1, len(protocols), sharey=True, squeeze=False).ravel()
    for axes, protocol in zip(panels, protocols, strict=True):
        _curves(axes, rows[rows["protocol"] == protocol], kinds)
        theirs = published[published["setting"] == protocol]
        axes.set_title(protocol)
        axes.set(xscale="log", xlabel="known clips of the speaker", xlim=(0.85, END * 1.4))
        counts = [k for k in dict.fromkeys(rows["k"]) if k not in ("0", WHOLE)]
        axes.set_xticks([*map(float, counts), END], [*counts, WHOLE])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
        _published(axes, theirs)
        plain(axes, "y")
    panels[0].set_ylabel("test UAR (%)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _curves(axes: Axes, rows: pd.DataFrame, kinds: Mapping[str, str]) -> None:
    """A line for each way of drawing, and a horizontal one for the model that knows nothing of the voice."""
    for none in rows.loc[rows["k"] == "0", "uar"]:
        axes.axhline(none, color=SOFT, linewidth=1.2, linestyle=(0, (4, 2)), label="nothing is known")
    for place, (kind, name) in enumerate(kinds.items()):
        mine = rows[(rows["kind"] == kind) & (rows["k"] != "0")]
        if not len(mine):
            continue
        mine = mine.assign(x=mine["k"].replace(WHOLE, END).astype(float)).sort_values("x")
        look: dict[str, Any] = {"color": LINES[place % len(LINES)], "marker": MARKS[place % len(MARKS)]}
        drawn = mine[mine["k"] != WHOLE]
        axes.plot(drawn["x"], drawn["uar"], label=name, **look)
        if place == 0:
            axes.fill_between(mine["x"], mine["uar_low"], mine["uar_high"], color=look["color"], alpha=0.13, lw=0)
        last = mine.iloc[-2:] if (mine["k"] == WHOLE).any() else mine.iloc[:0]
        axes.plot(last["x"], last["uar"], linestyle=(0, (1, 1)), mfc="white", zorder=1.5, **look)


def _published(axes: Axes, rows: pd.DataFrame) -> None:
    """Open grey squares beside `WHOLE`, with names to the right of the panel that don't overlap."""
    axes.plot([BESIDE] * len(rows), rows["value"], "s", color=OTHERS, mfc="white", markersize=4.5, linestyle="none")
    low, high = axes.get_ylim()
    height, place = (high - low) / 15, float("-inf")
    for row in rows.sort_values("value").to_dict("records"):
        place = max(float(row["value"]), place + height)
        axes.annotate(
            f"{row['value']:.1f} {str(row['system']).split(',')[0]}",
            (BESIDE, row["value"]),
            (1.04, place),
            textcoords=axes.get_yaxis_transform(),
            arrowprops={"arrowstyle": "-", "color": OTHERS, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3},
            va="center",
            fontsize=6.5,
            color=INK,
        )
