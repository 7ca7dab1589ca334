"""What an analysis finds in a recording or a channel of it, before and after its emotions are predicted; seconds."""

from dataclasses import dataclass, field

import numpy as np

from intone.asr.alignment import Word
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


@dataclass(frozen=True)
class Judged:
    """One segment with its prediction and measurements."""

    found: Found
    segment: Segment
    prediction: Prediction
    measured: dict[str, float]
    voiceprint: np.ndarray
    """What tells voices apart, [256]; empty where nobody is to be told apart by sound."""


@dataclass(frozen=True)
class Channel:
    """What was found in a recording, or in one of its channels."""

    meter: Meter
    sound: Sound
    judged: list[Judged]
