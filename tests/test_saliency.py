"""Which parts of a sentence decided: a model that hears only one place and band names that place and band."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import voice

from intone.audio.features import FeatureSettings, band_edges, mel_filters
from intone.audio.frames import SAMPLE_RATE
from intone.errors import IntoneError
from intone.inference import saliency as module
from intone.inference.card import Card
from intone.inference.model import Model
from intone.inference.saliency import BATCH, COLUMNS, ROWS, Saliency, saliency

LABELS = ("calm", "angry")


class Attentive(Model):
    """Says "angry" by how far one block of the features is above their mean, as if it heard nothing else."""

    def __init__(self, settings: FeatureSettings, rows: slice, frames: slice, window: float = 5.0) -> None:
        self.card = Card("attentive", "0", settings, window, "f" * 64, "none", "none", labels=LABELS)
        self.place, self.runs = (rows, frames), []

    def features(self, signal, windows):
        made = np.random.default_rng(0).normal(0, 0.1, (len(windows), self.card.features.rows, 100))
        made[:, self.place[0], self.place[1]] += 1
        return made.astype(np.float32)

    def logits(self, features, tokens=None):
        self.runs.append(len(features))
        found = features[:, self.place[0], self.place[1]].mean((1, 2))
        return np.stack([0 * found, 8 * found], 1), np.zeros((len(features), 1)), None, None


def test_the_place_and_the_band_that_a_model_hears_are_named():
    settings = FeatureSettings(bands=60)
    model = Attentive(settings, slice(40, 50), slice(50, 58))
    signal = voice(4, 1, seconds=2.4)
    found = saliency(model, signal)
    assert found.emotion == "angry" and found.probability > 0.8
    assert found.falls.shape == (ROWS, COLUMNS) == (len(found.bands) - 1, len(found.times) - 1)
    row, column = np.unravel_index(found.falls.argmax(), found.falls.shape)
    assert row == 4 and column == 6
    most, edges = found.most(), band_edges(settings)
    heard = found.times[0] + (found.times[-1] - found.times[0]) * np.array([0.5, 0.58])
    assert most.start <= heard[0] + 0.01 and most.end >= heard[1] - 0.01 and most.end - most.start < 1
    assert most.low <= edges[40] and most.high >= edges[50] - 1
    assert np.abs(found.falls[:2]).max() < 1e-3  # what isn't heard changes nothing
    assert max(model.runs) <= BATCH


def test_another_emotion_can_be_asked_about_and_one_that_is_not_there_gets_a_sentence():
    model = Attentive(FeatureSettings(bands=60), slice(40, 50), slice(50, 58))
    signal = voice(4, 1, seconds=1.0)
    calm = saliency(model, signal, "calm")
    assert calm.emotion == "calm" and calm.falls.min() < -0.5 and calm.most() is None
    with pytest.raises(IntoneError, match="no label 'joy': choose of calm, angry"):
        saliency(model, signal, "joy")


def test_where_no_part_does_much_none_is_named():
    model = Attentive(FeatureSettings(bands=60), slice(0, 60), slice(0, 100))
    model.logits = lambda features, tokens=None: (np.zeros((len(features), 2)), None, None, None)
    assert saliency(model, voice(4, 1, seconds=1.0)).most() is None


@pytest.mark.parametrize(("kind", "rows"), [("mfcc", 1), ("spectrogram", ROWS), ("whisper", ROWS)])
def test_each_kind_of_features_has_its_frequencies(kind, rows):
    settings = FeatureSettings(kind, bands=80)
    found = saliency(Attentive(settings, slice(0, 5), slice(0, 20)), voice(4, 1, seconds=1.5))
    assert found.falls.shape[0] == rows and (np.diff(found.bands) > 0).all() and found.bands[-1] <= 8000


def test_a_short_sentence_has_fewer_cells_and_a_long_one_several_windows():
    model = Attentive(FeatureSettings(bands=60), slice(40, 50), slice(50, 58), window=1.0)
    short = saliency(model, voice(4, 1, seconds=0.45))
    assert short.falls.shape[1] < COLUMNS and np.diff(short.times).min() >= 0.1
    long = saliency(model, voice(4, 1, seconds=6.0))
    assert long.falls.shape[1] == COLUMNS and (np.diff(long.times) > 0.1).all()
    assert max(model.runs) <= max(BATCH, 12)


def test_the_smallest_block_with_most_of_it_is_found():
    falls = np.zeros((2, 4))
    falls[0, 1:3], falls[1, 3] = 1.0, 0.6
    found = Saliency("calm", 0.5, np.arange(5.0), np.array([0.0, 10.0, 20.0]), falls).most()
    assert (found.start, found.end, found.low, found.high) == (1, 3, 0, 10)


def test_bands_end_between_the_peaks_of_their_filters():
    settings = FeatureSettings(bands=40)
    edges, peaks = band_edges(settings), mel_filters(40, settings.low, settings.high).argmax(1) * SAMPLE_RATE / 512
    assert len(edges) == 41 and (peaks >= edges[:-1] - 16).all() and (peaks <= edges[1:] + 16).all()
    assert band_edges(replace(settings, kind="whisper"))[0] < band_edges(settings)[0]


def test_a_real_network_is_asked_in_small_runs_and_gives_its_own_probability(model_file, monkeypatch):
    model, steps = Model(model_file, 1), []
    signal = voice(4, 1, seconds=1.5)
    monkeypatch.setattr(module, "BATCH", 4)
    found = saliency(model, signal, step=lambda: steps.append(1))
    prediction = model.predict(signal)
    assert found.probability == pytest.approx(prediction.audio.max(), abs=1e-6) and len(steps) > 10
    assert np.isfinite(found.falls).all()
