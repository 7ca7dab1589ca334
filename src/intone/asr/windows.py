"""A stretch of speech [samples] -> the length of the window that Whisper takes it in, padded with silence (seconds)."""

from typing import Final

import numpy as np

from intone.audio.frames import SAMPLE_RATE

WINDOW_S: Final = 30
"""Length of Whisper's training windows in seconds; a shorter signal is padded with silence."""

SHORT_WINDOW_S, SHORT_CLIP_S = 15, 6
"""Seconds: a clip of up to 6 s is padded to a window of 15 s, which takes a third of the time and gives the same words.
With less than about ten seconds of silence after the clip, Whisper repeats a sentence until the window is full (on 120
RAVDESS clips: exact 114 with windows of 30 s, 115 with 15 s, 105 with 10 s)."""

HINT_WINDOW_S, HINT_CLIP_S = 5, 4
"""Seconds: a quick try of a sound of up to 4 s, in a window of 5 s, takes a quarter of the time. Repetitions don't
matter to it, as it says only whether there is any word."""


def window_of(signal: np.ndarray) -> int:
    """Length in seconds of the window that a stretch is padded to."""
    return SHORT_WINDOW_S if len(signal) <= SHORT_CLIP_S * SAMPLE_RATE else WINDOW_S
