"""Flags of a command -> the clips that it works on: RAVDESS's, several corpora's, or those of the user's own table."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from intone.data import corpora as published
from intone.data.corpus import Corpus
from intone.data.csv_corpus import loaded
from intone.data.csv_entries import Conventions
from intone.errors import IntoneError


@dataclass(frozen=True)
class ClipSource:
    """Which clips."""

    table: Path | None = None
    """A CSV of your own clips (file, speaker, emotion) instead of RAVDESS."""
    ravdess: Path | None = None
    """RAVDESS; else INTONE_RAVDESS, else data/ravdess."""
    corpora: tuple[str, ...] = ()
    """Published corpora together instead of RAVDESS alone: ravdess, emodb, nemo, cremad, tess, savee."""
    names: Annotated[str, arg(name="map")] = ""
    """What the table's labels mean, such as boredom=neutral,excited=happy; nothing behind = leaves them out."""
    speaker: Literal["column", "file", "folder"] = "column"
    """Where the table's speakers are: in its column, or each file (each folder) is one of its own."""

    @property
    def conventions(self) -> Conventions:
        """How the table is to be read."""
        return Conventions(self.names, self.speaker)

    def corpus(self) -> Corpus:
        """The clips; raises IntoneError, Missing as `csv_corpus.loaded` and `corpora.together` do."""
        if not self.corpora:
            return loaded(self.table, self.ravdess, self.conventions)
        if self.table or self.ravdess or self.conventions.flags:
            raise IntoneError("--corpora names published corpora, each in its own folder: give no other flag of clips.")
        return published.together(self.corpora)
