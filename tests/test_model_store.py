"""The model that comes with the package: small, licensed, with its figures, and ready to hear."""

import hashlib

import numpy as np
import onnx
import pytest

from intone.errors import IntoneError
from intone.inference import registry
from intone.inference.model import Model


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(registry.find(None), threads=1)


def test_it_is_small_and_says_what_binds_it_and_what_it_is_worth(model):
    assert registry.own().stat().st_size <= 49e6
    card = model.card
    assert card.licence.startswith("CC BY-NC-SA") and card.corpora == ("ravdess", "emodb", "nemo")
    assert all(f"{name} (" in model.voice_facts for name in card.corpora)
    # Calm and disgust of RAVDESS, and other clips of emotions that no other corpus has, have nobody to be learned from.
    assert 3000 < card.scores["clips"] < 3309 and 0 < card.parity <= 1e-4 and card.quantization["same_answers"] >= 97
    assert 0 < card.unsure < 0.9 and 0 < card.reading.unsure < 0.9  # else nothing of a stranger would have an emotion
    assert card.reading.track == "natural" and card.reading.scores["clips"] == card.scores["clips"]
    assert all(any(p in fact for fact in card.facts()) for p in ("sound alone", "measures fusion", "8 bits"))
    assert registry.listing()["name"].iloc[0] == registry.DEFAULT


def test_it_hears_and_reads(model):
    sound = 0.1 * np.sin(np.arange(16_000) / 9 * (1 + 0.1 * np.sin(np.arange(16_000) / 900))).astype(np.float32)
    alone, angry, glad = (
        model.predict(sound, text) for text in ("", "I hate you, you idiot!", "haha, so funny, I love it!")
    )
    assert alone.sentence is None and alone.probabilities.sum() == pytest.approx(1)
    np.testing.assert_array_equal(alone.audio, angry.audio)
    assert angry.sentence[4] > 0.5 and glad.sentence[2] > 0.5


def test_its_sums_overflow_on_no_processor():
    graph = onnx.load(registry.own()).graph
    types = {x.name: x.data_type for x in graph.initializer}
    products = [node for node in graph.node if node.op_type == "MatMulInteger"]
    assert len(products) > 20 and {types[node.input[1]] for node in products} == {onnx.TensorProto.UINT8}


def test_a_model_is_kept_until_a_good_one_takes_its_place(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "cache_folder", lambda: tmp_path / "cache")
    known = hashlib.sha256(registry.own().read_bytes()).hexdigest()
    kept = registry.add("mine", str(registry.own()), known)
    other = tmp_path / "other.onnx"
    other.write_bytes(b"no model")
    wrong = {"not there": str(tmp_path / "nowhere.onnx"), "another file": str(other), "is not a model file": str(other)}
    for message, source in wrong.items():
        expected = hashlib.sha256(b"no model").hexdigest() if "model file" in message else known
        with pytest.raises(IntoneError, match=message):
            registry.add("mine", source, expected)
        assert hashlib.sha256(kept.read_bytes()).hexdigest() == known and other.exists()
    assert registry.add("mine", str(kept), known) == kept and kept.exists()
    assert [path.name for path in kept.parent.iterdir()] == ["mine.onnx"]
