"""A tiny corpus in RAVDESS's layout, written as WAV with numpy, and a cache folder that is nobody's."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE = 22_050
"""Hz; not 16 000, so that every test that reads a clip resamples."""


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """INTONE_CACHE points to a temporary folder while tests run."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTONE_CACHE", str(folder))
        yield folder


def voice(emotion: int, actor: int, seconds: float = 0.6, seed: int = 0) -> np.ndarray:
    """A buzz with silence around it, float32 at `RATE`: its pitch and loudness follow emotion and actor."""
    chance = np.random.default_rng([emotion, actor, seed])
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = (110 if actor % 2 else 200) * (1 + 0.08 * emotion) * chance.uniform(0.97, 1.03)
    buzz = sum(np.sin(2 * np.pi * k * pitch * time) / k for k in range(1, 8))
    speech = 0.02 * (1 + emotion) * buzz * np.hanning(time.size) ** 0.5
    silence = np.zeros(round(0.2 * RATE))
    sound = np.concatenate([silence, speech, silence])
    return (sound + chance.normal(0, 1e-4, sound.size)).astype(np.float32)


@pytest.fixture(scope="session")
def ravdess_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4 actors x 8 emotions x 2 sentences x 1 repetition = 64 clips, named as RAVDESS names them."""
    folder = tmp_path_factory.mktemp("ravdess")
    for actor in range(1, 5):
        (folder / f"Actor_{actor:02d}").mkdir()
        for emotion in range(1, 9):
            for sentence in (1, 2):
                name = f"03-01-{emotion:02d}-01-{sentence:02d}-01-{actor:02d}.wav"
                sound = voice(emotion, actor, seconds=0.5 + 0.1 * sentence)
                soundfile.write(folder / f"Actor_{actor:02d}" / name, sound, RATE, subtype="PCM_16")
    return folder
