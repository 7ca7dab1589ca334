"""What may be concluded, what may not, and how it was made: inferences, limits, looks at test, sources, licences."""

from typing import Any

from intone.report.findings import inferences
from intone.report.markdown import Gallery
from intone.report.sections.answer import LEARNED, published
from intone.report.sections.cross_corpus import carried_over
from intone.report.sections.models import every_run
from intone.report.source import WORDS, Source
from intone.version import __version__


def section(source: Source, gallery: Gallery) -> dict[str, Any]:
    """What templates/limits.md is filled with."""
    looks = source.table("test_looks.csv")
    return {
        "inferences": inferences(source)[LEARNED:],
        "looks": None if looks is None else len(looks),
        "again": None if looks is None else int(looks.duplicated(["model", "track", "protocol"]).sum()),
        "elsewhere": carried_over(source),
        "seeds": source.seeds.reset_index().to_dict("records"),
        "version": __version__,
        "published": gallery.captioned("Figures of others, not measured here.", published(source)),
        "runs": gallery.captioned(
            "Every run: accuracy in percent, test UAR with its 95 % interval. Tracks: "
            + "; ".join(f"*{track}*: {words}" for track, words in WORDS.items())
            + ". *natural* measures fusion, not RAVDESS; *simulated*, `random` and `luna5_test…` are leaks.",
            every_run(source),
        ),
    }
