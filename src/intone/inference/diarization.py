"""The sentences of a recording (float32, 16 kHz) -> the number of the speaker of each, without knowing any of them.

Each sentence becomes 256 numbers that tell voices apart (WeSpeaker's ResNet34, trained on VoxCeleb). Sentences are
then joined into speakers by average linkage. No library is used for that, because they stop at one distance, whereas
here the distance depends on how many sentences a group has: a shouted sentence is far from the calm ones of the same
voice, but hardly half of all its sentences are.
"""

from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime

from intone.audio.frames import SAMPLE_RATE
from intone.audio.trimming import trim_silence
from intone.device import CPU
from intone.errors import IntoneError, Missing
from intone.inference.blas import one_thread
from intone.inference.session import NoGpu, session
from intone.per_process import PerProcess

WEIGHTS: Final = "wespeaker-resnet34"
"""Name of the encoder's weights, as `intone models get` knows them."""

FILE: Final = "wespeaker-resnet34-256.onnx"
"""The network's file in their folder."""

BANDS: Final = 80
"""Mel bands, from 20 Hz to half the sample rate."""

MIN_SAMPLES: Final = SAMPLE_RATE * 3 // 10
"""Samples; a shorter sound is padded with silence, as the network pools over several frames."""

SHORT: Final = 1.0
"""Seconds; a shorter sentence tells its voice too badly to be the reason for one more speaker."""

NEAR: Final = 0.62
"""Average cosine distance under which two groups of sentences are one voice, whatever their sizes."""

FAR: Final = 0.9
"""Average cosine distance from which even a single sentence is another voice."""

ALLOWANCE: Final = 0.07
"""A group of k of n sentences is one voice with another that is up to this times n / k² further away than `NEAR`."""

MIN_COUNT: Final = 16
"""With fewer sentences than these, their number counts as this: two of five are no better evidence than two of 16."""


class SpeakerEncoder:
    """A network that turns a sentence into numbers which are alike for the same voice."""

    def __init__(self, folder: Path, threads: int = 1, device: str = CPU) -> None:
        """`folder` holds the weights `WEIGHTS`. Raises Missing where it doesn't, IntoneError for a damaged file and for
        a device that isn't there."""
        self._session = PerProcess(partial(_loaded, Path(folder).absolute() / FILE, threads, device))
        self._session.get()

    def embedding(self, signal: np.ndarray) -> np.ndarray:
        """A sentence (float32 [samples], 16 kHz) -> its voice, float32 [256], of length 1; silence around it is cut
        off. Raises BadClip where it is silent from start to end."""
        feed = {"feats": filter_bank(trim_silence(signal))[np.newaxis]}
        (found,) = self._session.get().run(["embs"], feed)
        return np.asarray(found[0] / np.linalg.norm(found[0]), dtype=np.float32)


def filter_bank(signal: np.ndarray) -> np.ndarray:
    """A signal (float32 [samples], 16 kHz) -> Kaldi's log-mel energies, each band minus its mean, float32
    [frames, 80]; frames are 25 ms long and 10 ms apart."""
    import kaldi_native_fbank  # here, as most analyses need none of it

    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = SAMPLE_RATE
    options.frame_opts.window_type = "hamming"
    options.frame_opts.dither = 0.0
    options.mel_opts.num_bins = BANDS
    bank = kaldi_native_fbank.OnlineFbank(options)
    padded = np.pad(signal, (0, max(0, MIN_SAMPLES - signal.size)))
    bank.accept_waveform(SAMPLE_RATE, (padded * 32768.0).tolist())  # Kaldi's samples are 16-bit integers
    bank.input_finished()
    frames = np.stack([bank.get_frame(i) for i in range(bank.num_frames_ready)])
    return np.asarray(frames - frames.mean(0), dtype=np.float32)


