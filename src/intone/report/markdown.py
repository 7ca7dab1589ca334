"""Rows and figures -> Markdown: tables, verdicts, pictures with captions, notes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.figure import Figure

from intone.report.figures import save
from intone.report.numbers import span

GAIN, LOSS, NONE = "a gain", "a loss", "no gain"
LEVEL = 0.05
"""Below this, corrected by Holm, a difference is called one."""


def table(head: Sequence[str], rows: Iterable[Sequence[object]], left: int = 1, last: int = 0) -> str:
    """A pipe table; the first `left` and the last `last` columns are text, the others right-aligned figures."""
    rule = "|".join(":--" if k < left or k >= len(head) - last else "--:" for k in range(len(head)))
    lines = [f"| {' | '.join(map(str, cells))} |" for cells in rows]
    return "\n".join([f"| {' | '.join(head)} |", f"|{rule}|", *lines])


def whole_span(value: float, low: float, high: float) -> str:
    """A rate and its 95 % interval, never broken over two lines."""
    return span(value, low, high, "\u00a0")


def verdict(gap: float, p: float) -> str:
    """What a difference may be called: a gain or a loss only where its corrected p is below `LEVEL`."""
    if p >= LEVEL:
        return NONE
    return GAIN if gap > 0 else LOSS


def listed(items: Sequence[str]) -> str:
    """a, b and c."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def absent(command: str, *what: str) -> str:
    """One note in place of what has not been measured yet; "" where nothing is missing."""
    if not what:
        return ""
    them = "it" if len(what) == 1 else "them"
    return f"::: note\n**Not measured yet:** {'; '.join(what)}. `{command}` makes {them}.\n:::"


@dataclass
class Gallery:
    """Where figures go, numbered in the order in which they are drawn."""

    folder: Path
    keep: bool = True
    """False: figures are named and not written, where the text alone is wanted."""
    drawn: list[str] = field(default_factory=list)
    """Names of the pictures."""
    figures: int = 0
    tables: int = 0

    def add(self, caption: str, figures: Mapping[str, Figure]) -> str:
        """Draw figures side by side, as SVG and PNG; Markdown with the number and the caption."""
        total = sum(figure.get_size_inches()[0] for figure in figures.values())
        images = []
        for name, figure in figures.items():
            for ending in ("svg", "png") if self.keep else ():
                save(figure, self.folder / f"{name}.{ending}")
            full = 17.0 / 2.54  # a figure is shown in the size that it was drawn for, or the row fills the page
            share = figure.get_size_inches()[0] / max(total * 1.02, full)
            alt = caption.split(".")[0].replace("[", "").replace("]", "").replace("`", "")
            images.append(f"![{alt}](figures/{name}){{width={100 * share:.0f}%}}")
            self.drawn.append(name)
        self.figures += 1
        row = " ".join(images) if len(images) > 1 else images[0] + "\\"
        return f"::: figure\n{row}\n\n**Figure {self.figures}.** {caption}\n:::"

    def captioned(self, caption: str, rows: str) -> str:
        """A table with its number and caption above."""
        self.tables += 1
        return f"::: caption\n**Table {self.tables}.** {caption}\n:::\n\n{rows}"
