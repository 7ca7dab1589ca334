"""`intone train` on a folder of clips: pretrained encoders by name or path, and one sentence where there is none."""

import pytest

from intone import training
from intone.errors import IntoneError
from intone.models import pretrained
from intone.recipes import in_precision
from intone.training import train_all


def trained(model, track, ravdess_folder, tmp_path, weights):
    return list(train_all(model, track, "speakers", None, ravdess_folder, tmp_path, 1, 0, weights))


@pytest.mark.parametrize(("model", "track"), [("audio_whisper_base-head", "none"), ("text_minilm-tuned", "simulated")])
def test_another_encoder_below_a_model(model, track, ravdess_folder, tiny_whisper, tiny_bert, tmp_path, monkeypatch):
    monkeypatch.setenv("INTONE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(training, "MODELS", in_precision(training.MODELS, "32-true"))  # bf16 is slow on many processors
    weights = tiny_whisper if track == "none" else tiny_bert
    done = trained(model, track, ravdess_folder, tmp_path / "runs", weights)
    name = f"{model}@{weights.split('/')[-1]}-{pretrained.digest(weights)[:8]}__{track}__speakers"
    assert {folder.parent.name for folder, _ in done} == {name}
    assert all(0 <= metrics["validation"]["uar"] <= 100 for _, metrics in done)


def test_a_protocol_of_ravdess_takes_no_table_of_ones_own(tmp_path):
    with pytest.raises(IntoneError, match="give --protocol speakers"):
        list(train_all("audio_cnn", "none", "luna5", tmp_path / "not read.csv", None, tmp_path, 1, 0))


def test_a_network_from_scratch_takes_no_weights(ravdess_folder, tiny_whisper, tmp_path):
    with pytest.raises(IntoneError, match="from scratch: it takes no weights"):
        trained("audio_cnn", "none", ravdess_folder, tmp_path, tiny_whisper)
