"""A user's own CSV (columns file, speaker, emotion and optional ones) -> `Corpus`, as for any other corpus.

A row is a file, or with `start` and `end` in seconds a segment of one; docs/data.md lists the columns and labels.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from intone.audio.clip import duration
from intone.data import ravdess
from intone.data.corpus import CLIP_COLUMNS, Corpus, Skipped
from intone.data.csv_entries import OPTIONAL, REQUIRED, Conventions, Entry, entries
from intone.data.duplicates import copies
from intone.data.excerpts import Excerpts, Span, cut
from intone.data.labels import ordered
from intone.data.spreadsheet import read
from intone.errors import BadClip, IntoneError
from intone.progress import track


def load(
    path: Path, root: Path | None = None, name: str | None = None, conventions: Conventions | None = None
) -> Corpus:
    """The clips that a CSV lists below its header row, as spreadsheet.py reads it.

    `file` is relative to `root` (else to the CSV's own folder, else to the working directory) and becomes the key, with
    forward slashes; a segment's key is `FILE#START-END`. The corpus has the name `name` (else the CSV's), and its
    speakers are `NAME-SPEAKER`, so that tables of several corpora can be joined. Durations are read from the audio
    unless the CSV gives them; a segment's is always its own. Audio that can't be read, and copies of a clip with the
    same labels, are in `Corpus.skipped`. Raises Missing where the CSV is not there. Raises IntoneError, which names the
    row as a spreadsheet counts it, where a cell is empty, a label is unknown, a number is none, a file is not there, a
    segment lies outside its file, or a clip is listed twice or with two labels.
    """
    path = Path(path)
    conventions = conventions or Conventions()
    found = entries(read(path, (*REQUIRED, *OPTIONAL)), path, Path(root) if root else path.parent, conventions)
    again = copies(found, path)
    skipped = [Skipped(entry.key, again[entry.row]) for entry in found if entry.row in again]
    rows, paths = _clips([entry for entry in found if entry.row not in again], path, skipped)
    if not rows:
        why = f": {skipped[0].file}: {skipped[0].reason.rstrip('.')}" if skipped else ""
        raise IntoneError(f"{path} lists no clip that can be read{why}.")
    name = name or path.stem
    clips = pd.DataFrame(rows).assign(corpus=name).sort_values("file", ignore_index=True)[list(CLIP_COLUMNS)]
    if not clips["speaker"].str.startswith(f"{name}-").all():
        clips["speaker"] = f"{name}-" + clips["speaker"]
    sentences = {e.more["statement"]: e.more["text"] for e in found if e.more["statement"] and e.more["text"]}
    places = {file: paths[file] for file in clips["file"]}
    return Corpus(
        name, clips, places, tuple(skipped), sentences, path.absolute(), ordered(clips["emotion"]), conventions.flags
    )


def loaded(path: Path | None, folder: Path | None, conventions: Conventions | None = None) -> Corpus:
    """The clips of the table `path`, or else of RAVDESS in `folder`; raises IntoneError for flags without a table."""
    if path:
        return load(path, conventions=conventions)
    if conventions and conventions.flags:
        raise IntoneError(f"{conventions.flags} is how a table is read: name it too, with --table.")
    return ravdess.load(folder)


def _clips(
    found: Sequence[Entry], table: Path, skipped: list[Skipped]
) -> tuple[list[dict[str, str | float]], dict[str, Path]]:
    """A row of the clip table and a path for each entry; entries whose sound can't be read are added to `skipped`."""
    rows: list[dict[str, str | float]] = []
    paths: dict[str, Path] = {}
    segments = _segments(found)
    for entry in found:
        try:
            place = _place(entry, segments, table)
            given = "" if entry.span else entry.more["duration"]
            seconds = float(given) if given else duration(place)
        except BadClip as problem:
            skipped.append(Skipped(entry.key, str(problem)))
            continue
        paths[entry.key] = place
        labels = {"file": entry.key, "speaker": entry.speaker, "emotion": entry.emotion}
        rows.append({**entry.more, **labels, "duration": seconds})
    return rows, paths


def _segments(found: Sequence[Entry]) -> dict[Path, Excerpts]:
    """Recording -> its segments; each recording is decoded once, with a progress bar on stderr."""
    spans: dict[Path, list[Span]] = defaultdict(list)
    for entry in found:
        if entry.span:
            spans[entry.path].append(entry.span)
    return {path: cut(path, spans[path]) for path in track(list(spans), "cutting segments", len(spans))}


def _place(entry: Entry, segments: dict[Path, Excerpts], table: Path) -> Path:
    """The file with an entry's sound. Raises BadClip where it can't be decoded, IntoneError where it ends too early."""
    if entry.span is None:
        return entry.path
    excerpts = segments[entry.path]
    if entry.span in excerpts.paths:
        return excerpts.paths[entry.span]
    if excerpts.problem:
        raise BadClip(excerpts.problem)
    start, end = entry.span
    raise IntoneError(
        f"{table}, row {entry.row}: the segment from {start:g} s to {end:g} s is not in {entry.file}, which lasts "
        f"{excerpts.seconds:.3f} s."
    )
