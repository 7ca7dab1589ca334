"""Lines spoken by eSpeak NG -> the samples that the page of `intone serve` offers, as MP3 of a few seconds each.

    python -m intone.experiments.page_samples src/intone/inference/serve/page

Synthetic voices, so that they may be given away (CC0); prosody is set by hand, and models are often unsure of them.
"""

import sys
from pathlib import Path
from typing import Final

import numpy as np
import soxr

from intone.audio.frames import SAMPLE_RATE
from intone.data.espeak import Line, say
from intone.inference.formats.html import mp3

PAUSE_S: Final = 0.5

SAMPLES: Final = {
    "calm": [(Line("en-us+f2", "There is no hurry. We have all the time in the world.", 130, 42, 25), 0.5)],
    "angry": [(Line("en-us+m3", "I told you three times! Why does nobody ever listen to me?", 205, 62, 85), 1.0)],
    "conversation": [
        (Line("en-us+f2", "Did you see who is standing at the door?", 190, 66, 80), 0.7),
        (Line("en-us+m3", "No. I don't want to talk about it.", 125, 28, 15), 0.5),
        (Line("en-us+f2", "Oh, come on! This is wonderful!", 205, 72, 95), 0.9),
        (Line("en-us+m3", "Leave me alone! I said no!", 210, 58, 85), 1.0),
    ],
}
"""Name -> lines, with the amplitude of their loudest sample."""


def sample(name: str) -> np.ndarray:
    """A sample's sound, mono float32 at 16 kHz."""
    lines = SAMPLES[name]
    spoken, rate = say([line for line, _ in lines])
    parts = [np.zeros(round(PAUSE_S * SAMPLE_RATE), np.float32)]
    for pcm, (_, loudest) in zip(spoken, lines, strict=True):
        sound = soxr.resample(np.frombuffer(pcm, "<i2").astype(np.float32), rate, SAMPLE_RATE)
        parts += [0.8 * loudest * sound / np.abs(sound).max(), parts[0]]
    return np.concatenate(parts).astype(np.float32)


if __name__ == "__main__":
    for name in SAMPLES:
        Path(sys.argv[1], f"{name}.mp3").write_bytes(mp3(iter([sample(name)])))
