"""Real clips -> what inference costs, as ratios within one run: never an assertion on seconds."""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from intone.errors import BadClip


def bench(ravdess: Path | None = None, clips: int = 12) -> None:
    """Time the CNN (its ONNX file, and in torch) against Whisper-base on the same clips, one core each: ratios.

    Args:
        ravdess: RAVDESS; else INTONE_RAVDESS, else data/ravdess; without it, synthetic speech.
        clips: How many clips are timed, after one to warm up.
    """
    import torch

    from intone.export import export_audio_cnn, session
    from intone.features import FeatureSettings, extract
    from intone.models.audio_cnn import AudioCnn, padded
    from intone.transcripts import Whisper

    torch.set_num_threads(1)
    signals = _signals(ravdess, clips + 1)
    seconds = float(np.mean([len(s) for s in signals[1:]])) / 16_000
    settings = FeatureSettings()
    network = AudioCnn(settings.rows).eval()
    batches = [padded([extract(s, settings)]) for s in signals]
    with tempfile.TemporaryDirectory() as folder:
        export_audio_cnn(network, Path(folder) / "audio_cnn.onnx")
        file = session(Path(folder) / "audio_cnn.onnx")

    def in_onnx(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
        file.run(["logits"], {"features": batch[0].numpy(), "lengths": batch[1].numpy()})

    @torch.inference_mode()
    def in_torch(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
        network(*batch)

    for batch in batches:  # kernels are prepared once for each length
        in_onnx(batch)
        in_torch(batch)
    features = _median(lambda s: extract(s, settings), signals)
    cnn, cnn_torch = _median(in_onnx, batches), _median(in_torch, batches)
    whisper = _median(Whisper(threads=1).words, signals)
    print(f"{clips} clips of {seconds:.1f} s on average, one core, median per clip")
    costs = {
        "features (log-mel)": features,
        "audio_cnn after features": cnn,
        "the same in torch": cnn_torch,
        "Whisper-base": whisper,
    }
    for name, cost in costs.items():
        share = f"1/{whisper / cost:.0f} of Whisper-base" if cost < whisper else "1"
        print(f"  {name:26s} {1e3 * cost:9.2f} ms   {seconds / cost:8.0f} x real time   {share}")


def _signals(folder: Path | None, count: int) -> list[np.ndarray]:
    from intone.audio import read_clip
    from intone.corpora import builtin, ravdess
    from intone.errors import Missing

    try:
        corpus = ravdess.load(folder)
    except Missing:
        corpus = builtin.make(Path(os.environ.get("TMPDIR", "/tmp")) / "intone-bench", 2, 1)
    step = max(1, len(corpus.clips) // count)
    out = []
    for file in list(corpus.clips["file"])[::step][:count]:
        try:
            out.append(read_clip(corpus.paths[file]))
        except BadClip:
            continue
    return out


def _median(call: Callable[..., object], items: Sequence[object]) -> float:
    """Seconds a call, over all items but the first, which warms up."""
    call(items[0])
    times = []
    for item in items[1:]:
        start = time.perf_counter()
        call(item)
        times.append(time.perf_counter() - start)
    return float(np.median(times))
