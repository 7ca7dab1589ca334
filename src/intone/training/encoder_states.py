"""Clips -> what a pretrained encoder's layers say of each copy, [layers, T, D] or pooled; kept in the cache."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import ClassVar, Self

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
from intone.models import pretrained
from intone.models.linear_probe import pooled
from intone.models.speech_encoder import SpeechStates
from intone.training.parallel import over_all
from intone.training.workspace import Lab, Recipe

VERSION = 1
"""Of what happens to a clip before and after the encoder; another one makes all states anew."""


@dataclass(frozen=True)
class Hearing:
    """An encoder, and what of its states is kept."""

    weights: str
    """A name that intone knows, a local folder, or a hub id."""
    layers: tuple[int, ...]
    """From 1, the first block's output."""
    speeds: tuple[float, ...] = (1.0,)
    """Of each clip's copies; the first, 1.0, is the clip itself."""
    pooled: bool = False
    """Mean and deviation over time, [layers, 2D] float32, in the place of the states, float16."""
    under: tuple[str, ...] = ()
    """Kinds of further copies (audio/augment/noise.py): noise or voices under the speech, or a room around it."""
    prominent: bool = False
    """Where states are pooled: whether a frame counts by how far it stands out of the room (audio/frame_weights.py)."""

    def prepare(self, lab: Lab, workers: int) -> None:
        """Put every clip's copies into the cache, several clips at a time, with a bar on stderr. Raises BadClip."""
        what, clips = f"listening ({Path(self.weights).name})", list(self._clips(lab).values())
        lab.keep(f"filled {self}", lambda: over_all(self._fill, clips, what, workers))  # once for all who build on it

    def of_all(self, lab: Lab) -> Mapping[str, list[np.ndarray]]:
        """`file` -> its copies, for every clip, from the cache where they are there. Raises BadClip."""
        return lab.keep(f"hearing {self}", lambda: {file: self._of(clip) for file, clip in self._clips(lab).items()})

    def states(self) -> SpeechStates:
        """The encoder, cut behind the last layer; one object for all who listen."""
        return _states(self.weights, self.layers)

    def fresh(self) -> SpeechStates:
        """The same, for one who changes it."""
        return SpeechStates(self.weights, self.layers)

    def _clips(self, lab: Lab) -> dict[str, tuple[Path, ...]]:
        """`file` -> where the clip is, and where some of its speaker's others are if their voices are wanted."""
        paths = lab.corpus.paths
        if not self.under:
            return {file: (path,) for file, path in paths.items()}
        return {file: (path, *(paths[other] for other in _company(lab, file))) for file, path in paths.items()}

    def _fill(self, clip: tuple[Path, ...]) -> None:
        self._of(clip)

    def _of(self, clip: tuple[Path, ...]) -> list[np.ndarray]:
        """One clip's copies, kept under the file's hash and what listens."""
        path, *others = clip
        kind = (
            (f"pooled by prominence {PROMINENCE_VERSION}" if self.prominent else "pooled") if self.pooled else "states"
        )
        file, name = file_digest(path), self.states().name
        made = {digest(file, name, x, kind, VERSION): partial(self._at_speed, path, x) for x in self.speeds}
        if self.under:
            voices = [file_digest(other) for other in others]
            for under in self.under:
                key = digest(file, name, under, voices, kind, VERSION, NOISY_VERSION)
                made[key] = partial(self._above, path, under, others)
        # States are many: they stay on disk, where several workers share them.
        return [cached_array("states", key, make, mapped=not self.pooled) for key, make in made.items()]

    def _at_speed(self, path: Path, speed: float) -> np.ndarray:
        return self._listen(at_speed(read_clip(path), speed))

    def _above(self, path: Path, under: str, others: Sequence[Path]) -> np.ndarray:
        draw = np.random.default_rng([*file_digest(path).encode(), *under.encode()])
        return self._listen(noisy_copy(read_clip(path), under, [read_clip(other) for other in others], draw))

    def _listen(self, signal: np.ndarray) -> np.ndarray:
        return self.summed_up(signal) if self.pooled else self.states()(levelled(trim_silence(signal)))

    def summed_up(self, signal: np.ndarray) -> np.ndarray:
        """A clip [samples] -> mean and deviation of its states over its speech, [layers, 2D]. Raises BadClip."""
        part = trim_silence(signal)
        heard = self.states()(levelled(part))
        if not self.prominent:
            return pooled(heard)
        return pooled(heard, self.states().prominence(part, room_power(signal), heard.shape[1]))


def _company(lab: Lab, file: str) -> list[str]:
    """Some other clips of the same speaker, always the same; the clip itself where there is none."""
    own = lab.keep("clips by speaker", lambda: lab.corpus.clips.groupby("speaker")["file"].apply(sorted).to_dict())
    others = [other for other in own[lab.speakers[file]] if other != file] or [file]
    draw = np.random.default_rng([*file.encode()])
    return [others[k] for k in draw.choice(len(others), min(VOICES, len(others)), replace=False)]


@cache
def _states(weights: str, layers: tuple[int, ...]) -> SpeechStates:
    return SpeechStates(weights, layers)


@dataclass(frozen=True, kw_only=True)
class EncoderRecipe(Recipe):
    """A model that stands on a speech encoder's layers."""

    modality: ClassVar[str] = "audio"
    pooled: ClassVar[bool]
    """Whether it takes means and deviations, or all states."""
    weights: str
    """A name that intone knows, a local folder, or a hub id."""
    layers: tuple[int, ...]
    """Layers that it may lean on."""
    speeds: tuple[float, ...] = (1.0,)
    """Of each training clip's copies; the first, 1.0, is the clip itself, which alone is validated and tested."""

    @property
    def hearing(self) -> Hearing:
        """What comes in from a clip."""
        return Hearing(self.weights, self.layers, self.speeds, self.pooled)

    def stands_on(self) -> Mapping[str, str]:
        """The encoder."""
        return {self.weights: pretrained.digest(self.weights)}

    def on(self, weights: str) -> Self:
        """The same over all layers of another encoder."""
        return replace(self, weights=weights, layers=tuple(range(1, pretrained.depth(weights) + 1)))

    def prepare(self, lab: Lab, workers: int) -> None:
        """Listen to every clip."""
        self.hearing.prepare(lab, workers)


@dataclass(frozen=True, kw_only=True)
class NoisyRecipe(EncoderRecipe):
    """One that also learns from noisier copies of its training clips; the clips themselves alone are judged."""

    under: tuple[str, ...] = ("noise", "babble")
    """Kinds of those copies (audio/augment/noise.py)."""

    @property
    def hearing(self) -> Hearing:
        """What comes in from a clip."""
        return replace(super().hearing, under=self.under)
