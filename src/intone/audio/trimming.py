"""Clip (mono float32, 16 kHz) -> its part that is speech, without what lies before and behind it."""

from typing import Final

import numpy as np

from intone.audio.frames import FRAME, HOP, SAMPLE_RATE, SILENCE, frame_energy
from intone.audio.segments import VOICE_WITH_WORDS, speech_spans
from intone.errors import BadClip

BELOW_PEAK: Final = 35
"""Decibels under the loudest frame down to which a frame counts as speech."""

NOISY: Final = 40
"""Decibels under the loudest frame above which the quietest tenth of a clip is noise and not silence; in the studio's
clips of RAVDESS that tenth lies 41 to 60 dB under it."""

SOFT: Final = 0.25
"""Seconds of sound before the first voice, or behind the last, that may still be speech."""

UNEVEN: Final = 10
"""Decibels over the quietest tenth: what is louder than that for a quarter of the time is no mere noise."""

MARGIN: Final = 0.05
"""Seconds kept on either side."""


def trim_silence(signal: np.ndarray) -> np.ndarray:
    """A clip without the silence around it: float32 at 16 kHz, shape (samples,), in and out; see `speech_span`."""
    start, end = speech_span(signal)
    return signal[start:end]


def speech_span(signal: np.ndarray, margin: float = MARGIN) -> tuple[int, int]:
    """(start, end) in samples of a clip without what is around its speech; pauses inside stay.

    It holds everything from the first to the last 25 ms frame (every 10 ms) whose energy lies within `BELOW_PEAK`
    decibels of the loudest frame, and `margin` seconds on either side. Where there is noise in the place of silence, a
    voice detector says where speech begins and ends, if that is far from there. Raises BadClip for a signal that is
    empty or silent.
    """
    if signal.size == 0 or np.abs(signal).max() <= SILENCE:
        raise BadClip("This signal is silent from start to end: there is nothing to keep.")
    energy = frame_energy(signal)
    loud = np.flatnonzero(energy >= energy.max() * 10 ** (-BELOW_PEAK / 10))
    around = round(margin * SAMPLE_RATE)
    start, end = max(0, int(loud[0]) * HOP - around), min(signal.size, int(loud[-1]) * HOP + FRAME + around)
    floor = float(np.quantile(energy, 0.1))
    if floor > energy.max() * 10 ** (-NOISY / 10):
        voiced = speech_spans(signal, VOICE_WITH_WORDS, signal.size / SAMPLE_RATE, margin)
        if voiced:
            first, last = max(start, voiced[0][0]), min(end, voiced[-1][1])
            start = first if _noise(energy, start, first, floor) else start
            end = last if _noise(energy, last, end, floor) else end
    return start, end


def _noise(energy: np.ndarray, start: int, end: int, floor: float) -> bool:
    """Whether a part (samples) in which no voice was detected is long and even: detectors miss shouts and soft ends."""
    part = energy[start // HOP : end // HOP]
    return part.size * HOP > SOFT * SAMPLE_RATE and bool(np.quantile(part, 0.75) < floor * 10 ** (UNEVEN / 10))
