"""Speech -> cost of analysis, as ratios within one run on the same audio: no absolute times are asserted."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from intone.asr.whisper import Whisper
from intone.audio.clip import read_clip
from intone.audio.features import FeatureSettings, extract
from intone.audio.frames import SAMPLE_RATE
from intone.audio.recording import Recording
from intone.audio.segments import speech_bounds, stretches
from intone.audio.vad import VOICE
from intone.errors import BadClip, Missing, brought_by
from intone.inference import registry
from intone.inference.blas import one_thread
from intone.inference.card import Card
from intone.inference.model import Model
from intone.progress import say


def bench(
    model: str | None = None, ravdess: Path | None = None, clips: int = 12, minutes: tuple[float, ...] = (1, 10, 30)
) -> None:
    """Print cost ratios: emotion against Whisper-base and a large pretrained pipeline, memory against length, and more.

    It compares the CPU time of one thread, so that other work on the machine doesn't count.

    Args:
        model: A file that `intone export` made, or a name from `intone models list`; default the packaged model, else a
            network with random weights.
        ravdess: The RAVDESS folder; default INTONE_RAVDESS, else data/ravdess; without it, synthetic speech.
        clips: Number of clips to time, after one for warm-up.
        minutes: Lengths of the recordings for measuring memory, in minutes; 180 for three hours.
    """
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        path = _model(model, folder)
        signals = _signals(ravdess, clips + 1)
        talk = np.concatenate(signals)
        _costs(Model(path, threads=1), talk)
        _network(signals, folder)
        _memory(path, talk, minutes, folder)
        _processes(path, talk, folder)
        _cold_start(path, talk, folder)


def _model(model: str | None, folder: Path) -> Path:
    """The requested model file, or one with random weights."""
    try:
        return registry.find(model)
    except Missing as problem:
        say(f"{problem} Timed is a network with random weights.")
    return _random_cnn(folder)


def _random_cnn(folder: Path) -> Path:
    """A file of `audio_cnn` with random weights, which takes the same time as a trained one."""
    from intone.export.onnx import export
    from intone.models.cnn import AudioCnn
    from intone.models.graph import FileGraph, SpectrogramGraph

    settings = FeatureSettings()
    card = Card("audio_cnn", "0", settings, 1.0, "random", "nothing", "none")
    export(FileGraph(SpectrogramGraph(AudioCnn(settings.rows).eval()), None), card, folder / "random.onnx")
    return folder / "random.onnx"


def _signals(folder: Path | None, count: int) -> list[np.ndarray]:
    from intone.data import ravdess, synthetic

    try:
        corpus = ravdess.load(folder)
    except Missing:
        corpus = synthetic.make(Path(os.environ.get("TMPDIR", "/tmp")) / "intone-bench", 2, 1)
    step = max(1, len(corpus.clips) // count)
    out = []
    for file in list(corpus.clips["file"])[::step][:count]:
        try:
            out.append(read_clip(corpus.paths[file]))
        except BadClip:
            continue
    return out


def _costs(model: Model, talk: np.ndarray) -> None:
    """Emotion, Whisper-base and a pipeline of wav2vec 2.0 large's size on the same stretches of speech."""
    spoken = list(stretches(Recording.of_signal(talk, SAMPLE_RATE).blocks(), VOICE))
    seconds = sum(end - start for start, end in map(speech_bounds, spoken))
    signals = [stretch.signal for stretch in spoken]
    emotion = _cost(model.predict, signals)
    costs: dict[str, float] = {f"emotion ({model.card.name})": emotion}
    costs["finding speech"] = _cost(lambda s: list(stretches(Recording.of_signal(s, SAMPLE_RATE).blocks())), signals)
    try:
        costs["Whisper-base with word times"] = whisper = _cost(Whisper(threads=1).timed_words, signals)
        costs["Whisper-base, text alone"] = _cost(Whisper(threads=1)._decode, signals)
        share = f"emotion costs {100 * emotion / costs['Whisper-base, text alone']:.1f} % of Whisper-base's text alone"
        say_both = f"{share}, {100 * emotion / whisper:.1f} % of it with word times"
    except Missing as problem:
        say_both = str(problem)
    large = _large_pipeline()
    if large:
        costs["a pipeline of wav2vec 2.0 large's size"] = _cost(large, signals)
    print(f"{len(signals)} stretches, {seconds:.0f} s of speech; processor time of one thread")
    for name, cost in costs.items():
        print(f"  {name:40s} {seconds / cost:8.1f} x real time   {cost / emotion:8.1f} x emotion")
    print(say_both)


def _network(clips: Sequence[np.ndarray], folder: Path) -> None:
    """`audio_cnn` on precomputed features, and Whisper-base, on the same clips."""
    try:
        model = Model(_random_cnn(folder), threads=1)
    except ImportError:
        say(f"A network with random weights needs torch: {brought_by('train')}.")
        return
    seconds = sum(map(len, clips)) / len(clips) / SAMPLE_RATE
    try:
        print(network_row(model, clips, seconds, Whisper(threads=1)._decode))
    except Missing as problem:
        print(problem)


