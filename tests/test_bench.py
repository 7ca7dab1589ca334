"""Costs: what is timed, and what is not."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from intone.audio.features import FeatureSettings
from intone.audio.frames import SAMPLE_RATE
from intone.experiments import benchmark
from intone.inference.model import Model

CLIPS = [0.1 * np.sin(np.arange(SAMPLE_RATE) / k).astype(np.float32) for k in (7, 8, 9)]


@pytest.fixture
def burning(monkeypatch) -> Callable:
    """Makes what takes so much of the processor's time, and gives what it is given; nothing else takes any."""
    spent = 0.0

    def burns(seconds: float) -> Callable:
        def burn(given, *_):
            nonlocal spent
            spent += seconds
            return given

        return burn

    monkeypatch.setattr(benchmark, "time", SimpleNamespace(process_time=lambda: spent))
    return burns


def test_a_clip_costs_what_the_processor_took_for_it(burning):
    assert benchmark._cost(burning(0.02), CLIPS) == pytest.approx(0.06)


def test_the_network_is_timed_after_features_and_against_whisper(model_file, monkeypatch, burning):
    slow, real = burning(0.2), benchmark.extract
    monkeypatch.setattr(benchmark, "extract", lambda clip, settings: real(slow(clip), settings))
    model = Model(model_file, 1)
    timed = SimpleNamespace(run=lambda *_: burning(0.02)((None, None)))
    monkeypatch.setattr(Model, "session", property(lambda _: timed))
    row = benchmark.network_row(model, CLIPS, 1.0, burning(0.1))
    assert row.startswith("tiny's network on a clip of 1.0 s, after features: 20.0 ms of one core, 20.0 % of Whisper")


def test_without_a_model_a_network_with_random_weights_is_timed(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark.registry, "own", lambda: tmp_path / "none.onnx")
    card = Model(benchmark._model(None, tmp_path), 1).card
    assert card.name == "audio_cnn" and card.features == FeatureSettings()
