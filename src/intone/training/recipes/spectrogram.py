"""Clips' spectrograms or MFCCs -> the audio networks: how each is made from one fold."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import torch

from intone.audio.augment.spectrogram import SPEEDS, SpectrogramAugmentation, views_of_file
from intone.audio.features import FeatureSettings
from intone.data.corpus import Corpus, Skipped
from intone.data.splits import Split
from intone.errors import BadClip, IntoneError
from intone.models.auxiliary import SideTasks
from intone.models.checkpoint import load_network_file, save_network
from intone.models.cnn import AudioCnnPreset, AudioExamples
from intone.models.standardised import Standardised
from intone.progress import say
from intone.training.module import TrainingPreset
from intone.training.parallel import over_all
from intone.training.runs import Outcome
from intone.training.trainer import fit
from intone.training.workspace import Lab, Recipe

Views = Mapping[str, Sequence[np.ndarray]]


class AudioPreset(Protocol):
    """A frozen dataclass of a network's settings, which builds it."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def augmentation(self) -> SpectrogramAugmentation:
        """How its training clips are changed."""
        ...

    def built(self, rows: int) -> Standardised:
        """A new network for features of so many rows."""
        ...


@dataclass(frozen=True)
class AudioRecipe(Recipe):
    """A network over one kind of features, from scratch: the residual CNN, or another that its preset builds."""

    modality: ClassVar[str] = "audio"
    effort: ClassVar[tuple[str, ...]] = ("audio_epochs",)
    features: FeatureSettings = field(default_factory=FeatureSettings)
    network: AudioPreset = field(default_factory=AudioCnnPreset)
    training: TrainingPreset = field(default_factory=TrainingPreset)
    speeds: tuple[float, ...] = SPEEDS
    """Of each training clip's copies; the first, 1.0, is the clip itself, which alone is validated and tested."""

    side_columns: tuple[str, ...] = ("intensity", "statement")
    """What the network also learns to tell of training clips, where the corpus says it."""
    side_weight: float = 0.3

    def prepare(self, lab: Lab, workers: int) -> None:
        """All clips' features at all speeds."""
        self._views(lab, workers)

    def _views(self, lab: Lab, workers: int = 2) -> Views:
        """`file` -> its copies' features, gathered once a lab."""
        key = f"views {self.features.key()} {self.speeds}"
        return lab.keep(key, lambda: all_views(lab.corpus.paths, self.features, self.speeds, workers))

    def make(self, lab: Lab, track: str, split: Split, folder: Path) -> Outcome:
        """Train it on the fold."""
        examples = self.examples(lab, track, split, folder)
        torch.manual_seed(lab.seed)
        network = self.network.built(self.features.rows)
        network.remember(examples.mean, examples.deviation)
        preset = replace(self.training, epochs=lab.effort.audio_epochs, seed=lab.seed)
        side = SideTasks.of(lab.corpus.clips, self.side_columns, split.train, self.side_weight)
        fitted = fit(network, examples, split, preset, folder, side)
        save_network(network, folder / "model.safetensors", {"recipe": asdict(self)})
        details = {"epoch": fitted.epoch, "side_tasks": list(side.labels)}
        return Outcome(fitted.logits, fitted.parameters, fitted.seconds, fitted.embeddings, fitted.history, details)

    def examples(self, lab: Lab, track: str, split: Split, folder: Path) -> AudioExamples:
        """The fold's clips as this network takes them."""
        views = self._views(lab)
        by_row = self.features.kind == "mfcc"
        columns = lab.corpus.clips.set_index("file")[["emotion", *self.side_columns]]
        kinds = {file: tuple(kind) for file, *kind in columns.astype(str).itertuples(name=None)}
        return AudioExamples(views, lab.emotions, split.train, self.network.augmentation, by_row, lab.seed, kinds)

    def network_of(self, folder: Path) -> Standardised:
        """The trained network of a finished fold."""
        network = self.network.built(self.features.rows)
        load_network_file(network, folder / "model.safetensors")
        return network


def all_views(
    paths: Mapping[str, Path], settings: FeatureSettings, speeds: tuple[float, ...] = SPEEDS, workers: int = 2
) -> Views:
    """`file` -> features at each speed, for every clip; cached, with a bar on stderr. Raises BadClip."""
    call = partial(views_of_file, settings=settings, speeds=speeds)
    return dict(zip(paths, over_all(call, list(paths.values()), f"features ({settings.kind})", workers), strict=True))


def screened(corpus: Corpus, settings: FeatureSettings, workers: int = 2) -> Corpus:
    """The corpus without the clips that give no features, each named on stderr with the reason; all features cached.

    Raises IntoneError where no clip is left.
    """
    call = partial(_reason, settings=settings)
    reasons = over_all(call, list(corpus.paths.values()), f"features ({settings.kind})", workers)
    bad = {file: reason for file, reason in zip(corpus.paths, reasons, strict=True) if reason}
    skipped = (*corpus.skipped, *(Skipped(file, reason) for file, reason in bad.items()))
    for clip in skipped:
        say(f"left out: {clip.file}: {clip.reason}")
    if skipped:
        say(f"{len(skipped)} clips left out, {len(corpus.clips) - len(bad)} used.")
    clips = corpus.clips[~corpus.clips["file"].isin(bad)].reset_index(drop=True)
    if clips.empty:
        raise IntoneError(f"No clip of {corpus.name} can be used.")
    paths = {file: path for file, path in corpus.paths.items() if file not in bad}
    return replace(corpus, clips=clips, paths=paths, skipped=skipped)


def _reason(path: Path, settings: FeatureSettings) -> str:
    """Why a clip can't be used; "" where it can."""
    try:
        views_of_file(path, settings)
    except BadClip as problem:
        return str(problem)
    return ""
