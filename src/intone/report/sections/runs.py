"""summary.csv and published.csv -> tables of every run, and of other systems."""

from typing import Any

from intone.report.markdown import Gallery
from intone.report.sections.answer import published
from intone.report.sections.models import every_run
from intone.report.source import WORDS, Source


def section(source: Source, gallery: Gallery) -> dict[str, Any]:
    """What templates/runs.md is filled with."""
    return {
        "published": gallery.captioned("Published results of other systems, not measured here.", published(source)),
        "runs": gallery.captioned(
            "All runs: accuracy in percent, and test UAR with its 95 % interval. Tracks: *none*: audio alone; "
            + "; ".join(f"*{track}*: {words}" for track, words in WORDS.items())
            + ". *natural* measures fusion, not RAVDESS; *simulated*, `random` and `luna5_test…` are leaks.",
            every_run(source),
        ),
    }
