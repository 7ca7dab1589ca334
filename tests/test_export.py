"""Export: the file says what the network says, whatever it is made of, or there is no file."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from intone.audio.features import FeatureSettings
from intone.errors import IntoneError, Missing
from intone.export import onnx
from intone.inference.card import Card, Reading
from intone.inference.model import Model
from intone.models.cnn import AudioCnn, AudioCnnPreset, padded
from intone.models.graph import FileGraph, SpectrogramGraph
from intone.models.graph import SentenceGraph as ReadingNetwork
from intone.models.rnn import TextRnn, TextRnnPreset
from intone.text import Vocabulary

BANDS = 16
WORDS = Vocabulary(("<pad>", "<unknown>", "kids", "dogs", "door", "the"))


def card(**changes) -> Card:
    settings = {"name": "tiny", "version": "0", "features": FeatureSettings(bands=BANDS), "temperature": 2.0}
    return Card(**{**settings, "fingerprint": "f" * 64, "trained_on": "noise", "licence": "none", **changes})


@pytest.fixture(scope="module")
def network() -> AudioCnn:
    torch.manual_seed(0)
    network = AudioCnn(BANDS, AudioCnnPreset(width=8))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.bias)
            module.running_mean.normal_()
    network.remember(np.full((BANDS, 1), 0.5, np.float32), np.full((BANDS, 1), 2.0, np.float32))
    return network.eval()


@pytest.fixture(scope="module", params=["lstm", "gru"])
def reader(request) -> TextRnn:
    torch.manual_seed(1)
    return TextRnn(len(WORDS), TextRnnPreset(request.param, "learned", hidden=8, learned=4)).eval()


@pytest.fixture(scope="module")
def whole(network, reader, tmp_path_factory) -> Model:
    path = tmp_path_factory.mktemp("model") / "m.onnx"
    onnx.export(FileGraph(SpectrogramGraph(network), ReadingNetwork(reader)), card(reading=Reading(WORDS.words)), path)
    return Model(path)


def features(windows: int, frames: int) -> np.ndarray:
    return np.random.default_rng(frames).normal(0, 1, (windows, BANDS, frames)).astype(np.float32)


@pytest.mark.parametrize(("windows", "frames"), [(1, 16), (1, 77), (4, 200)])
def test_it_hears_what_the_network_hears(whole, network, windows, frames):
    given = features(windows, frames)
    audio, embedding, *_ = whole.logits(given)
    with torch.inference_mode():
        logits, embeddings = network(*padded([(x - 0.5) / 2 for x in given]))
    np.testing.assert_allclose(audio, logits.numpy(), atol=1e-4)
    np.testing.assert_allclose(embedding, embeddings.numpy(), atol=1e-4)


@pytest.mark.parametrize("sentence", ["door", "kids the door", "dogs " * 90])
def test_it_reads_what_the_network_reads(whole, reader, sentence):
    ids = WORDS.encode(sentence)
    with torch.inference_mode():
        expected = reader(torch.from_numpy(ids)[None], torch.tensor([len(ids)]))[0][0]
    np.testing.assert_allclose(whole.logits(features(1, 40), ids)[2], expected.numpy(), atol=1e-4)


def test_without_words_nothing_is_read(whole):
    assert whole.logits(features(1, 40))[2:] == (None, None)
    assert whole.predict(np.sin(np.arange(9_000) / 9).astype(np.float32), "  ").sentence is None


def test_the_card_comes_back_as_it_was(whole, tmp_path):
    assert whole.card == card(reading=Reading(WORDS.words))
    other = card(known={"snr": (1.0, 2.5)}, quantization={"clips": 3.0}, unsure=0.4)
    assert Card.of_json(other.as_json()) == other


def test_a_card_can_be_changed_and_the_answers_stay(network, tmp_path):
    onnx.export(FileGraph(SpectrogramGraph(network), None), card(), tmp_path / "a.onnx")
    onnx.place(tmp_path / "a.onnx", card(unsure=0.3), tmp_path / "new" / "b.onnx")
    one, other = Model(tmp_path / "a.onnx"), Model(tmp_path / "new" / "b.onnx")
    assert other.card.unsure == 0.3 and other.card.reading is None
    np.testing.assert_array_equal(one.logits(features(2, 50))[0], other.logits(features(2, 50))[0])


def test_eight_bits_are_off_by_half_a_step_of_weights_and_states_at_most(network, tmp_path):
    onnx.export(FileGraph(SpectrogramGraph(network), None), card(), tmp_path / "a.onnx")
    onnx.quantize(tmp_path / "a.onnx", tmp_path / "small.onnx")
    (plain, states, *_), (small, *_) = (Model(tmp_path / n).logits(features(2, 50)) for n in ("a.onnx", "small.onnx"))
    weights = network.head[-1].weight.detach().numpy()  # the file's only product: convolutions stay as they are
    of_weights = np.abs(weights).max(1) / 127
    of_states = (max(0, states.max()) - min(0, states.min())) / 255
    half = (np.abs(states).sum(1)[:, None] + len(weights.T) * of_states / 2) * of_weights / 2
    bound = half + np.abs(weights).sum(1) * of_states / 2 + 1e-5
    assert (np.abs(small - plain) <= bound).all() and bound.max() < np.ptp(plain)


def test_eight_bits_overflow_on_no_processor(network, tmp_path):
    """States and weights that are all at their largest, and of one sign: two products need 17 bits."""
    loud = deepcopy(network)
    with torch.no_grad():
        loud.embed.weight.zero_(), loud.embed.bias.fill_(1.0)
        loud.head[-1].weight.fill_(1.0), loud.head[-1].bias.zero_()
    onnx.export(FileGraph(SpectrogramGraph(loud), None), card(), tmp_path / "a.onnx")
    onnx.quantize(tmp_path / "a.onnx", tmp_path / "small.onnx")
    said = Model(tmp_path / "small.onnx").logits(features(2, 50))[0]
    np.testing.assert_allclose(said, np.full((2, 8), loud.size), rtol=1e-5)


def test_a_file_that_differs_is_refused(network, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx, "TOLERANCE", -1.0)
    with pytest.raises(IntoneError, match="differs from its network"):
        onnx.export(FileGraph(SpectrogramGraph(network), None), card(), tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_what_is_no_model_file_is_one_sentence(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"not a model")
    with pytest.raises(IntoneError, match="is not a model file"):
        Model(tmp_path / "a.onnx")
    with pytest.raises(Missing, match="intone export"):
        Model(tmp_path / "none.onnx")


def test_eight_bits_hold_only_where_the_answers_stay():
    draw = np.random.default_rng(0)
    one = list(draw.dirichlet(np.ones(8), 200))
    true = [int(p.argmax()) for p in one]
    same = {**onnx.differences(one, one), "accuracy_change": onnx.accuracy_change(one, one, true)}
    assert same["same_answers"] == 100 and same["largest_difference"] == 0 and onnx.holds(same)
    other = [*one[:180], *(p[::-1] for p in one[180:])]
    found = {**onnx.differences(one, other), "accuracy_change": onnx.accuracy_change(one, other, true)}
    assert found["same_answers"] < 97 and found["accuracy_change"] < -0.5 and not onnx.holds(found)
    assert not onnx.holds({**same, "sentences_same_answers": 90.0})


def test_a_long_segment_is_heard_in_windows_that_overlap_by_half(whole):
    rate = 16_000
    voice = np.sin(np.arange(12 * rate) / 9).astype(np.float32)
    starts, windows = whole.windows(np.concatenate([np.zeros(rate, np.float32), voice]))
    assert {len(w) for w in windows} == {5 * rate} and len(windows) == 4
    assert starts[0] == pytest.approx(rate, abs=0.08 * rate)
    assert starts[-1] + 5 * rate == pytest.approx(13 * rate, abs=10)
    heard = whole.predict(voice)
    assert heard.windows.shape == (4, 8) and heard.audio.sum() == pytest.approx(1)
    np.testing.assert_allclose(heard.windows.mean(0), heard.audio)
    assert (np.diff(heard.middles) > 2).all() and heard.sentence is None


def test_the_shortest_sound_is_heard(whole):
    for samples in (1, 5, 1600):
        assert whole.predict(np.full(samples, 0.1, np.float32)).probabilities.sum() == pytest.approx(1)


def test_temperatures_and_weight_join_sound_and_words(whole):
    heard = whole.predict(np.sin(np.arange(9_000) / 9).astype(np.float32), "kids the door")
    joined = np.log(heard.audio) + np.log(heard.sentence)
    expected = np.exp(joined) / np.exp(joined).sum()
    np.testing.assert_allclose(heard.probabilities, expected, rtol=1e-6)
