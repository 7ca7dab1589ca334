"""An `Analysis` -> files that other programs open: the one table of formats; a new one is a function and a line."""

import errno
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from intone.analysis import Analysis
from intone.cache import write_whole
from intone.errors import BadClip, IntoneError
from intone.formats.annotations import audacity, labelstudio, rttm, textgrid
from intone.formats.page import page
from intone.formats.subtitles import srt, vtt
from intone.formats.tables import as_csv, as_json, as_tsv


@dataclass(frozen=True)
class Format:
    """How a format is written, what its files end in, what opens them, and what they are called over HTTP."""

    write: Callable[[Analysis], str]
    ending: str
    opened_by: str
    media_type: str = "text/plain"

    def encoded(self, analysis: Analysis) -> bytes:
        """A whole file of it."""
        return self.write(analysis).encode("utf-8", "replace")


FORMATS: Final[Mapping[str, Format]] = {
    "json": Format(as_json, ".json", "any program; Whisper's keys where it has them", "application/json"),
    "csv": Format(as_csv, ".csv", "spreadsheets, R, pandas", "text/csv"),
    "tsv": Format(as_tsv, ".tsv", "spreadsheets, R, pandas", "text/tab-separated-values"),
    "srt": Format(srt, ".srt", "video players and editors", "application/x-subrip"),
    "vtt": Format(vtt, ".vtt", "web browsers", "text/vtt"),
    "textgrid": Format(textgrid, ".TextGrid", "Praat, ELAN"),
    "rttm": Format(rttm, ".rttm", "diarization tools: pyannote, dscore"),
    "audacity": Format(audacity, ".audacity.txt", "Audacity: File, Import, Labels"),
    "labelstudio": Format(labelstudio, ".labelstudio.json", "Label Studio: Import", "application/json"),
    "html": Format(page, ".html", "web browsers, without a network", "text/html"),
}
"""Name -> format. A file ends in its format's name, unless the program that opens it insists on another ending."""


def chosen(names: str) -> tuple[str, ...]:
    """`json,srt` -> its formats; raises IntoneError for one that isn't known."""
    found = tuple(dict.fromkeys(name.strip().lower() for name in names.split(",") if name.strip()))
    unknown = [name for name in found if name not in FORMATS]
    if unknown or not found:
        raise IntoneError(f"There is no format {unknown[0] if unknown else names!r}: choose of {', '.join(FORMATS)}.")
    return found


def places(folder: Path, stem: str, names: Sequence[str]) -> list[Path]:
    """Where a recording's files go."""
    return [folder / f"{stem}{FORMATS[name].ending}" for name in names]


def write(analysis: Analysis, folder: Path, stem: str, names: Sequence[str]) -> list[Path]:
    """One file a format in `folder`, each whole or not there.

    Raises IntoneError where nothing can be written there, BadClip where it is this recording's name that won't do.
    """
    paths = places(folder, stem, names)
    for path, name in zip(paths, names, strict=True):
        try:
            write_whole(path, FORMATS[name].encoded(analysis))
        except OSError as problem:
            if problem.errno == errno.ENAMETOOLONG:
                short = f"{path.name[:40]}…"
                raise BadClip(f"{short} can't be written (its name is too long): rename the recording.") from problem
            raise IntoneError(unwritten(path, problem)) from problem
    return paths


def unwritten(path: Path, problem: OSError) -> str:
    """One sentence for what can't be written."""
    full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = "make room, and the same command goes on" if full else "choose another folder with -o"
    return f"{path} can't be written ({(problem.strerror or 'input/output error').lower()}): {remedy}."
