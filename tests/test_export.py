"""Export: the file says what the network says, or there is no file."""

import json

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from intone import export
from intone.emotions import EMOTIONS
from intone.errors import IntoneError
from intone.models.audio_cnn import AudioCnn, AudioCnnPreset, padded


@pytest.fixture
def network() -> AudioCnn:
    torch.manual_seed(0)
    network = AudioCnn(16, AudioCnnPreset(width=4))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.bias)
            module.running_mean.normal_()
    return network.eval()


@pytest.mark.parametrize("lengths", [(40,), (30, 200, 77)])
def test_any_number_of_clips_of_any_length(network, tmp_path, lengths):
    export.export_audio_cnn(network, tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    features, frames = padded([np.random.default_rng(n).normal(0, 1, (16, n)).astype(np.float32) for n in lengths])
    got = session.run(["logits"], {"features": features.numpy(), "lengths": frames.numpy()})[0]
    with torch.inference_mode():
        np.testing.assert_allclose(got, network(features, frames)[0].numpy(), atol=1e-4)
    assert json.loads(session.get_modelmeta().custom_metadata_map["labels"]) == list(EMOTIONS)


def test_a_file_that_differs_is_refused(network, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(IntoneError, match="differs from its network"):
        export.export_audio_cnn(network, tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()
