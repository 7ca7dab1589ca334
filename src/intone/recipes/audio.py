"""Clips' spectrograms or MFCCs -> the audio networks: how each is made from one fold."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from intone.augment import SPEEDS, views_of_file
from intone.features import FeatureSettings
from intone.lab import Lab
from intone.models.audio_cnn import AudioCnn, AudioCnnPreset, AudioExamples
from intone.progress import track as with_bar
from intone.runs import Outcome
from intone.splits import Split
from intone.train import TrainingPreset, fit, load_network_file, save_network

Views = Mapping[str, Sequence[np.ndarray]]


@dataclass(frozen=True)
class AudioRecipe:
    """A residual CNN on one kind of features, from scratch."""

    modality: ClassVar[str] = "audio"
    effort: ClassVar[tuple[str, ...]] = ("audio_epochs",)
    features: FeatureSettings = field(default_factory=FeatureSettings)
    network: AudioCnnPreset = field(default_factory=AudioCnnPreset)
    training: TrainingPreset = field(default_factory=TrainingPreset)
    speeds: tuple[float, ...] = SPEEDS

    def make(self, lab: Lab, track: str, split: Split, folder: Path) -> Outcome:
        """Train it on the fold."""
        examples = self.examples(lab, track, split, folder)
        torch.manual_seed(lab.seed)
        network = AudioCnn(self.features.rows, self.network)
        network.remember(examples.mean, examples.deviation)
        preset = replace(self.training, epochs=lab.effort.audio_epochs, seed=lab.seed)
        fitted = fit(network, examples, split, preset, folder)
        save_network(network, folder / "model.safetensors", {"recipe": asdict(self)})
        details = {"epoch": fitted.epoch}
        return Outcome(fitted.logits, fitted.parameters, fitted.seconds, fitted.embeddings, fitted.history, details)

    def examples(self, lab: Lab, track: str, split: Split, folder: Path) -> AudioExamples:
        """The fold's clips as this network takes them."""
        views = lab.keep(f"views {self.features.key()}", lambda: all_views(lab.corpus.paths, self.features))
        by_row = self.features.kind == "mfcc"
        return AudioExamples(views, lab.emotions, split.train, self.network.augmentation, by_row, lab.seed)

    def network_of(self, folder: Path) -> AudioCnn:
        """The trained network of a finished fold."""
        network = AudioCnn(self.features.rows, self.network)
        load_network_file(network, folder / "model.safetensors")
        return network


def all_views(paths: Mapping[str, Path], settings: FeatureSettings, workers: int = 2) -> Views:
    """`file` -> features at each speed, for every clip; cached, with a bar on stderr."""
    label = f"features ({settings.kind})"
    if parent_process() is not None:  # a worker already has its one core
        made = map(views_of_file, paths.values(), [settings] * len(paths))
        return dict(zip(paths, made, strict=True))
    # One thread a worker: two processes that each start a thread a core get in one another's way.
    with ProcessPoolExecutor(workers, get_context("spawn"), threadpool_limits, (1,)) as pool:
        jobs = pool.map(views_of_file, paths.values(), [settings] * len(paths), chunksize=8)
        return dict(zip(paths, with_bar(jobs, label, len(paths)), strict=True))
