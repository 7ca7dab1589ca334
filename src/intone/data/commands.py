"""`intone data get` and `data check`: where corpora come from, and whether RAVDESS is whole."""

from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from intone.errors import IntoneError


def data_get(
    corpus: Positional[Literal["ravdess", "goemotions"]], folder: Path | None = None, archive: Path | None = None
) -> None:
    """Download a corpus: RAVDESS speech from Zenodo (199 MB, resumable), or GoEmotions from its authors.

    Args:
        corpus: Name of the corpus.
        folder: Where to put it; default data/CORPUS.
        archive: A copy of RAVDESS's zip on this machine; then nothing is downloaded.
    """
    from intone.data import goemotions, ravdess

    if corpus == "ravdess":
        print(ravdess.get(folder, archive))
    else:
        print(goemotions.get(folder or Path("data/goemotions")))


def data_check(folder: Positional[Path | None] = None) -> None:
    """Verify RAVDESS: 24 x 60 clips, the class counts, and that each clip decodes to exactly the published samples.

    Args:
        folder: The RAVDESS folder; default INTONE_RAVDESS, else data/ravdess.
    """
    from intone.data.ravdess_check import check

    report = check(folder)
    for line in report.lines():
        print(line)
    if not report.whole:
        raise IntoneError("This is not the whole published RAVDESS: `intone data get ravdess` fetches it.")
