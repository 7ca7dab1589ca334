"""Clips -> features of each at several speeds, float16 [rows, frames], kept in the cache; the clips that have any."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from intone.audio.augment.spectrogram import SPEEDS, views_of_file
from intone.audio.features import FeatureSettings
from intone.data.corpus import Corpus, Skipped
from intone.errors import BadClip, IntoneError
from intone.progress import say
from intone.training.clip_pool import over_all

if TYPE_CHECKING:
    from intone.training.workspace import Copies

MANY: Final = 5
"""Clips with the same reason to be left out, above which they are told in one line."""


@dataclass(frozen=True)
class SpectrogramViews:
    """Which features are computed, at which speeds."""

    features: FeatureSettings
    speeds: tuple[float, ...] = SPEEDS

    def fill(self, corpus: Corpus, workers: int) -> None:
        """Put every clip's views into the cache, several clips at a time, with a bar on stderr. Raises BadClip."""
        over_all(self._fill, list(corpus.paths.values()), f"features ({self.features.kind})", workers)

    def computed(self, corpus: Corpus) -> "Copies":
        """All clips' views, from the cache where they are there. Raises BadClip."""
        return {file: self._of(path) for file, path in corpus.paths.items()}

    def _of(self, path: Path) -> Sequence[np.ndarray]:
        return views_of_file(path, self.features, self.speeds)

    def _fill(self, path: Path) -> None:
        self._of(path)


def screened(corpus: Corpus, settings: FeatureSettings, workers: int = 2) -> Corpus:
    """The corpus without the clips that give no features, each named on stderr with the reason; all features cached.

    Raises IntoneError where no clip is left.
    """
    call = partial(_reason, settings=settings)
    reasons = over_all(call, list(corpus.paths.values()), f"features ({settings.kind})", workers)
    bad = {file: reason for file, reason in zip(corpus.paths, reasons, strict=True) if reason}
    skipped = (*corpus.skipped, *(Skipped(file, reason) for file, reason in bad.items()))
    for line in _told(skipped):
        say(line)
    if skipped:
        say(f"{len(skipped)} clips left out, {len(corpus.clips) - len(bad)} used.")
    clips = corpus.clips[~corpus.clips["file"].isin(bad)].reset_index(drop=True)
    if clips.empty:
        raise IntoneError(f"No clip of {corpus.name} can be used.")
    paths = {file: path for file, path in corpus.paths.items() if file not in bad}
    return replace(corpus, clips=clips, paths=paths, skipped=skipped)


def _told(skipped: Sequence[Skipped]) -> Iterator[str]:
    """A line for each clip, or one for all that have the same reason where these are many."""
    reasons: dict[str, list[str]] = {}
    for clip in skipped:
        reasons.setdefault(clip.reason, []).append(clip.file)
    for reason, files in reasons.items():
        if len(files) > MANY:
            yield f"left out: {len(files)} clips, {files[0]} the first: {reason}"
        else:
            yield from (f"left out: {file}: {reason}" for file in files)


def _reason(path: Path, settings: FeatureSettings) -> str:
    """Why a clip can't be used; "" where it can."""
    try:
        views_of_file(path, settings)
    except BadClip as problem:
        return str(problem)
    return ""
