"""Clips with labels <-> Parquet shards in oruk-bench's form, for benchmarks of several languages.

A shard has a row for each clip:

    audio_flac binary (a whole FLAC file), label string (one of seven), language string, source_id string (its key)

Calm, which only RAVDESS has, counts as neutral there.
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import soundfile

from intone.audio.clip import read_clip
from intone.audio.frames import SAMPLE_RATE
from intone.data.corpus import Corpus
from intone.data.labels import LABELS, plain
from intone.errors import BadClip, IntoneError, Missing, brought_by
from intone.progress import say

COLUMNS: Final = ("audio_flac", "label", "language", "source_id")

SEVEN: Final = ("neutral", "happy", "sad", "angry", "fearful", "disgust", "surprised")
"""The benchmark's labels, by intone's names."""

MERGED: Final[Mapping[str, str]] = {"calm": "neutral"}

TOGETHER: Final = 64
"""Rows that are in memory at the same time."""


@dataclass(frozen=True)
class ShardClip:
    """One row of a shard."""

    sound: bytes
    """A FLAC file."""
    label: str
    """One of `SEVEN`."""
    written: str
    """The label as the shard spells it."""
    language: str
    source_id: str


def clips_of(path: Path) -> Iterator[ShardClip]:
    """The clips of one shard, a few in memory at a time. Raises IntoneError for a file of another form and for a label
    that is none of the seven, Missing without pyarrow."""
    file = _opened(path)
    missing = [name for name in COLUMNS if name not in file.schema_arrow.names]
    if missing:
        raise IntoneError(f"{path} lacks the columns {', '.join(missing)}: shards have {', '.join(COLUMNS)}.")
    for batch in file.iter_batches(TOGETHER, columns=list(COLUMNS)):
        for row in batch.to_pylist():
            label = seven(str(row["label"]))
            if label is None:
                raise IntoneError(f"{path} has a label {row['label']!r}: known are {', '.join(SEVEN)}.")
            sound = bytes(row["audio_flac"] or b"")
            yield ShardClip(sound, label, str(row["label"]), str(row["language"]), str(row["source_id"]))


def seven(label: str) -> str | None:
    """One of `SEVEN` for a label however it is written (anger, ANG, angry); None for any other."""
    emotion = LABELS.get(plain(label), "")
    emotion = MERGED.get(emotion, emotion)
    return emotion if emotion in SEVEN else None


def write_shards(corpus: Corpus, language: str, out: Path, most: int) -> Iterator[Path]:
    """Write the clips of a corpus, `most` in a shard: OUT/NAME-0000.parquet and on; yields each file as it is whole.

    Clips with other labels than the seven, and those that can't be read, are left out with a line on stderr.
    """
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    count = 0
    for row in _rows(corpus, language):
        rows.append(row)
        if len(rows) == most:
            yield _write(rows, out / f"{corpus.name}-{count:04d}.parquet")
            rows, count = [], count + 1
    if rows:
        yield _write(rows, out / f"{corpus.name}-{count:04d}.parquet")
    elif not count:
        raise IntoneError(f"{corpus.name} has no clip of {', '.join(SEVEN)}: there is nothing to write.")


def _rows(corpus: Corpus, language: str) -> Iterable[dict[str, Any]]:
    for file, emotion in zip(corpus.clips["file"], corpus.clips["emotion"], strict=True):
        label = seven(emotion)
        if label is None:
            say(f"left out: {file}: {emotion} is none of the benchmark's labels.")
            continue
        try:
            sound = flac(corpus.paths[file])
        except BadClip as problem:
            say(f"left out: {problem}")
            continue
        yield dict(zip(COLUMNS, (sound, label, language, f"{corpus.name}/{file}"), strict=True))


def flac(path: Path) -> bytes:
    """A clip as a FLAC file, mono at 16 kHz. Raises BadClip."""
    made = io.BytesIO()
    soundfile.write(made, read_clip(path), SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return made.getvalue()


def _write(rows: list[dict[str, Any]], path: Path) -> Path:
    pyarrow = _pyarrow()
    kinds = [pyarrow.binary(), *[pyarrow.string()] * 3]
    schema = pyarrow.schema(list(zip(COLUMNS, kinds, strict=True)))
    fresh = path.with_name(f".{path.name}")
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), fresh, compression="zstd")
    return fresh.replace(path)


def _opened(path: Path) -> Any:
    pyarrow = _pyarrow()
    try:
        return pyarrow.parquet.ParquetFile(path)
    except (OSError, ValueError) as problem:  # pyarrow's own are ValueErrors
        raise IntoneError(f"{path} can't be read as Parquet ({problem}): is the file whole?") from problem


def _pyarrow() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as problem:
        raise Missing(f"Parquet needs pyarrow: {brought_by('archives')}.") from problem
    return pyarrow
