"""Width and height in centimetres -> an empty figure in the common style; figure -> file."""

import re
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

INK: Final = "#222222"
SOFT: Final = "#777777"
FAINT: Final = "#DDDDDD"
OURS: Final = "#332288"
"""Results of this project."""
OTHERS: Final = "#999999"
"""Published results of others."""
WARN: Final = "#CC6677"
"""A leak."""
TRAIN, VALIDATION, TEST = "#999999", "#AA4499", "#332288"
SEX: Final = {"female": ("#44AA99", "o"), "male": ("#882255", "s")}
"""Colour and marker, which differ in black and white too. Tol's "muted" scheme, as for the emotions."""
LINES: Final = ("#332288", "#CC6677", "#44AA99", "#DDCC77", "#882255", "#88CCEE", "#117733", "#777777")

MARKERS: Final = ("o", "s", "^", "D", "v", "P")
"""Of models in one figure, beside their colours."""

DOTS: Final = 160
"""Pixels per inch of the pictures in the DOCX."""

PALETTE: Final = 128
"""Colours of those pictures."""

PLACES: Final = re.compile(r' (?:d|x|y|cx|cy|width|height|points|transform)="[^"]*"')
"""Attributes of an SVG that hold places."""

FONTS: Final = re.compile(r"font-family: [^;\"]*")
FONT: Final = "font-family: 'DejaVu Sans', Verdana, sans-serif"
"""Verdana has the same widths, for pages on machines without the first; matplotlib names eight others after it."""

LEVEL_TEXT: Final = re.compile(r' transform="rotate\(-0 [^"]*"')
"""A rotation by nothing, which every text has."""

FINE: Final = re.compile(r"(\d\.\d\d)\d+")

WIDTH: Final = 17.0
"""Text width of an A4 page in centimetres: figures are drawn at the size at which they are shown."""

styled = mpl.rc_context(
    {
        "font.family": "DejaVu Sans",
        "font.size": 8,
        "axes.titlesize": 8.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelsize": 8,
        "axes.edgecolor": SOFT,
        "axes.labelcolor": INK,
        "axes.titlecolor": INK,
        "axes.linewidth": 0.7,
        "axes.axisbelow": True,
        "xtick.labelsize": 7.5,
        "ytick.labelsize": 7.5,
        "xtick.color": INK,
        "ytick.color": INK,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "legend.fontsize": 7.5,
        "legend.frameon": False,
        "lines.linewidth": 1.6,
        "lines.markersize": 4,
        "figure.dpi": 100,
        "svg.fonttype": "none",
        "path.simplify_threshold": 0.8,  # pixels: finer turns of a curve aren't seen
        "svg.hashsalt": "intone",
    }
)
"""Decorator of functions that make figures: the style applies only while the function runs."""


def blank(height: float, width: float = WIDTH) -> Figure:
    """An empty figure of `width` x `height` centimetres."""
    return Figure(figsize=(width / 2.54, height / 2.54), layout="constrained")


def plain(axes: Axes, grid: Any = "") -> None:
    """Remove spines without data; `grid` is "x", "y", "both" or "" for none."""
    axes.spines[["top", "right"]].set_visible(False)
    if grid:
        axes.grid(axis=grid, color=FAINT, linewidth=0.6)


@styled
def save(figure: Figure, path: Path) -> Path:
    """Write SVG or PNG, by the file's ending; the same figure gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".svg":
        text = StringIO()
        figure.savefig(text, format="svg", facecolor="white", metadata={"Date": None})
        # A hundredth of a point is finer than any printer; the digits behind it are a third of the file.
        short = LEVEL_TEXT.sub("", FONTS.sub(FONT, text.getvalue()))
        path.write_text(PLACES.sub(lambda found: FINE.sub(r"\1", found[0]), short))
        return path
    drawn = BytesIO()
    figure.savefig(drawn, dpi=DOTS, facecolor="white")
    # A palette is a third of the size, and a figure has fewer colours than one holds.
    with Image.open(drawn) as picture:
        picture.convert("RGB").quantize(PALETTE, dither=Image.Dither.NONE).save(path, optimize=True)
    return path
