"""A user's own CSV (columns file, speaker, emotion, and more if known) -> `Corpus`, like any other.

A row is a file, or with `start` and `end` in seconds a segment of one; docs/data.md has the columns and the labels.
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

    `file` is relative to `root` (else to the CSV's own folder, else to where the command runs) and becomes the key,
    with forward slashes; a segment's is `FILE#START-END`. The corpus is called `name` (else as the CSV), and its
    speakers `NAME-SPEAKER`, so that tables of several corpora can stand together. Durations are read from the audio
    unless the CSV has them; a segment's is its own. Audio that can't be read, and copies of a clip under the same
    labels, are in `Corpus.skipped`. Raises Missing where the CSV is not there and IntoneError, naming the row as a
    spreadsheet counts it, where a cell is empty, a label unknown, a number none, a file not there, a segment outside
    its file, and where a clip is listed twice or under two labels.
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
    """A table's clips, or where none is named RAVDESS's in that folder; raises IntoneError for what neither takes."""
    if path:
        return load(path, conventions=conventions)
    if conventions and conventions.flags:
        raise IntoneError(f"{conventions.flags} is how a table is read: name it too, with --table.")
    return ravdess.load(folder)


def _clips(
    found: Sequence[Entry], table: Path, skipped: list[Skipped]
) -> tuple[list[dict[str, str | float]], dict[str, Path]]:
    """A row of the clip table and a place for each entry; those whose sound can't be read go to `skipped`."""
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
    """Recording -> its segments; each recording is heard once, with a bar on stderr."""
    spans: dict[Path, list[Span]] = defaultdict(list)
    for entry in found:
        if entry.span:
            spans[entry.path].append(entry.span)
    return {path: cut(path, spans[path]) for path in track(list(spans), "cutting segments", len(spans))}


def _place(entry: Entry, segments: dict[Path, Excerpts], table: Path) -> Path:
    """The file that holds an entry's sound. Raises BadClip where it can't be heard, IntoneError where it ends first."""
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