def clustered(embeddings: np.ndarray, seconds: np.ndarray, count: int | None = None) -> np.ndarray:
    """Voices [sentences, 256] of length 1 and durations [sentences] -> the speaker of each sentence, [sentences].

    Speakers are numbered from 0 in the order in which they first speak; -1 is a short sentence that is near nobody's.
    `count` is how many speakers there are; None estimates it. With fewer sentences than `count`, each has its own.
    """
    founding = seconds >= SHORT
    if founding.sum() < (count or 1):
        founding = np.ones(len(seconds), bool)
    speakers = np.full(len(seconds), -1)
    with one_thread():
        speakers[founding] = _groups(embeddings[founding], count or 1, estimated=count is None)
        if not founding.all():
            speakers[~founding] = _nearest(embeddings[~founding], embeddings[founding], speakers[founding])
    return _renumbered(speakers)


def _groups(embeddings: np.ndarray, least: int, estimated: bool) -> np.ndarray:
    """Voices [n, 256] -> a number for each group, [n]: the two groups that cost least are joined until `least` are
    left or, where their number is estimated, until joining costs more than nothing."""
    left = len(embeddings)
    group, size, allowance = np.arange(left), np.ones(left), ALLOWANCE * max(left, MIN_COUNT)
    distance = 1 - embeddings @ embeddings.T
    np.fill_diagonal(distance, np.inf)
    # Each group's cheapest partner is kept: a search through all pairs for each join would take hours for long files.
    partner, cost = np.zeros(left, int), np.zeros(left)
    for k in group:
        row = _cost(distance[k], size[k], size, allowance)
        partner[k], cost[k] = row.argmin(), row.min()
    while left > least:
        one = int(cost.argmin())
        other = int(partner[one])
        if estimated and cost[one] >= 0:
            break
        _join(distance, size, one, other)
        group[group == other] = one
        cost[other], left = np.inf, left - 1
        changed = _cost(distance[one], size[one], size, allowance)
        cheaper = changed < cost
        partner[cheaper], cost[cheaper] = one, changed[cheaper]
        stale = np.isin(partner, (one, other)) & ~cheaper & np.isfinite(cost)
        stale[one] = True
        for k in np.flatnonzero(stale):
            row = _cost(distance[k], size[k], size, allowance)
            partner[k], cost[k] = row.argmin(), row.min()
    return group


def _join(distance: np.ndarray, size: np.ndarray, one: int, other: int) -> None:
    """Add a group to another one: average distances, weighted by sizes; the added one is then infinitely far."""
    row = (size[one] * distance[one] + size[other] * distance[other]) / (size[one] + size[other])
    row[one] = np.inf
    distance[one] = distance[:, one] = row
    distance[other] = distance[:, other] = np.inf
    size[one] += size[other]


def _cost(distance: np.ndarray, size: float, sizes: np.ndarray, allowance: float) -> np.ndarray:
    """Distances of one group to all [n] -> what joining it with each costs: under 0 where they are one voice. The
    nearest of those that are certain come before all others, so that groups have grown when the others are judged."""
    smaller = np.minimum(size, sizes)
    limit = np.minimum(FAR, NEAR + allowance / smaller**2)
    return np.where(distance < NEAR, distance - 10.0, distance - limit)


def _nearest(embeddings: np.ndarray, known: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    """Voices [m, 256] -> the nearest speaker of other voices [n, 256], whose speakers [n] are known, or -1."""
    names = np.unique(speakers)
    distance = np.stack([1 - embeddings @ known[speakers == name].mean(0) for name in names], axis=1)
    return np.where(distance.min(1) < FAR, names[distance.argmin(1)], -1)


def _renumbered(speakers: np.ndarray) -> np.ndarray:
    """The same groups, numbered as they first occur; -1 stays."""
    names, first = np.unique(speakers, return_index=True)
    order = [name for name in names[np.argsort(first)] if name >= 0]
    numbers = {name: number for number, name in enumerate(order)} | {-1: -1}
    return np.array([numbers[name] for name in speakers], dtype=int)


def _loaded(path: Path, threads: int, device: str) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise Missing(f"{path.parent} holds no {FILE}: get it with `intone models get {WEIGHTS}`.")
    try:
        return session(path, threads, device)
    except NoGpu:
        raise
    # onnxruntime's own exceptions have no common base but Exception.
    except Exception as error:
        raise IntoneError(f"{path} is damaged: remove it and run `intone models get {WEIGHTS}`.") from error
