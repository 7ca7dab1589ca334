"""Clips -> openSMILE's functionals of each, float32 [D], kept in the cache.

A clip's statistics over its speech, of pitch, loudness, spectrum and voice quality: what the field compared itself with
before networks. eGeMAPS (Eyben et al. 2016, IEEE Transactions on Affective Computing 7, 190-202) has 88, ComParE 2016
(Schuller et al. 2016, Interspeech) 6373. openSMILE is free for research, not for products.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from intone.audio.clip import read_clip
from intone.audio.frames import SAMPLE_RATE
from intone.audio.trimming import trim_silence
from intone.cache import cached_array, file_digest
from intone.cache import digest as digest_of
from intone.data.corpus import Corpus
from intone.errors import Missing, brought_by
from intone.training.clip_pool import over_all

if TYPE_CHECKING:
    from intone.training.workspace import Copies

SETS: Final = ("eGeMAPSv02", "ComParE_2016")
"""openSMILE's names of the feature sets."""


@dataclass(frozen=True)
class Functionals:
    """Which set of functionals is computed."""

    name: str

    def fill(self, corpus: Corpus, workers: int) -> None:
        """Put every clip's functionals into the cache, several clips at a time, with a bar on stderr."""
        _extractor(self.name)
        over_all(self.of_clip, list(corpus.paths.values()), f"functionals ({self.name})", workers)

    def computed(self, corpus: Corpus) -> "Copies":
        """All clips' functionals, from the cache where they are there. Raises BadClip, Missing."""
        return {file: [self.of_clip(path)] for file, path in corpus.paths.items()}

    def of_clip(self, path: Path) -> np.ndarray:
        """One clip's functionals, [D]; 0 where openSMILE has no value, as for the pitch of a whisper."""
        key = digest_of(file_digest(path), self.name, "openSMILE functionals of trimmed speech")
        return cached_array("functionals", key, lambda: self._made(path))

    def _made(self, path: Path) -> np.ndarray:
        table = _extractor(self.name).process_signal(trim_silence(read_clip(path)), SAMPLE_RATE)
        found: np.ndarray = np.nan_to_num(table.to_numpy(np.float32)[0], posinf=0.0, neginf=0.0)
        return found


@cache
def _extractor(name: str) -> Any:
    """openSMILE with one of `SETS`. Raises Missing without the library."""
    try:
        import opensmile
    except ImportError as problem:
        raise Missing(f"openSMILE isn't installed: {brought_by('opensmile')}.") from problem
    return opensmile.Smile(opensmile.FeatureSet[name], opensmile.FeatureLevel.Functionals)
