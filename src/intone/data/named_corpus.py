"""A folder whose file names give the speaker and the emotion -> `Corpus`; durations in seconds."""

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
"""Extensions of the files that are read."""


@dataclass(frozen=True)
class NamedCorpus:
    """A published corpus: what its file names mean, and where to get it."""

    name: str
    """Name in lower case, with which the names of its speakers begin, such as `emodb-03`."""
    title: str
    """Name as its authors write it."""
    variable: str
    """The environment variable that names its folder."""
    describe: Callable[[Path], Mapping[str, str] | None]
    """A file -> the clip table's columns except `corpus` and `duration`: `speaker` as the corpus writes it, and `file`,
    without its extension, where the file's name alone isn't unique; None for a file that isn't a clip of the corpus.
    Raises BadClip, with a reason, for a clip that is left out."""
    source: str
    """Where it is published."""
    licence: str
    """Short name of its licence."""
    language: str
    """Code of the language that is spoken."""
    may_ship: bool
    """Whether that licence allows distributing a model trained on it (under the same terms, non-commercially)."""
    sentences: Mapping[str, str] = field(default_factory=dict)
    """`statement` -> the words that were spoken."""

    def load(self, folder: Path | None = None) -> Corpus:
        """The clip table of the WAV or FLAC files below `folder`, else `variable`'s folder, else data/NAME.

        A clip whose file is there twice is used once. Files that can't be used are in `Corpus.skipped`. Raises Missing
        where no clip is there.
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
