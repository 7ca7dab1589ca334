"""A trained audio network -> one ONNX file, which runs without torch and says the same to 1e-4.

The file takes standardised features [clips, 1, rows, frames] and each clip's own frames [clips], and gives logits
[clips, 8]; clips and frames are free. Labels travel in its metadata.
"""

import contextlib
import io
import json
import logging
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from intone.emotions import EMOTIONS
from intone.errors import IntoneError
from intone.models.audio_cnn import AudioCnn, padded

logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # else it warns that torchvision, which nothing needs, is away

TOLERANCE = 1e-4
"""Largest difference of a logit that is let through."""


class _Logits(nn.Module):
    """The network without its embedding."""

    def __init__(self, network: AudioCnn) -> None:
        super().__init__()
        self.network = network.folded()

    def forward(self, features: Tensor, frames: Tensor) -> Tensor:
        logits: Tensor = self.network(features, frames)[0]
        return logits


def export_audio_cnn(network: AudioCnn, path: Path) -> None:
    """Write the network to `path`; raises IntoneError, and leaves no file, where the file says something else."""
    rows = len(network.mean)
    model = _Logits(network).eval()
    clips, frames = torch.export.Dim("clips", min=1), torch.export.Dim("frames", min=16)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # like its steps on stdout, these are the exporter's own affairs
        program = torch.onnx.export(
            model,
            _noise(rows, (160, 96)),
            dynamo=True,
            input_names=["features", "lengths"],
            output_names=["logits"],
            dynamic_shapes={"features": {0: clips, 3: frames}, "frames": {0: clips}},
            verbose=False,
        )
    assert program is not None
    program.model.metadata_props["labels"] = json.dumps(EMOTIONS)
    program.save(str(path))
    off = _largest_difference(model, path, _noise(rows, (64, 400, 17)))
    if off > TOLERANCE:
        path.unlink()
        raise IntoneError(f"{path} differs from its network by {off:.1e}: nothing is kept; please report this.")


def session(path: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """The file, ready to run on so many threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _noise(rows: int, lengths: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    draw = np.random.default_rng(0)
    features, frames = padded([draw.normal(0, 1, (rows, n)).astype(np.float32) for n in lengths])
    return features.contiguous(), frames


@torch.inference_mode()
def _largest_difference(model: nn.Module, path: Path, inputs: tuple[Tensor, Tensor]) -> float:
    feed = {"features": inputs[0].numpy(), "lengths": inputs[1].numpy()}
    return float(np.abs(session(path).run(["logits"], feed)[0] - model(*inputs).numpy()).max())
