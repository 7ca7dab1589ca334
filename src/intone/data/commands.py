"""`intone data get`, `data check` and `data pack`: corpora are fetched, checked, and written as shards."""

from pathlib import Path
from typing import Literal

from tyro.conf import OmitArgPrefixes, Positional

from intone.data.clip_source import ClipSource
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


def data_pack(
    out: Positional[Path],
    clips: OmitArgPrefixes[ClipSource] = ClipSource(),
    language: str = "en",
    most: int = 1000,
) -> None:
    """Write clips with labels as Parquet shards in oruk-bench's form (audio_flac, label, language, source_id), which
    `intone evaluate` and other systems read.

    Args:
        out: Folder for the shards.
        clips: Which clips.
        language: The language spoken in them, as it is to stand in the shards.
        most: Clips in a shard.
    """
    from intone.data.shards import write_shards

    if most < 1:
        raise IntoneError(f"A shard of {most} clips is none: give --most 1 or more.")
    for path in write_shards(clips.corpus(), language, out, most):
        print(path, flush=True)


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