def network_row(
    model: Model, clips: Sequence[np.ndarray], seconds: float, whisper: Callable[[np.ndarray], object]
) -> str:
    """Time of the network alone, without features, on a clip of so many seconds, compared with `whisper`."""
    settings = model.card.features
    assert isinstance(settings, FeatureSettings)
    features = [extract(clip, settings)[None] for clip in clips]
    own = _cost(lambda given: model.session.run(None, {"features": given}), features) / len(clips)
    words = _cost(whisper, clips) / len(clips)
    return (
        f"{model.card.name}'s network on a clip of {seconds:.1f} s, after features: {1000 * own:.1f} ms of one core, "
        f"{100 * own / words:.1f} % of Whisper-base's text alone"
    )


def _cost(call: Callable[[np.ndarray], object], signals: Sequence[np.ndarray]) -> float:
    """CPU seconds for all signals, after one for warm-up."""
    call(signals[0])
    with one_thread():  # as in an analysis; threads that wait for work would count as work
        start = time.process_time()
        for signal in signals:
            call(signal)
        return time.process_time() - start


def _large_pipeline() -> Callable[[np.ndarray], object] | None:
    """`transformers`' audio classification with a network of the size of wav2vec 2.0 large and random weights."""
    try:
        import torch
        import transformers
    except ImportError:
        say(f"The pipeline needs transformers: {brought_by('train')}.")
        return None
    torch.set_num_threads(1)
    config = transformers.Wav2Vec2Config(
        hidden_size=1024,
        num_hidden_layers=24,
        num_attention_heads=16,
        intermediate_size=4096,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        conv_bias=True,
    )
    config.num_labels = 8
    network = transformers.Wav2Vec2ForSequenceClassification(config).eval()
    extractor = transformers.Wav2Vec2FeatureExtractor(return_attention_mask=True)
    found: Callable[..., object] = transformers.pipeline(
        "audio-classification", model=network, feature_extractor=extractor, device="cpu"
    )
    return lambda signal: found({"raw": signal, "sampling_rate": SAMPLE_RATE})


def _memory(path: Path, talk: np.ndarray, minutes: Sequence[float], folder: Path) -> None:
    """Peak memory of `intone analyze --no-text` in a separate process, by length of the recording."""
    peaks = []
    for length in minutes:
        recording = folder / f"{length:g}.wav"
        with soundfile.SoundFile(recording, "w", SAMPLE_RATE, 1, "PCM_16") as f:
            for _ in range(max(1, round(60 * length * SAMPLE_RATE / len(talk)))):
                f.write(talk)
        peaks.append(_run(["analyze", str(recording), "--no-text", "--model", str(path), "-o", str(folder)])[1])
        recording.unlink()
    rows = ", ".join(f"{m:g} min {p:.0f} MB" for m, p in zip(minutes, peaks, strict=True))
    print(f"peak memory without words: {rows} ({peaks[-1] / peaks[0]:.2f} times for {minutes[-1] / minutes[0]:g} x)")


def _processes(path: Path, talk: np.ndarray, folder: Path) -> None:
    """Files per second with two workers compared with one, one thread each."""
    place = folder / "many"
    place.mkdir()
    for number in range(40):
        soundfile.write(place / f"{number}.wav", talk, SAMPLE_RATE)
    base = ["analyze", str(place), "--no-text", "--model", str(path), "--threads", "1"]
    one, two = (_run([*base, "--workers", str(n), "-o", str(folder / f"out{n}")])[0] for n in (1, 2))
    print(f"two processes: {one / two:.2f} times the files of one in the same time ({os.cpu_count()} cores)")


def _cold_start(path: Path, talk: np.ndarray, folder: Path) -> None:
    """Time from start to the first result on 5 s of audio, compared with the bare interpreter."""
    soundfile.write(folder / "five.wav", talk[: 5 * SAMPLE_RATE], SAMPLE_RATE)
    command = ["analyze", str(folder / "five.wav"), "--no-text", "--model", str(path)]
    first = min(_run(command)[0] for _ in range(3))
    bare = min(_seconds([sys.executable, "-c", "pass"]) for _ in range(3))
    own = min(_seconds([sys.executable, "-c", "import intone"]) for _ in range(3))
    print(f"cold start to a result on 5 s: {first:.2f} s; import intone: {own - bare:.3f} s (beyond Python's own)")


RUN: Final = """
import resource, sys
from pathlib import Path
from intone.cli import main

if __name__ == "__main__":
    try:
        main(sys.argv[2:])
    finally:
        own = Path("/proc/self/status")  # getrusage counts what the parent held when it was forked
        lines = own.read_text().splitlines() if own.exists() else []
        peak = next((line.split()[1] for line in lines if line.startswith("VmHWM")), None)
        Path(sys.argv[1]).write_text(str(peak or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
"""
"""`intone` with its peak memory, in kB, written to a file."""


def _run(words: Sequence[str]) -> tuple[float, float]:
    """`intone WORDS` in a separate process -> seconds, and its peak memory in MB."""
    with tempfile.TemporaryDirectory() as work:
        script, peak = Path(work) / "run.py", Path(work) / "peak"
        script.write_text(RUN)
        seconds = _seconds([sys.executable, str(script), str(peak), *words])
        return seconds, int(peak.read_text()) / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def _seconds(command: Sequence[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start
