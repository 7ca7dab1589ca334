"""Clips of several speakers -> a recording in which they talk (float32, 16 kHz), and who says what in it (s).

Turns are one to three sentences of a voice, six to twelve sentences a voice, with pauses; a fifth of the turns begin
before the one before has ended. In a call each voice has a channel, and is heard faintly in the other one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from intone.audio.clip import read_clip
from intone.audio.frames import SAMPLE_RATE
from intone.audio.trimming import trim_silence
from intone.data.corpus import Corpus
from intone.inference.speakers import Turn

SENTENCES: Final = (6, 12)
"""Fewest and most sentences of a voice."""

TURN: Final = 3
"""Most sentences of a turn."""

OVERLAPS: Final = 0.2
"""Share of the turns that begin before the one before has ended."""

OVERLAP_S: Final = (0.2, 0.8)
PAUSE_S: Final = (0.1, 0.8)
"""Seconds of overlaps, and of pauses between sentences."""

LEAK: Final = 0.05
"""Amplitude of a call's voice in the other channel (-26 dB)."""

NOISE: Final = 3e-4
"""Amplitude of the noise below a recording (-70 dB of full scale)."""


@dataclass(frozen=True)
class Talk:
    """A recording and who says what in it."""

    samples: np.ndarray
    """float32 [samples, channels]."""
    turns: tuple[Turn, ...]
    """One for each sentence."""
    emotions: tuple[str, ...]
    """[sentences]."""


def put_together(corpus: Corpus, voices: Sequence[pd.DataFrame], call: bool, draw: np.random.Generator) -> Talk:
    """One recording of these voices' clips (rows of the clip table, a table for each voice)."""
    lines = [_lines(clips, draw) for clips in voices]
    sounds: list[tuple[float, int, np.ndarray]] = []
    turns, emotions, now, last = [], [], 0.5, -1
    while any(lines):
        ready = [k for k in range(len(voices)) if lines[k] and k != last] or [last]
        who = int(draw.choice(ready))
        early = sounds and who != last and draw.random() < OVERLAPS
        now += -draw.uniform(*OVERLAP_S) if early else draw.uniform(*PAUSE_S)
        for place in range(min(len(lines[who]), int(draw.integers(1, TURN + 1)))):
            file, emotion = lines[who].pop()
            sound = trim_silence(read_clip(corpus.paths[file]))
            now += draw.uniform(*PAUSE_S) if place else 0.0
            sounds.append((now, who, sound))
            turns.append(Turn(now, now + len(sound) / SAMPLE_RATE, f"voice {who}"))
            emotions.append(emotion)
            now = turns[-1].end
        last = who
    return Talk(_mixed(sounds, len(voices) if call else 1, draw), tuple(turns), tuple(emotions))


def _lines(clips: pd.DataFrame, draw: np.random.Generator) -> list[tuple[str, str]]:
    """Some of a voice's clips, file and emotion, in a random order."""
    count = min(len(clips), int(draw.integers(SENTENCES[0], SENTENCES[1] + 1)))
    chosen = clips.iloc[draw.permutation(len(clips))[:count]]
    return list(zip(chosen["file"], chosen["emotion"], strict=True))


def _mixed(sounds: Sequence[tuple[float, int, np.ndarray]], channels: int, draw: np.random.Generator) -> np.ndarray:
    """Sounds at their times (s) -> float32 [samples, channels]; with one channel all are in it."""
    length = max(start + len(sound) / SAMPLE_RATE for start, _, sound in sounds) + 0.5
    out = NOISE * draw.standard_normal((round(length * SAMPLE_RATE), channels))
    for start, who, sound in sounds:
        first = round(start * SAMPLE_RATE)
        for channel in range(channels):
            share = 1.0 if channels == 1 or channel == who else LEAK
            out[first : first + len(sound), channel] += share * sound
    return out.astype(np.float32)
