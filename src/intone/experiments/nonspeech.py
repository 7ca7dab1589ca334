"""Sounds without speech -> results/nonspeech_analysis.csv: how often the package assigns an emotion."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from intone.audio.augment.perturbations import Sounds
from intone.audio.frames import SAMPLE_RATE
from intone.cache import digest, write_whole
from intone.inference import registry
from intone.inference.analyzer import Analyzer
from intone.inference.load import loaded
from intone.inference.result import UNSURE
from intone.progress import track

VERSION: Final = 3
"""Version of the rules for speech and `unsure`; a new version measures everything again."""

COLUMNS = ["sound", "words", "clips", "speech", "emotion", "model"]
"""`words`: whether Whisper transcribed; `speech`: clips detected as speech; `emotion`: those among them with an emotion
other than `unsure`; `model`: digest of the model file and this version. Silence is never detected as speech."""

Sound = tuple[str, Sequence[np.ndarray]]


def nonspeech(sounds: Sounds, seconds: float = 3.0) -> Iterator[Sound]:
    """Kind of sound -> examples [samples] at 16 kHz: hiss, tones, noise, and the sounds of ESC-10."""
    draw = np.random.default_rng(0)
    size = round(seconds * SAMPLE_RATE)
    time = np.arange(size) / SAMPLE_RATE
    yield "hiss", [(1e-3 * draw.standard_normal(size)).astype(np.float32) for _ in range(8)]
    yield "tones", [(0.1 * np.sin(2 * np.pi * hertz * time)).astype(np.float32) for hertz in (100, 220, 440, 880, 1760)]
    yield "white noise", [(0.1 * draw.standard_normal(size)).astype(np.float32) for _ in range(8)]
    yield "environment", sounds.environment
    yield "sneezes", sounds.sneezes


def analyse_nonspeech(sounds: Sounds, results: Path, whisper: str = "whisper-base") -> None:
    """Write the table, unless it exists for this model; raises Missing without Whisper's weights."""
    path = results / "nonspeech_analysis.csv"
    name = digest(registry.find(None).read_bytes(), VERSION)[:12]
    if path.exists() and (pd.read_csv(path, dtype=str)["model"] == name).all():
        return
    kinds = list(nonspeech(sounds))
    rows: list[tuple[object, ...]] = []
    for words in (True, False):
        analyzer = loaded(None, whisper if words else None, None, 0)
        rows += [(*counts, name) for counts in answered(analyzer, kinds)]
    write_whole(path, pd.DataFrame(rows, columns=COLUMNS).to_csv(index=False, lineterminator="\n").encode())


def answered(analyzer: Analyzer, kinds: Sequence[Sound]) -> Iterator[tuple[str, str, int, int, int]]:
    """A row for each kind of sound: `sound, words, clips, speech, emotion` as in `COLUMNS`."""
    words = "yes" if analyzer.whisper else "no"
    for kind, signals in track(kinds, f"sounds without speech, words: {words}", len(kinds)):
        found = [analyzer.signal(signal, SAMPLE_RATE)["emotion"] for signal in signals]
        named = sum(bool((emotions != UNSURE).any()) for emotions in found)
        yield kind, words, len(signals), sum(len(emotions) > 0 for emotions in found), named
