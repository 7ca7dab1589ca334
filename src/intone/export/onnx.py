"""A network over plain features and token ids -> one ONNX file with the same outputs to 1e-4, if possible in 8 bits."""

import contextlib
import io
import logging
import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor

from intone.audio.features import FeatureSettings
from intone.errors import IntoneError
from intone.inference.card import METADATA_KEY, Card
from intone.inference.model import MIN_SAMPLES, Model
from intone.models.graph import FileGraph, with_operators

logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # else it warns that torchvision is missing, which isn't needed
logging.getLogger("onnxscript").setLevel(logging.ERROR)  # else it lists what it leaves unchanged

TOLERANCE = 1e-4
"""Largest difference of a logit that is accepted; relative for logits beyond 1."""

LARGE = 100_000
"""Numbers from which on a weight that is no matrix product's is stored in fewer bits."""

SAME_ANSWERS, LOWER_ACCURACY = 97.0, 0.5
"""8-bit weights are kept where at least this percentage of predictions stays the same, and accuracy falls by at most
this many points."""


def export(whole: FileGraph, card: Card, path: Path) -> float:
    """Write network and card to `path` -> the largest difference of a logit between the two.

    Raises IntoneError, and leaves no file, where it is more than `TOLERANCE`.
    """
    whole = whole.eval()
    least, most = frames(card)
    inputs: dict[str, Any] = {"features": _noise(card, 2, max(least, 9 * most // 10))}
    shapes: dict[str, Any] = {"features": {0: torch.export.Dim("windows", min=1)}}
    if least < most:
        shapes["features"][2] = torch.export.Dim("frames", min=least)
    if whole.reading is not None:
        inputs["tokens"] = torch.tensor([1, 2, 3])
        shapes["tokens"] = {0: torch.export.Dim("tokens", min=1)}
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # like its steps on stdout, these concern only the exporter
        program = torch.onnx.export(
            with_operators(whole).eval(),
            kwargs=inputs,
            dynamo=True,
            input_names=list(inputs),
            # The plain names occur inside the graph.
            output_names=[f"{name}_out" for name in whole.outputs],
            dynamic_shapes=shapes,
            verbose=False,
        )
        assert program is not None
        if whole.fusing is not None:
            program.optimize()  # again: what two nodes used gets its final form only where one is left
    path.parent.mkdir(parents=True, exist_ok=True)
    program.model.metadata_props[METADATA_KEY] = card.as_json()
    program.save(str(path), external_data=False)
    off = largest_difference(whole, path)
    if off > TOLERANCE:
        path.unlink()
        raise IntoneError(f"{path} differs from its network by {off:.1e}: nothing is kept; please report this.")
    return off


@torch.inference_mode()
def largest_difference(whole: FileGraph, path: Path) -> float:
    """Largest difference of a logit between the file and its network, over windows and sentences of several lengths."""
    model, off = Model(path), 0.0
    least, most = frames(model.card)
    for windows, count, tokens in ((1, 40, 1), (3, most, 12), (2, most // 2 + 3, 33)):
        feed = {"features": _noise(model.card, windows, max(least, count))}
        if whole.reading is not None:
            feed["tokens"] = torch.arange(tokens) % 4 + 1
        said = model.session.run(None, {name: x.numpy() for name, x in feed.items()})
        pairs = [(a, b.numpy()) for a, b in zip(said, whole(**feed), strict=True)]
        gaps = [float((np.abs(a - b) / np.maximum(1, np.abs(b))).max()) for a, b in pairs]
        off = max(off, *(gap for name, gap in zip(whole.outputs, gaps, strict=True) if name != "embedding"))
    return off


def frames(card: Card) -> tuple[int, int]:
    """The least and the most frames of the network's input; they are the same where its length is fixed."""
    given = card.features
    if isinstance(given, FeatureSettings):
        # The CNN makes one state of 16 frames, and one state is a special case; the shortest sound has 28 frames.
        return 17, round(100 * card.window)  # they are 10 ms apart
    return (given.frames, given.frames) if given.frames else (MIN_SAMPLES, round(given.sampling_rate * card.window))


def _noise(card: Card, windows: int, count: int) -> Tensor:
    draw = np.random.default_rng(0)
    return torch.from_numpy(draw.normal(0, 1, (windows, card.features.rows, count)).astype(np.float32))


def with_card(path: Path, card: Card, out: Path) -> None:
    """Write the file with another card to `out`; a model of voices stays."""
    model = onnx.load(path)
    kept = {entry.key: entry.value for entry in model.metadata_props}
    onnx.helper.set_model_props(model, kept | {METADATA_KEY: card.as_json()})
    onnx.save(model, out)


def quantize(path: Path, out: Path) -> None:
    """Convert the weights of all matrix products to 8 bits, with one scale per column, and word vectors; activations
    are scaled at run time. Large weights of convolutions and other large numbers are stored in 8 and 16 bits, and used
    in 32. The file gives the same outputs on every processor, except for rounding."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quiet():
        quantize_dynamic(
            path, out, op_types_to_quantize=["MatMul", "Gemm", "Gather"], per_channel=True, weight_type=QuantType.QInt8
        )
    unsigned(out)
    compact(out)


def unsigned(path: Path) -> None:
    """Write a file's signed 8-bit weights of products as the same numbers, unsigned, with 128 as zero.

    Where a processor lacks VNNI, onnxruntime adds two products of signed weights in 16 bits, and 2 * 255 * 127 doesn't
    fit: up to half of a sum is lost. Sums of unsigned weights are exact everywhere.
    """
    model = onnx.load(path)
    kept = {x.name: x for x in model.graph.initializer}
    products = [node for node in model.graph.node if node.op_type == "MatMulInteger"]
    for name in {node.input[k] for node in products for k in (1, 3)}:  # the weights and their zeros
        numbers = onnx.numpy_helper.to_array(kept[name])
        if numbers.dtype == np.int8:
            shifted = (numbers.astype(np.int16) + 128).astype(np.uint8)
            kept[name].CopyFrom(onnx.numpy_helper.from_array(shifted, name))
    onnx.save(model, path)


def compact(path: Path) -> None:
    """Store a file's large weights in 8 bits where they are a convolution's, with one scale per output channel, and
    else in half precision; they become 32 bits again when the file is loaded."""
    model = onnx.load(path)
    graph, convolved = model.graph, {node.input[1] for node in model.graph.node if node.op_type == "Conv"}
    for kept in list(graph.initializer):
        numbers = onnx.numpy_helper.to_array(kept)
        if numbers.dtype == np.float32 and numbers.size >= LARGE:
            name, stored = kept.name, f"{kept.name}_stored"
            scale = np.ones(1, np.float32)
            if name in convolved:
                scale = np.abs(numbers).max(tuple(range(1, numbers.ndim)), keepdims=True) / 127
                numbers = np.round(numbers / np.maximum(scale, np.finfo(np.float32).tiny)).astype(np.int8)
            else:
                numbers = numbers.astype(np.float16)
            kept.CopyFrom(onnx.numpy_helper.from_array(numbers, stored))
            graph.initializer.append(onnx.numpy_helper.from_array(scale, f"{name}_scale"))
            wide = onnx.helper.make_node("Cast", [stored], [f"{name}_wide"], to=onnx.TensorProto.FLOAT)
            graph.node.insert(0, onnx.helper.make_node("Mul", [f"{name}_wide", f"{name}_scale"], [name]))
            graph.node.insert(0, wide)
    onnx.save(model, path)


@contextlib.contextmanager
def _quiet() -> Any:
    """Suppress recommendations of preparation steps that change nothing here."""
    log = logging.getLogger()
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def differences(one: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> dict[str, float]:
    """Probabilities [labels] for the same inputs in 32 and in 8 bits -> same predictions (%), and the largest and the
    mean difference of a probability."""
    a, b = np.stack(one), np.stack(other)
    return {
        "same_answers": round(100 * float((a.argmax(1) == b.argmax(1)).mean()), 2),
        "largest_difference": round(float(np.abs(a - b).max()), 4),
        "mean_difference": round(float(np.abs(a - b).mean()), 5),
    }


def accuracy_change(one: Sequence[np.ndarray], other: Sequence[np.ndarray], true: Sequence[int]) -> float:
    """Change of accuracy from the first predictions to the second, in points."""
    right = [100 * float((np.stack(x).argmax(1) == np.array(true)).mean()) for x in (one, other)]
    return round(right[1] - right[0], 2)


def holds(found: Mapping[str, float]) -> bool:
    """Whether 8 bits are good enough."""
    same = [value for name, value in found.items() if name.endswith("same_answers")]
    return min(same) >= SAME_ANSWERS and found["accuracy_change"] >= -LOWER_ACCURACY


def place(made: Path, card: Card, out: Path) -> None:
    """Write a finished file with its card to `out`, in one step."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as work:
        with_card(made, card, Path(work) / out.name)
        shutil.move(Path(work) / out.name, out)
