"""A folder whose file names say who speaks and with which emotion -> `Corpus`; durations in seconds."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pandas as pd

from intone.audio.clip import duration
from intone.data.corpus import CLIP_COLUMNS, Corpus, Skipped
from intone.data.labels import ordered
from intone.errors import BadClip, Missing

SUFFIXES: Final = (".wav", ".flac")
"""Files that are looked at."""


@dataclass(frozen=True)
class NamedCorpus:
    """A published corpus: what its names mean, and where people get it."""

    name: str
    """In lower case; begins the names of its speakers, such as `emodb-03`."""
    title: str
    """As its authors write it."""
    describe: Callable[[Path], Mapping[str, str] | None]
    """A file -> the clip table's columns but `corpus` and `duration`: `speaker` as the corpus writes it, and `file`,
    without its ending, where the file's name alone isn't unique; None for a file that is no clip of the corpus. Raises
    BadClip, with a reason, for a clip that is left out."""
    source: str
    """Where it is published."""
    licence: str
    """Short name of its licence."""
    may_ship: bool
    """Whether that licence lets a model that learned from it be passed on (under the same terms, non-commercially)."""
    sentences: Mapping[str, str] = field(default_factory=dict)
    """`statement` -> the words that were spoken."""

    @property
    def variable(self) -> str:
        """The environment variable that says where it lies."""
        return f"INTONE_{self.name.upper()}"

    def load(self, folder: Path | None = None) -> Corpus:
        """The clip table of the WAV or FLAC files below `folder`, else where INTONE_NAME says, else in data/NAME.

        A clip whose file is there twice is used once. What can't be used is in `Corpus.skipped`. Raises Missing where
        no clip is there.
        """
        place = Path(folder or os.environ.get(self.variable) or f"data/{self.name}").expanduser()
        rows: dict[str, tuple[object, ...]] = {}
        paths: dict[str, Path] = {}
        skipped = []
        for path in sorted(place.glob("**/*"), key=lambda p: (len(p.parts), p)):
            if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
                continue
            try:
                facts = self.describe(path)
                if facts is None or (file := f"{facts.get('file', path.stem)}.wav") in rows:
                    continue
                rows[file], paths[file] = self._row(file, facts, duration(path)), path
            except BadClip as problem:
                skipped.append(Skipped(path.name, str(problem)))
        if not rows:
            raise Missing(f"There is no {self.title} in {place}: its WAV files, from {self.source}.")
        clips = pd.DataFrame([rows[file] for file in sorted(rows)], columns=list(CLIP_COLUMNS))
        labels = ordered(clips["emotion"])
        return Corpus(self.name, clips, paths, tuple(skipped), dict(self.sentences), labels=labels)

    def _row(self, file: str, facts: Mapping[str, str], seconds: float) -> tuple[object, ...]:
        speaker = f"{self.name}-{facts['speaker']}"
        full = {**facts, "file": file, "corpus": self.name, "speaker": speaker, "duration": seconds}
        return tuple(full.get(column, "") for column in CLIP_COLUMNS)
