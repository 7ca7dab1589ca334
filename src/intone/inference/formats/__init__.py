"""An `Analysis` -> files that other programs open: the only table of formats; a new one is a function and a line."""

import errno
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from intone.cache import write_whole
from intone.errors import BadClip, IntoneError
from intone.inference.formats.annotations import audacity, labelstudio, rttm, textgrid
from intone.inference.formats.html import page
from intone.inference.formats.parquet import parquet
from intone.inference.formats.plain import txt
from intone.inference.formats.subtitles import srt, vtt
from intone.inference.formats.tables import as_csv, as_json, as_tsv
from intone.inference.result import Analysis


@dataclass(frozen=True)
class Format:
    """How a format is written, the extension of its files, the programs that open them, and their media type."""

    write: Callable[[Analysis], str | bytes]
    ending: str
    opened_by: str
    media_type: str = "text/plain"
    takes_mark: bool = False
    """Whether programs that open it need a byte order mark, as spreadsheets do to recognise UTF-8."""
    text: bool = True
    """Whether its files are text, so that several formats fit into one JSON object."""

    def encoded(self, analysis: Analysis, bom: bool = False) -> bytes:
        """The bytes of a whole file; with `bom` a byte order mark comes first, in formats that take one."""
        made = self.write(analysis)
        if isinstance(made, bytes):
            return made
        return made.encode("utf-8-sig" if bom and self.takes_mark else "utf-8", "replace")


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
    "parquet": Format(
        parquet, ".parquet", "DuckDB, pandas, polars, Spark", "application/vnd.apache.parquet", text=False
    ),
    "html": Format(page, ".html", "web browsers, without a network", "text/html"),
}
"""Name -> format. A file's extension is its format's name, unless the program that opens it insists on another one."""


TEXTS: Final = tuple(name for name, format in FORMATS.items() if format.text)
"""Formats whose files are text."""


def chosen(names: str) -> tuple[str, ...]:
    """`json,srt` -> its formats; raises IntoneError for an unknown one."""
    found = tuple(dict.fromkeys(name.strip().lower() for name in names.split(",") if name.strip()))
    unknown = [name for name in found if name not in FORMATS]
    if unknown or not found:
        raise IntoneError(f"There is no format {unknown[0] if unknown else names!r}: choose of {', '.join(FORMATS)}.")
    return found


def places(folder: Path, stem: str, names: Sequence[str]) -> list[Path]:
    """Paths of a recording's files."""
    return [folder / f"{stem}{FORMATS[name].ending}" for name in names]


def write(analysis: Analysis, folder: Path, stem: str, names: Sequence[str]) -> list[Path]:
    """Write one file per format into `folder`, each complete or not at all.

    Raises IntoneError where nothing can be written there, BadClip where this recording's name is the reason.
    """
    paths = places(folder, stem, names)
    write_at(analysis, dict(zip(names, paths, strict=True)))
    return paths


def write_at(analysis: Analysis, where: Mapping[str, Path], bom: bool = False) -> None:
    """Write each format to its file, complete or not at all; with `bom` tables begin with a byte order mark."""
    for name, path in where.items():
        try:
            write_whole(path, FORMATS[name].encoded(analysis, bom))
        except OSError as problem:
            if problem.errno == errno.ENAMETOOLONG:
                short = f"{path.name[:40]}…"
                raise BadClip(f"{short} can't be written (its name is too long): rename the recording.") from problem
            raise IntoneError(unwritten(path, problem)) from problem


def of_ending(path: str) -> str | None:
    """The format with this path's extension; None where there is none, or where the name is only an extension."""
    name = path.rsplit("/", 1)[-1].lower()
    known = sorted(FORMATS, key=lambda format: -len(FORMATS[format].ending))
    return next((f for f in known if name.endswith(end := FORMATS[f].ending.lower()) and name != end), None)


def unwritten(path: Path, problem: OSError) -> str:
    """One sentence for a path that can't be written."""
    full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = "make room, and the same command goes on" if full else "choose another folder with -o"
    return f"{path} can't be written ({(problem.strerror or 'input/output error').lower()}): {remedy}."
