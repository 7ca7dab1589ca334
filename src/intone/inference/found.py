"""What an analysis finds in a recording or a channel of it, before and after its emotions are predicted; seconds."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Self

import numpy as np

from intone.asr.alignment import Word
from intone.audio.frames import SAMPLE_RATE
from intone.audio.readers.sound import Sound
from intone.inference.meter import Meter
from intone.inference.model import Prediction
from intone.inference.result import Segment


@dataclass(frozen=True)
class Found:
    """A segment before its emotion is predicted."""

    start: float
    end: float
    begin: float
    """Start of `sound`, which includes the margin."""
    sound: np.ndarray
    words: list[Word] = field(default_factory=list)
    language: str | None = None
    """Language of the stretch that it lies in; None where words are off."""

    def cut(self, moments: Sequence[float]) -> list[Self]:
        """Its parts between moments (seconds of its sound, in order); none ends inside a word."""
        inner = sorted({self._outside_words(self.begin + moment) for moment in moments})
        edges = [self.start, *(moment for moment in inner if self.start < moment < self.end), self.end]
        return [self._part(first, last) for first, last in pairwise(edges)]

    def _outside_words(self, moment: float) -> float:
        """The moment, or the nearer end of the word that it is in."""
        for word in self.words:
            if word["start"] < moment < word["end"]:
                return min(word["start"], word["end"], key=lambda end: abs(end - moment))
        return moment

    def _part(self, first: float, last: float) -> Self:
        begin = self.begin if first == self.start else first
        until = len(self.sound) if last == self.end else round((last - self.begin) * SAMPLE_RATE)
        sound = self.sound[round((begin - self.begin) * SAMPLE_RATE) : until]
        words = [word for word in self.words if first <= word["start"] and word["end"] <= last]
        return replace(self, start=first, end=last, begin=begin, sound=sound, words=words)


@dataclass(frozen=True)
class Judged:
    """One segment with its prediction and measurements."""

    found: Found
    segment: Segment
    prediction: Prediction
    measured: dict[str, float]
    voiceprint: np.ndarray
    """What tells voices apart, [256]; empty where nobody is to be told apart by sound."""
    parts: tuple["Judged", ...] = ()
    """The same by parts, where another voice may begin inside of it."""

    def named(self, speakers: Sequence[str | None]) -> list["Judged"]:
        """Itself with its speaker, or its parts where they are of several; `speakers`: one, or one for each part."""
        known = {speaker for speaker in speakers if speaker is not None}
        if self.parts and len(known) > 1:
            return [part._of(who) for part, who in zip(self.parts, speakers, strict=True)]
        return [self._of(known.pop() if known else None)]

    def _of(self, speaker: str | None) -> "Judged":
        return replace(self, segment=replace(self.segment, speaker=speaker), parts=())


@dataclass(frozen=True)
class Channel:
    """What was found in a recording, or in one of its channels."""

    meter: Meter
    sound: Sound
    judged: list[Judged]
