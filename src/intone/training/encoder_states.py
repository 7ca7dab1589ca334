"""Clips -> a pretrained encoder's states for each copy of a clip, [layers, T, D] or pooled; kept in the cache."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from intone.audio.augment.noise import VERSION as NOISY_VERSION
from intone.audio.augment.noise import VOICES, noisy_copy
from intone.audio.augment.spectrogram import at_speed
from intone.audio.clip import read_clip
from intone.audio.features import levelled
from intone.audio.frame_weights import VERSION as PROMINENCE_VERSION
from intone.audio.frame_weights import room_power
from intone.audio.trimming import trim_silence
from intone.cache import cached_array, digest, file_digest
from intone.data.corpus import Corpus
from intone.models.linear_probe import pooled
from intone.models.speech_encoder import SpeechStates
from intone.training.clip_pool import over_all
from intone.training.workspace import Copies

VERSION = 1
"""Version of the processing before and after the encoder; with another version all states are computed again."""


@dataclass(frozen=True)
class EncoderStates:
    """An encoder, and which of its states are kept."""

    weights: str
    """A name that intone knows, a local folder, or a hub id."""
    layers: tuple[int, ...]
    """From 1, the first block's output."""
    speeds: tuple[float, ...] = (1.0,)
    """Speed of each clip's copies; the first, 1.0, is the clip itself."""
    pooled: bool = False
    """Whether mean and deviation over time are kept, [layers, 2D] float32, instead of the states, float16."""
    noisy: tuple[str, ...] = ()
    """Kinds of further copies (audio/augment/noise.py): noise or voices under the speech, or a room around it."""
    prominent: bool = False
    """Whether frames are weighted by their prominence where states are pooled (audio/frame_weights.py)."""

    def fill(self, corpus: Corpus, workers: int) -> None:
        """Put every clip's copies into the cache, several clips at a time, with a bar on stderr. Raises BadClip."""
        over_all(self._fill, list(self._clips(corpus).values()), f"encoding ({Path(self.weights).name})", workers)

    def computed(self, corpus: Corpus) -> Copies:
        """All clips' copies, from the cache where they are there. Raises BadClip."""
        return {file: self.of_clip(*clip) for file, clip in self._clips(corpus).items()}

    def _clips(self, corpus: Corpus) -> dict[str, tuple[Path, ...]]:
        """`file` -> path of the clip, and with `noisy` paths of some other clips of its speaker."""
        return with_company(corpus) if self.noisy else {file: (path,) for file, path in corpus.paths.items()}

    def encoder(self) -> SpeechStates:
        """The encoder, cut after the last layer; the same object in every call."""
        return _encoder(self.weights, self.layers)

    def fresh_encoder(self) -> SpeechStates:
        """A new encoder, which the caller may change."""
        return SpeechStates(self.weights, self.layers)

    def _fill(self, clip: tuple[Path, ...]) -> None:
        self.of_clip(*clip)

    def of_clip(self, path: Path, *company: Path) -> list[np.ndarray]:
        """One clip's copies, cached by the file's hash and the encoder; `company`: other clips of its speaker."""
        kind = (
            (f"pooled by prominence {PROMINENCE_VERSION}" if self.prominent else "pooled") if self.pooled else "states"
        )
        file, name = file_digest(path), self.encoder().name
        made = {digest(file, name, x, kind, VERSION): partial(self._at_speed, path, x) for x in self.speeds}
        if self.noisy:
            voices = [file_digest(other) for other in company]
            for under in self.noisy:
                key = digest(file, name, under, voices, kind, VERSION, NOISY_VERSION)
                made[key] = partial(self._noisy, path, under, company)
        # States are large: they stay on disk, where several workers share them.
        return [cached_array("states", key, make, mapped=not self.pooled) for key, make in made.items()]

    def _at_speed(self, path: Path, speed: float) -> np.ndarray:
        return self._encoded(at_speed(read_clip(path), speed))

    def _noisy(self, path: Path, under: str, company: Sequence[Path]) -> np.ndarray:
        draw = np.random.default_rng([*file_digest(path).encode(), *under.encode()])
        return self._encoded(noisy_copy(read_clip(path), under, [read_clip(other) for other in company], draw))

    def _encoded(self, signal: np.ndarray) -> np.ndarray:
        return self.pooled_states(signal) if self.pooled else self.states(signal)

    def states(self, signal: np.ndarray) -> np.ndarray:
        """A clip [samples] -> states of its speech, [layers, T, D]. Raises BadClip."""
        return self.encoder()(levelled(trim_silence(signal)))

    def pooled_states(self, signal: np.ndarray) -> np.ndarray:
        """A clip [samples] -> mean and deviation of its states over its speech, [layers, 2D]. Raises BadClip."""
        part = trim_silence(signal)
        states = self.encoder()(levelled(part))
        if not self.prominent:
            return pooled(states)
        return pooled(states, self.encoder().prominence(part, room_power(signal), states.shape[1]))


def with_company(corpus: Corpus) -> dict[str, tuple[Path, ...]]:
    """`file` -> paths of the clip and of some other clips of its speaker, always the same; itself if there are none."""
    by_speaker: dict[Any, list[str]] = corpus.clips.groupby("speaker")["file"].apply(sorted).to_dict()
    out = {}
    for file, speaker in zip(corpus.clips["file"], corpus.clips["speaker"], strict=True):
        others = [other for other in by_speaker[speaker] if other != file] or [file]
        draw = np.random.default_rng([*file.encode()])
        chosen = [others[k] for k in draw.choice(len(others), min(VOICES, len(others)), replace=False)]
        out[file] = (corpus.paths[file], *(corpus.paths[other] for other in chosen))
    return out


@cache
def _encoder(weights: str, layers: tuple[int, ...]) -> SpeechStates:
    return SpeechStates(weights, layers)
