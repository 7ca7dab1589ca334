"""Rows and figures -> Markdown: tables, verdicts, figures with captions, notes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.figure import Figure

from intone.report.figures import save
from intone.report.numbers import span

GAIN, LOSS, NONE = "a gain", "a loss", "no gain"
LEVEL = 0.05
"""Significance level of the p values corrected by Holm's method."""


def table(head: Sequence[str], rows: Iterable[Sequence[object]], left: int = 1, last: int = 0) -> str:
    """A pipe table; the first `left` and the last `last` columns are text, the others right-aligned numbers."""
    rule = "|".join(":--" if k < left or k >= len(head) - last else "--:" for k in range(len(head)))
    lines = [f"| {' | '.join(map(str, cells))} |" for cells in rows]
    return "\n".join([f"| {' | '.join(head)} |", f"|{rule}|", *lines])


def whole_span(value: float, low: float, high: float) -> str:
    """A rate and its 95 % interval with non-breaking spaces."""
    return span(value, low, high, "\u00a0")


def verdict(gap: float, p: float) -> str:
    """Name of a difference: a gain or a loss only where its corrected p is below `LEVEL`."""
    if p >= LEVEL:
        return NONE
    return GAIN if gap > 0 else LOSS


def listed(items: Sequence[str]) -> str:
    """a, b and c."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def absent(command: str, *what: str) -> str:
    """One note in place of missing data, with the command that makes them; "" where nothing is missing."""
    if not what:
        return ""
    return f"::: note\n**Not measured yet:** {'; '.join(what)}. Run `{command}`.\n:::"


@dataclass
class Gallery:
    """The folder of the figures, and their numbers in the order in which they are drawn."""

    folder: Path
    keep: bool = True
    """False: figures are named but not written, for the text alone."""
    drawn: list[str] = field(default_factory=list)
    """Names of the figures."""
    figures: int = 0
    tables: int = 0

    def add(self, caption: str, figures: Mapping[str, Figure], reading: str = "") -> str:
        """Draw figures side by side, as SVG and PNG; Markdown with the number, the caption and what is to be seen."""
        total = sum(figure.get_size_inches()[0] for figure in figures.values())
        images = []
        for name, figure in figures.items():
            for ending in ("svg", "png") if self.keep else ():
                save(figure, self.folder / f"{name}.{ending}")
            full = 17.0 / 2.54  # a figure is shown at its own size, or the row fills the page
            share = figure.get_size_inches()[0] / max(total * 1.02, full)
            alt = caption.split(".")[0].replace("[", "").replace("]", "")
            images.append(f"![{alt}](figures/{name}){{width={100 * share:.0f}%}}")
            self.drawn.append(name)
        self.figures += 1
        row = " ".join(images) if len(images) > 1 else images[0] + "\\"
        seen = f" *{reading}*" if reading else ""
        return f"::: figure\n{row}\n\n**Figure {self.figures}.** {caption}{seen}\n:::"

    def captioned(self, caption: str, rows: str) -> str:
        """A table with its number and caption above."""
        self.tables += 1
        return f"::: caption\n**Table {self.tables}.** {caption}\n:::\n\n{rows}"
