"""`intone data get` and `data check`: where corpora come from, and whether RAVDESS is whole."""

from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from intone.errors import IntoneError


def data_get(
    corpus: Positional[Literal["ravdess", "goemotions"]], folder: Path | None = None, archive: Path | None = None
) -> None:
    """Fetch a corpus: RAVDESS speech from Zenodo (199 MB, resumed where it stopped), GoEmotions from its authors.

    Args:
        corpus: Which one.
        folder: Where to put it; data/CORPUS by default.
        archive: A copy of RAVDESS's zip that is here already; nothing is downloaded then.
    """
    from intone.data import goemotions, ravdess

    if corpus == "ravdess":
        print(ravdess.get(folder, archive))
    else:
        print(goemotions.get(folder or Path("data/goemotions")))


def data_check(folder: Positional[Path | None] = None) -> None:
    """Verify 24 x 60 clips, their classes, that each decodes and holds just the samples that were published.

    Args:
        folder: RAVDESS; else INTONE_RAVDESS, else data/ravdess.
    """
    from intone.data.ravdess_check import check

    report = check(folder)
    for line in report.lines():
        print(line)
    if not report.whole:
        raise IntoneError("This is not the whole published RAVDESS: `intone data get ravdess` fetches it.")
