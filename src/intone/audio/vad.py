"""A signal (mono float32, 16 kHz) -> spans of speech in samples, by Silero's voice activity detector.

Silero VAD (Silero Team 2021), as in faster-whisper, runs on onnxruntime, without torch.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

MARGIN_S: Final = 0.2
"""Seconds kept around speech: detectors and word times cut off soft sounds."""

MIN_VOICE_S: Final = 0.25
"""Seconds; shorter speech is a cough or a click."""

VOICE: Final = 0.5
"""Silero's own threshold, for where nothing else tells speech from music."""

VOICE_WITH_WORDS: Final = 0.3
"""Threshold where Whisper has to find words, too; 0.5 misses loud, angry speech."""

VOICE_IN_DOUBT: Final = 0.12
"""Threshold where Whisper has to find three words or more with a high probability: for shouts and loud anger, to which
the detector gives a low one."""


@dataclass(frozen=True)
class VadSettings:
    """Settings that define one stretch of speech."""

    threshold: float
    """Probability from which a step of 32 ms is speech."""
    max_speech_s: float
    """Seconds; longer speech is cut at its pauses."""
    min_speech_s: float = MIN_VOICE_S
    """Seconds; shorter speech is dropped."""
    min_silence_s: float = 0.4
    """Seconds of silence that end a stretch."""
    margin_s: float = MARGIN_S
    """Seconds kept on either side."""


def speech_spans(signal: np.ndarray, settings: VadSettings) -> list[tuple[int, int]]:
    """(start, end) in samples of each stretch of speech in a signal [samples], in order, with the margin around it."""
    from faster_whisper.vad import get_speech_timestamps

    found = get_speech_timestamps(
        signal,
        threshold=settings.threshold,
        min_speech_duration_ms=round(1000 * settings.min_speech_s),
        min_silence_duration_ms=round(1000 * settings.min_silence_s),
        speech_pad_ms=round(1000 * settings.margin_s),
        max_speech_duration_s=settings.max_speech_s,
    )
    return [(span["start"], span["end"]) for span in found]
