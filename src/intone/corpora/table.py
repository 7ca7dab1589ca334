"""A user's own CSV (columns file, speaker, emotion, and more if known) -> `Corpus`, like any other."""

import csv
from pathlib import Path
from typing import Final

import pandas as pd

from intone.audio import duration
from intone.corpora import CLIP_COLUMNS, Corpus, Skipped
from intone.emotions import EMOTIONS
from intone.errors import BadClip, IntoneError, Missing

REQUIRED: Final = ("file", "speaker", "emotion")
OPTIONAL: Final = ("sex", "intensity", "statement", "repetition", "duration", "text")
"""`text` holds the words of a `statement`; other columns are ignored."""

LABELS: Final = {
    "anger": "angry",
    "fear": "fearful",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprise": "surprised",
    "calmness": "calm",
    "disgusted": "disgust",
}
"""Other corpora's names of our emotions, taken as well."""


def load(path: Path, root: Path | None = None, name: str | None = None) -> Corpus:
    """The clips that a CSV lists, UTF-8, with a header row.

    `file` is relative to `root` (else the CSV's own folder) and becomes the key, with forward slashes; the corpus is
    called `name` (else the CSV's name), and its speakers `NAME-SPEAKER`, so that tables of several corpora can stand
    together. Durations are read from the audio unless the CSV has them. Audio that can't be read is in
    `Corpus.skipped`. Raises Missing where the CSV is not there and IntoneError, naming the row as a spreadsheet counts
    it, where a cell is empty, an emotion unknown, a duration no number, a file listed twice or not there.
    """
    path = Path(path)
    root = Path(root) if root else path.parent
    name = name or path.stem
    rows: dict[str, dict[str, str]] = {}
    skipped: list[Skipped] = []
    for number, cells in _read(path):
        row = _checked(cells, f"{path}, row {number}", name)
        if row["file"] in rows:
            raise IntoneError(f"{path}, row {number}: {row['file']} is listed twice.")
        if not (root / row["file"]).is_file():
            raise IntoneError(f"{path}, row {number}: there is no {root / row['file']}.")
        rows[row["file"]] = row
    clips = _table(rows, root, skipped)
    if clips.empty:
        raise IntoneError(f"{path} lists no clip that can be read.")
    sentences = {row["statement"]: row["text"] for row in rows.values() if row.get("statement") and row.get("text")}
    return Corpus(name, clips, {file: root / file for file in clips["file"]}, tuple(skipped), sentences)


def _read(path: Path) -> list[tuple[int, dict[str, str]]]:
    """(row number, cells by column) of every row that isn't empty."""
    if not path.is_file():
        raise Missing(f"There is no table {path}: it is a CSV with the columns {', '.join(REQUIRED)}.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as f:
            reader = csv.DictReader(f, restkey="", restval="")
            columns = [column.strip().lower() for column in reader.fieldnames or []]
            rows = [(reader.line_num, dict(zip(columns, cells.values(), strict=False))) for cells in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise IntoneError(f"{path} is no UTF-8 CSV file ({error}).") from error
    absent = [column for column in REQUIRED if column not in columns]
    if absent:
        raise IntoneError(f"{path} has no column {' and '.join(absent)}; it has {', '.join(columns) or 'none'}.")
    return rows


def _checked(cells: dict[str, str], where: str, name: str) -> dict[str, str]:
    """One row's cells, stripped and in our words; raises IntoneError that starts with `where`."""
    row = {column: (cells.get(column) or "").strip() for column in (*REQUIRED, *OPTIONAL)}
    for column in REQUIRED:
        if not row[column]:
            raise IntoneError(f"{where}: {column} is empty.")
    emotion = row["emotion"].lower()
    row["emotion"] = LABELS.get(emotion, emotion)
    if row["emotion"] not in EMOTIONS:
        raise IntoneError(f"{where}: there is no emotion {row['emotion']!r}; choose one of {', '.join(EMOTIONS)}.")
    try:
        if row["duration"] and not float(row["duration"]) > 0:
            raise ValueError
    except ValueError as error:
        raise IntoneError(f"{where}: {row['duration']!r} is no duration in seconds.") from error
    row["file"] = row["file"].replace("\\", "/")
    row["corpus"] = name
    if not row["speaker"].startswith(f"{name}-"):
        row["speaker"] = f"{name}-{row['speaker']}"
    return row


def _table(rows: dict[str, dict[str, str]], root: Path, skipped: list[Skipped]) -> pd.DataFrame:
    out = []
    for file, row in sorted(rows.items()):
        try:
            seconds = float(row["duration"]) if row["duration"] else duration(root / file)
        except BadClip as error:
            skipped.append(Skipped(file, str(error)))
            continue
        out.append({**row, "duration": seconds})
    return pd.DataFrame(out, columns=list(CLIP_COLUMNS))
