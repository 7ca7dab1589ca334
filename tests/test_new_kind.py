"""A new kind of model is one class: this one, written here alone, is trained, judged, exported and analyses."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from conftest import RATE
from safetensors.numpy import load_file, save_file
from sklearn.linear_model import LogisticRegression
from torch import nn

import intone
from intone.audio.clip import read_clip
from intone.audio.features import FeatureSettings, extract
from intone.data.splits import PARTS, folds
from intone.evaluation.results import Experiment
from intone.experiments.publish import publish
from intone.export.pack import found, pack
from intone.inference.model import Model
from intone.models.graph import SoundGraph
from intone.training.finished_fold import FinishedFold
from intone.training.recipe import FoldResult, FoldTask, Predictor, Recipe
from intone.training.recipes.choice import AudioChoice
from intone.training.recipes.fusion import Ensemble
from intone.training.refit import train_everyone
from intone.training.spectrogram_views import SpectrogramViews
from intone.training.workspace import Workspace


class MeanGraph(nn.Module):
    """Features [windows, rows, frames] -> logits, and the means that they are read from."""

    def __init__(self, weight: np.ndarray, bias: np.ndarray) -> None:
        super().__init__()
        self.weight, self.bias = (nn.Parameter(torch.from_numpy(x)) for x in (weight, bias))

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean = features.mean(2)
        return mean @ self.weight.T + self.bias, mean / 8


@dataclass(frozen=True)
class MeanRecipe(Recipe):
    """Logistic regression on a clip's mean log-mel spectrum."""

    modality: ClassVar[str] = "audio"
    needs_validation: ClassVar[bool] = False
    features: FeatureSettings = field(default_factory=lambda: FeatureSettings(bands=16))
    strength: float = 1.0

    def fit(self, space: Workspace, task: FoldTask) -> FoldResult:
        views = space.features(SpectrogramViews(self.features, (1.0,)))
        files = [file for part in PARTS for file in getattr(task.split, part)]
        x = {file: views[file][0].astype(np.float32).mean(1) for file in files}
        train = list(task.split.train)
        model = LogisticRegression(C=self.strength, max_iter=5000)
        model.fit(np.stack([x[f] for f in train]), space.true(train))
        task.folder.mkdir(parents=True, exist_ok=True)
        kept = {"weight": model.coef_, "bias": model.intercept_}
        save_file({k: np.ascontiguousarray(v, np.float32) for k, v in kept.items()}, task.folder / "mean.safetensors")
        logits = np.stack([x[f] for f in files]) @ model.coef_.T + model.intercept_
        return FoldResult(pd.DataFrame(logits, pd.Index(files, name="file"), list(space.labels)), model.coef_.size, 0.1)

    def predictor(self, run: FinishedFold) -> Predictor:
        kept = load_file(run.folder / "mean.safetensors")

        def logits(signals: Sequence[np.ndarray]) -> np.ndarray:
            means = np.stack([extract(signal, self.features).mean(1) for signal in signals])
            return means @ kept["weight"].T + kept["bias"]

        return logits

    def sound_graph(self, run: FinishedFold, window: float) -> SoundGraph:
        kept = load_file(run.folder / "mean.safetensors")
        return SoundGraph(MeanGraph(kept["weight"], kept["bias"]), self.features)


@pytest.fixture(scope="module")
def space(corpus, tmp_path_factory) -> Workspace:
    models: dict[str, Recipe] = {
        "mean": MeanRecipe(),
        "mean-loose": MeanRecipe(strength=10.0),
        "choice": AudioChoice(("mean", "mean-loose")),
        "both": Ensemble("fusion_late_logits", ("mean", "mean-loose")),
    }
    return Workspace(corpus, models, tmp_path_factory.mktemp("runs"))


@pytest.mark.parametrize("model", ["mean", "choice", "both"])
def test_it_is_trained_judged_exported_and_analyses(space, tmp_path, model):
    splits = folds(space.corpus.clips, "speakers")
    made = [space.fold(model, "none", split) for split in splits]
    publish(Experiment(model, "audio", "none", "speakers"), made, tmp_path, "test")
    assert pd.read_csv(tmp_path / "summary.csv").set_index("split").loc["test", "uar"] > 20  # chance is 12.5
    file = splits[0].test[3]
    signal = read_clip(space.corpus.paths[file])
    expected = made[0].predictions.set_index("file").loc[file, list(space.labels)].to_numpy(float)
    np.testing.assert_allclose(space.predictor(model, splits[0])([signal])[0], expected, atol=0.01)
    pack(found(made[0].folder, space.models), space.corpus, tmp_path / "m.onnx", eight_bits=False, window=1.0)
    np.testing.assert_allclose(Model(tmp_path / "m.onnx", 1).predict(signal).audio, expected, atol=0.02)
    talk = tmp_path / "talk.wav"
    soundfile.write(talk, np.tile(signal, 4), RATE)
    found_in_it = intone.load(tmp_path / "m.onnx", whisper=None).file(talk)
    assert found_in_it.labels == list(space.labels)


def test_it_learns_from_everyone(space):
    run = found(train_everyone(space, "choice", "none", "speakers"), space.models)
    assert run.model in ("mean", "mean-loose") and run.calibration.scores["clips"] == len(space.corpus.clips)


def test_other_settings_make_another_fold(space):
    split = folds(space.corpus.clips, "speakers")[0]
    one = space.fold("mean", "none", split).record.fingerprint
    other = replace(space, models={"mean": MeanRecipe(strength=2.0)}, runs=space.runs / "other")
    assert other.fold("mean", "none", split).record.fingerprint != one
