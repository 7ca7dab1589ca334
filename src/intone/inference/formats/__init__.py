"""An `Analysis` -> files that other programs open: the one table of formats; a new one is a function and a line."""

import errno
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from intone.cache import write_whole
from intone.errors import BadClip, IntoneError
from intone.inference.formats.annotations import audacity, labelstudio, rttm, textgrid
from intone.inference.formats.page import page
from intone.inference.formats.plain import txt
from intone.inference.formats.subtitles import srt, vtt
from intone.inference.formats.tables import as_csv, as_json, as_tsv
from intone.inference.result import Analysis


@dataclass(frozen=True)
class Format:
    """How a format is written, what its files end in, what opens them, and what they are called over HTTP."""

    write: Callable[[Analysis], str]
    ending: str
    opened_by: str
    media_type: str = "text/plain"
    takes_mark: bool = False
    """Whether what opens it asks for a byte order mark, as spreadsheets do that else take UTF-8 for something older."""

    def encoded(self, analysis: Analysis, bom: bool = False) -> bytes:
        """A whole file of it; with `bom` a byte order mark before it, in formats that take one."""
        return self.write(analysis).encode("utf-8-sig" if bom and self.takes_mark else "utf-8", "replace")


FORMATS: Final[Mapping[str, Format]] = {
    "json": Format(as_json, ".json", "any program; Whisper's keys where it has them", "application/json"),
    "csv": Format(as_csv, ".csv", "spreadsheets, R, pandas", "text/csv", takes_mark=True),
    "tsv": Format(as_tsv, ".tsv", "spreadsheets, R, pandas", "text/tab-separated-values", takes_mark=True),
    "txt": Format(txt, ".txt", "any editor"),
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
    write_at(analysis, dict(zip(names, paths, strict=True)))
    return paths


def write_at(analysis: Analysis, where: Mapping[str, Path], bom: bool = False) -> None:
    """Write each format to its file, whole or not at all; with `bom` tables begin with a byte order mark."""
    for name, path in where.items():
        try:
            write_whole(path, FORMATS[name].encoded(analysis, bom))
        except OSError as problem:
            if problem.errno == errno.ENAMETOOLONG:
                short = f"{path.name[:40]}…"
                raise BadClip(f"{short} can't be written (its name is too long): rename the recording.") from problem
            raise IntoneError(unwritten(path, problem)) from problem


def of_ending(path: str) -> str | None:
    """The format whose files end as this path does; None where none does, or where it is an ending alone."""
    name = path.rsplit("/", 1)[-1].lower()
    known = sorted(FORMATS, key=lambda format: -len(FORMATS[format].ending))
    return next((f for f in known if name.endswith(end := FORMATS[f].ending.lower()) and name != end), None)


def unwritten(path: Path, problem: OSError) -> str:
    """One sentence for what can't be written."""
    full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = "make room, and the same command goes on" if full else "choose another folder with -o"
    return f"{path} can't be written ({(problem.strerror or 'input/output error').lower()}): {remedy}."
