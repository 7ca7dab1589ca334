"""Clip (mono float32, 16 kHz) -> its speech, without what is before and after it."""

from typing import Final

import numpy as np

from intone.audio.frames import FRAME_SAMPLES, HOP_SAMPLES, SAMPLE_RATE, SILENT_PEAK, frame_energy
from intone.audio.vad import VOICE_WITH_WORDS, VadSettings, speech_spans
from intone.errors import BadClip

SPEECH_RANGE_DB: Final = 35
"""Decibels under the loudest frame down to which a frame counts as speech."""

NOISY_RANGE_DB: Final = 40
"""The quietest tenth of a clip is noise and not silence where it is less than this many decibels under the loudest
frame; in RAVDESS's studio clips it is 41 to 60 dB under it."""

MIN_NOISE_S: Final = 0.25
"""Up to this many seconds of sound before the first voice, or after the last, may still be speech."""

UNEVEN_DB: Final = 10
"""Decibels over the quietest tenth: a part that is louder than that for a quarter of the time isn't only noise."""

MARGIN_S: Final = 0.05
"""Seconds kept on either side."""


def trim_silence(signal: np.ndarray) -> np.ndarray:
    """A clip without the silence around it: float32 at 16 kHz, shape (samples,), in and out; see `speech_span`."""
    start, end = speech_span(signal)
    return signal[start:end]


def speech_span(signal: np.ndarray, margin: float = MARGIN_S) -> tuple[int, int]:
    """(start, end) in samples of the speech in a clip; pauses inside stay.

    It holds everything from the first to the last 25 ms frame (every 10 ms) whose energy lies within `SPEECH_RANGE_DB`
    decibels of the loudest frame, and `margin` seconds on either side. Where there is noise instead of silence, the
    start and end that a voice activity detector finds are taken, if they are far from these. Raises BadClip for a
    signal that is empty or silent.
    """
    if signal.size == 0 or np.abs(signal).max() <= SILENT_PEAK:
        raise BadClip("This signal is silent from start to end: there is nothing to keep.")
    energy = frame_energy(signal)
    loud = np.flatnonzero(energy >= energy.max() * 10 ** (-SPEECH_RANGE_DB / 10))
    around = round(margin * SAMPLE_RATE)
    start, end = (
        max(0, int(loud[0]) * HOP_SAMPLES - around),
        min(signal.size, int(loud[-1]) * HOP_SAMPLES + FRAME_SAMPLES + around),
    )
    floor = float(np.quantile(energy, 0.1))
    if floor > energy.max() * 10 ** (-NOISY_RANGE_DB / 10):
        whole = VadSettings(VOICE_WITH_WORDS, signal.size / SAMPLE_RATE, margin_s=margin)
        voiced = speech_spans(signal, whole)
        if voiced:
            first, last = max(start, voiced[0][0]), min(end, voiced[-1][1])
            start = first if _noise(energy, start, first, floor) else start
            end = last if _noise(energy, last, end, floor) else end
    return start, end


def _noise(energy: np.ndarray, start: int, end: int, floor: float) -> bool:
    """Whether a part (samples) without a detected voice is long and even: detectors miss shouts and soft ends."""
    part = energy[start // HOP_SAMPLES : end // HOP_SAMPLES]
    return part.size * HOP_SAMPLES > MIN_NOISE_S * SAMPLE_RATE and bool(
        np.quantile(part, 0.75) < floor * 10 ** (UNEVEN_DB / 10)
    )
