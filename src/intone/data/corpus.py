"""A corpus folder -> `Corpus`: the clip table (one row per clip) and the path of each clip on disk."""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from intone.emotions import EMOTIONS

CLIP_COLUMNS = ("file", "corpus", "speaker", "sex", "emotion", "intensity", "statement", "repetition", "duration")
"""The clip table's columns; `file` is its key, `duration` is in seconds, the rest are text."""


@dataclass(frozen=True)
class Skipped:
    """A clip that was left out, and the reason (one phrase)."""

    file: str
    reason: str


@dataclass(frozen=True)
class Corpus:
    """Clips with their labels; every corpus becomes one of these."""

    name: str
    clips: pd.DataFrame
    """The clip table: columns `CLIP_COLUMNS`, one row per clip, sorted by `file`."""
    paths: dict[str, Path]
    """`file` -> the path of the audio on this machine."""
    skipped: tuple[Skipped, ...] = field(default=())
    """Clips that could not be used; the code that loads the corpus prints them."""
    sentences: dict[str, str] = field(default_factory=dict)
    """`statement` -> the words that were spoken, where the corpus gives them."""
    table: Path | None = None
    """The CSV that lists the clips, where they are the user's own."""
    labels: tuple[str, ...] = EMOTIONS
    """Labels that its clips may have, in the order that all its tables and models keep."""
    flags: str = ""
    """The flags beside `--table` with which a command reads it in the same way again, such as `--map
    boredom=neutral`."""

    @property
    def origin(self) -> dict[str, str]:
        """Where its clips are listed, for the record of a run; JSON-able."""
        return {"name": self.name, "table": str(self.table or ""), "flags": self.flags}
