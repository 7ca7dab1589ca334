"""`intone serve` against `intone analyze` on the same clips -> ratios, in one run; what docs/service.md says of speed.

    python -m intone.experiments.bench_serve

60 clips of three seconds without words: the command line's batch, one client, four clients; then a clip at a time,
alone and while somebody else's ten minutes are analysed. Further flags are those of `intone serve`.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from intone.audio.clip import read_clip
from intone.audio.frames import SAMPLE_RATE
from intone.client import Client
from intone.data import ravdess

INTONE: Final = (sys.executable, "-c", "import sys; from intone.cli import main; main(sys.argv[1:])")

CLIPS: Final = 60
LONG_S: Final = 600
ALONE: Final = 20
"""Clips that are sent one at a time."""


@contextmanager
def service(folder: Path) -> Iterator[Client]:
    """A service of this machine, without words."""
    command = [*INTONE, "serve", "--port", "0", "--no-text", *sys.argv[1:]]
    command += ["--state", str(folder), "--waiting", "100"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        try:
            yield Client(next(word for word in line.split() if word.startswith("http")))
        finally:
            process.terminate()


def seconds(call: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measured(folder: Path) -> dict[str, float]:
    """Ratios and seconds, by what they are of."""
    corpus = ravdess.load()
    files = list(corpus.paths.values())[:CLIPS]
    clips = [folder / f"{k}.wav" for k in range(CLIPS)]
    for path, file in zip(clips, files, strict=True):
        soundfile.write(path, read_clip(file), SAMPLE_RATE)
    joined = np.concatenate([read_clip(file) for file in files])
    soundfile.write(folder / "long.wav", np.resize(joined, LONG_S * SAMPLE_RATE), SAMPLE_RATE)
    batch = [*INTONE, "analyze", "--no-text", "-o", str(folder / "out")]
    started = seconds(lambda: subprocess.run([*batch, str(clips[0])], check=True, capture_output=True))
    alone = seconds(lambda: subprocess.run([*batch, *map(str, clips)], check=True, capture_output=True)) - started
    with service(folder / "state") as client:
        client.analyze(clips[0])
        one = seconds(lambda: [client.analyze(clip) for clip in clips])
        with ThreadPoolExecutor(4) as pool:
            four = seconds(lambda: list(pool.map(client.analyze, clips)))
        quiet = [seconds(partial(client.analyze, clip)) for clip in clips[:ALONE]]
        job = client.submit(folder / "long.wav")
        busy: list[float] = []
        watching = threading.Thread(target=lambda: list(client.events(job["id"])), daemon=True)
        watching.start()
        while watching.is_alive() and len(busy) < 3 * ALONE:
            busy.append(seconds(partial(client.analyze, clips[len(busy) % CLIPS])))
        watching.join()
    return {
        "clips a second, command line": CLIPS / alone,
        "throughput of one client, of the command line's": alone / one,
        "throughput of four clients, of the command line's": alone / four,
        "a clip alone, s (median)": statistics.median(quiet),
        "a clip alone, of the command line's time for one": statistics.median(quiet) / (alone / CLIPS),
        "beside ten minutes of somebody else, 95th percentile, of a clip alone": float(np.percentile(busy, 95))
        / statistics.median(quiet),
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(json.dumps({name: round(value, 3) for name, value in measured(Path(place)).items()}, indent=1))
