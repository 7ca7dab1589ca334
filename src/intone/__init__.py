"""Emotion from speech: how something is said, what is said, and both together.

import intone
found = intone.load().file("interview.mp3")     # a DataFrame: one row per sentence
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from intone.emotions import EMOTIONS
from intone.version import __version__

if TYPE_CHECKING:
    from intone.inference.analyzer import Analyzer
    from intone.inference.result import Analysis

__all__ = ["EMOTIONS", "Analysis", "Analyzer", "__version__", "load"]

# Releases of onnxruntime send Microsoft what they run, and keep an identifier on the disk, unless they find this when
# they are imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def load(
    model: str | Path | None = None,
    whisper: str | None = "whisper-base",
    language: str | None = None,
    threads: int = 0,
    speakers: str | None = None,
    voices: Sequence[str] = (),
    one: bool = False,
    hotwords: str = "",
    device: str = "cpu",
    dimensions: str | Path | None = None,
) -> "Analyzer":
    """Return an Analyzer of recordings, with the methods `file(path)`, `files(paths)`, `folder(path)`, `signal(samples,
    sampling_rate)`.

    `model` is a file of `intone export` or a name that `intone models list` knows; None is the one that comes with
    intone. `whisper` is a name or folder of Whisper's weights; None leaves words out. `language` is a code or an
    English name (en, German …); None detects it. `threads` 0 means one per core. `speakers` says who speaks: auto
    (voices are told apart by their sound; the default where the weights for it are here), none (it isn't known), one,
    channels (a voice each), or the path of an RTTM or CSV file with turns; where it is known, each sentence is judged
    against the speaker's others. `voices` are names of profiles (`intone voice add`). `hotwords` are names and
    terms that may be said. `device` is cpu, cuda (an NVIDIA GPU) or auto. `dimensions` is a
    model file that rates arousal, dominance and valence too. Raises Missing for weights that aren't on
    this machine, IntoneError for a device that isn't there.
    """
    from intone.inference.load import loaded

    return loaded(model, whisper, language, threads, speakers, voices, one, hotwords, device, dimensions)


def __getattr__(name: str) -> object:
    """Import `Analyzer` and `Analysis` when they are first used, so that `import intone` alone takes no time."""
    if name == "Analyzer":
        from intone.inference.analyzer import Analyzer

        return Analyzer
    if name == "Analysis":
        from intone.inference.result import Analysis

        return Analysis
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
