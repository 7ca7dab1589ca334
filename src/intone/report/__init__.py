"""A results folder -> one Markdown document -> report/intone-report.pdf, .docx and .html, the same content in each.

Every figure is computed from files of the results folder, or read from published.csv, which is marked as others'. A
section whose data are not there says which command makes them.
"""

import hashlib
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeAlias

import jinja2

from intone.cache import digest, write_whole
from intone.progress import say
from intone.report import card
from intone.report.documents import write_documents
from intone.report.markdown import Gallery
from intone.report.sections import (
    answer,
    calibration,
    cost,
    errors,
    fusions,
    leaks,
    limits,
    methods,
    models,
    protocols,
    robustness,
    runs,
    saliency,
    text,
    variation,
    voice,
)
from intone.report.source import Source
from intone.version import __version__

Section: TypeAlias = tuple[str, Callable[[Source, Gallery], dict[str, Any] | None]]

SECTIONS: Final[dict[str, Section]] = {
    "answer": ("Main results", answer.section),
    "methods": ("Data, models and methods", methods.section),
    "text": ("Text models and fusion", text.section),
    "protocols": ("All protocols together", protocols.section),
    "leaks": ("Data leakage", leaks.section),
    "calibration": ("Calibration", calibration.section),
    "robustness": ("Fairness and robustness", robustness.section),
    "saliency": ("Explanations of predictions", saliency.section),
    "mistakes": ("Error analysis", errors.section),
    "cost": ("Size, training time and inference time", cost.section),
    "variation": ("Chance in training, its parts and its speakers", variation.section),
    "voice": ("A voice that is known: adaptation without labels", voice.section),
    "limits": ("Further findings and limitations", limits.section),
}
"""Template -> its heading and what fills it, in the order of the report; what is filled with None is left out."""

APPENDICES: Final[dict[str, Section]] = {
    "portraits": ("Results by model", models.section),
    "fusions": ("Fusions against their branches", fusions.section),
    "cases": ("A voice that is known: all cases", voice.cases),
    "runs": ("Published results, and all runs", runs.section),
}
"""The same for what follows the body."""

TITLE = "Speech emotion recognition on RAVDESS"
SUBTITLE = "Audio models, text models and their fusion"


def report(results: Path, out: Path, card_path: Path | None = None) -> list[Path]:
    """Write the three documents and their Markdown into `out`, and the model card; the paths of all but the Markdown.

    Raises IntoneError where `results` has no summary.
    """
    gallery = Gallery(out / "figures")
    text = document(results, gallery)
    _tidy(gallery)
    paths = write_documents(text, out, TITLE, SUBTITLE, edition(results))
    if card_path:
        write_whole(card_path, model_card(results).encode())
        paths.append(card_path)
    return paths


def edition(results: Path) -> str:
    """What a report was made of: version, the day of the last reading of test, and a digest of the tables."""
    looks = Source(results).table("test_looks.csv")
    days = [] if looks is None else sorted(when[:10] for when in looks["when"] if when[:1].isdigit())
    tables = [path.read_bytes() for path in sorted(results.glob("*.csv"))]
    found = digest(*(hashlib.sha256(table).hexdigest() for table in tables))[:12]
    day = f" · {days[-1]}" if days else ""
    return f"intone {__version__}{day} · results {found} (digest of results/*.csv)"


def model_card(results: Path) -> str:
    """MODEL_CARD.md, in the model hub's format."""
    source = Source(results)
    return titled(source, _templates().get_template("card.md").render(card.section(source)))


def document(results: Path, gallery: Gallery) -> str:
    """The report as Markdown; its figures go to the gallery."""
    source = Source(results)
    total = int(source.row(source.lead.experiment)["clips"])
    parts: list[str] = []
    numbers, letters = map(str, count(1)), iter("ABCDEFGH")
    for place, (name, (heading, section)) in enumerate({**SECTIONS, **APPENDICES}.items(), start=1):
        say(f"{place}/{len(SECTIONS) + len(APPENDICES)} {heading}")
        if (found := section(source, gallery)) is None:
            continue
        body = _templates().get_template(f"{name}.md").render(total=total, **found)
        number = next(letters if name in APPENDICES else numbers)
        fresh = PAGE if number == "A" else ""
        parts.append(f"{fresh}\n\n## {number} {heading}\n\n{body}")
    text = "\n\n".join(parts)
    if glossary := source.catalogue.glossary(text):
        parts.append(f"## {next(letters)} Models and their identifiers\n\n{KEPT}\n{glossary}\n{KEPT}")
    return titled(source, "\n\n".join(parts)) + "\n"


KEPT = "<!-- identifiers -->"
"""Around what keeps models' identifiers: sections write a model as its identifier, and readers meet its title."""


def titled(source: Source, text: str) -> str:
    """Markdown with models' titles in the place of their identifiers, but in the glossary."""
    before, *rest = text.split(KEPT)
    glossary = rest[0] if rest else ""
    return source.catalogue.titled(before) + glossary + "".join(source.catalogue.titled(part) for part in rest[1:])


def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("intone.report"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, made from our own tables
    )


PAGE = "::: pagebreak\n:::"
"""Before the appendices, which then follow one another without gaps."""


DRAWN = ".drawn"
"""Names the report's own pictures in their folder, so that another's are never removed."""


def _tidy(gallery: Gallery) -> None:
    """Remove pictures that an earlier report drew and this one has no use for."""
    listing = gallery.folder / DRAWN
    before = listing.read_text().split() if listing.exists() else []
    for name in set(before) - set(gallery.drawn):
        for ending in ("svg", "png"):
            (gallery.folder / f"{name}.{ending}").unlink(missing_ok=True)
    write_whole(listing, "".join(f"{name}\n" for name in sorted(gallery.drawn)).encode())
