"""The results for one recording: sentences and emotions by (file, start, end), a curve over time, and warnings.

Tables here have the emotions' probabilities as named columns, in the emotion order; all times are seconds.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

import numpy as np
import pandas as pd

from intone.asr.alignment import Word
from intone.audio.account import Account, LeftOut
from intone.emotions import DIMENSIONS, EMOTIONS

UNSURE: Final = "unsure"
"""In the column `emotion` where the highest probability is too low, or the sound unlike any training clip."""

BEFORE = ("text", "language", "emotion", "confidence")
BEHIND = ("audio", "sentence", "words", "speaker", "adapted")
"""Columns of a table of segments before and after its labels' probabilities."""

COLUMNS: Final = (*BEFORE, *EMOTIONS, *BEHIND)
"""Columns of a table of segments where the labels are RAVDESS's eight."""


@dataclass(frozen=True)
class Segment:
    """A sentence, or without words a stretch of speech, and its emotion."""

    start: float
    end: float
    probabilities: Mapping[str, float]
    """Emotion -> calibrated probability; they sum to one."""
    emotion: str
    """The most probable one, or `unsure`."""
    text: str = ""
    words: Sequence[Word] = ()
    audio: Mapping[str, float] = field(default_factory=dict)
    """Probabilities from audio alone."""
    sentence: Mapping[str, float] = field(default_factory=dict)
    """Probabilities from words alone; empty where the model has no text branch or there are no words."""
    language: str | None = None
    """Whisper's code of its language; None where words are off."""
    speaker: str | None = None
    """Whose voice it is; None where that isn't known."""
    adapted: int = 0
    """Other sentences of the same voice that its emotion was predicted with; 0: as that of an unseen speaker."""
    dimensions: Mapping[str, float] = field(default_factory=dict)
    """Dimension -> its rating from 0 to 1; empty without a model that rates them."""


class Segments(pd.DataFrame):
    """A table of segments: index `file, start, end`, columns `COLUMNS`, or with other labels instead of the eight, and
    behind them the `DIMENSIONS` that are rated."""

    @property
    def _constructor(self) -> type["Segments"]:
        return Segments

    @property
    def labels(self) -> list[str]:
        """Labels that have a probability, in order."""
        return [str(column) for column in self.columns if column not in (*BEFORE, *BEHIND, *DIMENSIONS)]

    @property
    def dimensions(self) -> list[str]:
        """Dimensions that are rated."""
        return [str(column) for column in self.columns if column in DIMENSIONS]

    def flat(self) -> pd.DataFrame:
        """The same with a column for each probability in place of dictionaries: `audio_LABEL`, and `sentence_LABEL`,
        which is None without words; so that `to_parquet` takes it."""
        whole = pd.DataFrame(self.drop(columns=["audio", "sentence"]))
        for part in ("audio", "sentence"):
            for label in self.labels:
                values = [own.get(label) for own in self[part]]
                whole[f"{part}_{label}"] = pd.array(values, dtype="Float64")
        return whole

    def top(self, k: int = 1) -> list[list[dict[str, Any]]]:
        """For each segment its k most probable emotions as `{"label", "score"}`, as the hub's pipelines give them."""
        labels = self.labels
        rows = self[labels].to_numpy()
        return [[{"label": labels[i], "score": float(row[i])} for i in np.argsort(-row)[:k]] for row in rows]


@dataclass(frozen=True)
class Analysis:
    """Everything about one recording, or about a part of one; all times are those of the whole recording."""

    file: str
    duration: float
    """Seconds that were analysed: of a part, its own."""
    model: str
    language: str | None
    """Whisper's code of the language spoken most; None where words are off."""
    segments: Segments
    curve: pd.DataFrame
    """Index `file, time`, one column per emotion: each window's probabilities at its middle."""
    warnings: tuple[str, ...] = ()
    """Sentences about faults of the recording, and about how it differs from the training clips."""
    peaks: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    """Largest amplitude of each 10 ms."""
    sound: Callable[[], Iterator[np.ndarray]] = lambda: iter(())
    """Gives the recording again, block by block (mono float32, 16 kHz)."""
    costs: Mapping[str, float] = field(default_factory=dict)
    """Seconds spent on `words` and on `emotion`; they overlap."""
    account: Account = field(default_factory=Account)
    windows: tuple[int, ...] = ()
    """Rows of `curve` that belong to each segment, in its order."""
    begin: float | None = None
    """Where the part begins, in seconds of the recording; None where it is no part."""
    id: str | None = None
    """What a list of recordings calls it; "" where that list has ids, but none for it."""

    @property
    def end(self) -> float:
        """Seconds of the recording up to which it was analysed."""
        return (self.begin or 0.0) + self.duration

    def moved(self, seconds: float) -> "Analysis":
        """The same with all times later by this, or earlier where it is negative."""
        if not seconds:
            return self
        segments, account = self.segments.copy(), self.account
        if len(segments):
            keys = [(file, _later(start, seconds), _later(end, seconds)) for file, start, end in segments.index]
            segments.index = pd.MultiIndex.from_tuples(keys, names=segments.index.names)
        segments["words"] = pd.Series(
            [[_word_later(word, seconds) for word in words] for words in segments["words"]], segments.index, object
        )
        middles = [middle + seconds for _, middle in self.curve.index]
        left_out = tuple(LeftOut(part.start + seconds, part.end + seconds, part.reason) for part in account.left_out)
        return replace(
            self,
            segments=segments,
            curve=curve(self.file, middles, [*self.curve.to_numpy()], self.labels),
            account=replace(account, left_out=left_out),
        )

    @property
    def speakers(self) -> list[str]:
        """Names of those who speak, in order of their first segments; none where it isn't known."""
        return [str(name) for name in dict.fromkeys(self.segments["speaker"]) if name is not None]

    @property
    def labels(self) -> list[str]:
        """The model's labels, in order."""
        return [str(column) for column in self.curve.columns]


def _later(time: float, seconds: float) -> float:
    return round(time + seconds, 3)


def _word_later(word: Word, seconds: float) -> Word:
    times = {name: _later(word[name], seconds) for name in ("start", "end")}
    return cast(Word, {**word, **times})


def table(
    file: str, segments: Sequence[Segment], labels: Sequence[str] = EMOTIONS, dimensions: Sequence[str] = ()
) -> Segments:
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
            s.speaker,
            s.adapted,
            *(s.dimensions[name] for name in dimensions),
        )
        for s in segments
    ]
    columns = [*BEFORE, *labels, *BEHIND, *dimensions]
    made = pd.DataFrame(rows, index, columns).astype(dict.fromkeys(("confidence", *labels, *dimensions), float))
    # Of text with gaps pandas would make a column in which None is NaN.
    made["speaker"] = pd.Series([s.speaker for s in segments], index, dtype=object)
    made["adapted"] = made["adapted"].astype(int)
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
