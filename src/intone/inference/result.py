"""What was found in one recording: sentences and emotions by (file, start, end), a curve over time, and what to doubt.

Tables here have the emotions' probabilities as named columns, in the emotion order; all times are seconds.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd

from intone.asr.alignment import Word
from intone.audio.account import Account
from intone.emotions import EMOTIONS

UNSURE: Final = "unsure"
"""In the column `emotion` where the most probable one isn't probable enough."""

BEFORE, BEHIND = ("text", "language", "emotion", "confidence"), ("audio", "sentence", "words")
"""Columns of a table of segments, on either side of its labels' probabilities."""

COLUMNS: Final = (*BEFORE, *EMOTIONS, *BEHIND)
"""Columns of a table of segments where the labels are RAVDESS's eight."""


@dataclass(frozen=True)
class Segment:
    """A sentence, or without words a stretch of speech, and what it carries."""

    start: float
    end: float
    probabilities: Mapping[str, float]
    """Emotion -> calibrated probability; they sum to one."""
    emotion: str
    """The most probable one, or `unsure`."""
    text: str = ""
    words: Sequence[Word] = ()
    audio: Mapping[str, float] = field(default_factory=dict)
    """What the sound alone says."""
    sentence: Mapping[str, float] = field(default_factory=dict)
    """What the words alone say; empty where the model doesn't read or nothing was said."""
    language: str | None = None
    """Whisper's code of what is spoken there; None where words are off."""


class Segments(pd.DataFrame):
    """A table of segments: index `file, start, end`, columns `COLUMNS`, or with other labels in the eight's place."""

    @property
    def _constructor(self) -> type["Segments"]:
        return Segments

    @property
    def labels(self) -> list[str]:
        """Labels that have a probability, in order."""
        return [str(column) for column in self.columns if column not in (*BEFORE, *BEHIND)]

    def top(self, k: int = 1) -> list[list[dict[str, Any]]]:
        """For each segment its k most probable emotions as `{"label", "score"}`, as the hub's pipelines give them."""
        labels = self.labels
        rows = self[labels].to_numpy()
        return [[{"label": labels[i], "score": float(row[i])} for i in np.argsort(-row)[:k]] for row in rows]


@dataclass(frozen=True)
class Analysis:
    """Everything about one recording."""

    file: str
    duration: float
    model: str
    language: str | None
    """Whisper's code of the one that is spoken most; None where words are off."""
    segments: Segments
    curve: pd.DataFrame
    """Index `file, time`, a column an emotion: each window's probabilities at its middle."""
    warnings: tuple[str, ...] = ()
    """One sentence for each way in which the recording is far from what the model knows."""
    peaks: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    """Largest amplitude of each 10 ms."""
    sound: Callable[[], Iterator[np.ndarray]] = lambda: iter(())
    """Gives the recording again, block by block (mono float32, 16 kHz)."""
    costs: Mapping[str, float] = field(default_factory=dict)
    """Seconds that finding out took: `words`, `emotion`; they overlap."""
    account: Account = field(default_factory=Account)

    @property
    def labels(self) -> list[str]:
        """The model's, in order."""
        return [str(column) for column in self.curve.columns]


def table(file: str, segments: Sequence[Segment], labels: Sequence[str] = EMOTIONS) -> Segments:
    """Segments of one file -> the table of an `Analysis`."""
    keys = [(file, s.start, s.end) for s in segments]
    index = pd.MultiIndex.from_tuples(keys, names=["file", "start", "end"]) if keys else _no_keys()
    rows = [
        (
            s.text,
            s.language,
            s.emotion,
            max(s.probabilities.values()),
            *(s.probabilities[label] for label in labels),
            dict(s.audio),
            dict(s.sentence),
            list(s.words),
        )
        for s in segments
    ]
    columns = [*BEFORE, *labels, *BEHIND]
    made = pd.DataFrame(rows, index, columns).astype(dict.fromkeys(("confidence", *labels), float))
    return Segments(made)


def _no_keys() -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays([[], np.zeros(0), np.zeros(0)], names=["file", "start", "end"])


def curve(
    file: str, times: Sequence[float], probabilities: Sequence[np.ndarray], labels: Sequence[str] = EMOTIONS
) -> pd.DataFrame:
    """Windows' middles and their probabilities [labels] each -> the curve of an `Analysis`."""
    index = pd.MultiIndex.from_arrays([[file] * len(times), np.array(times, float)], names=["file", "time"])
    values = np.array(probabilities, float).reshape(len(times), len(labels))
    return pd.DataFrame(values, index, list(labels))
