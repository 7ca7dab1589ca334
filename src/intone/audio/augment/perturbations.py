"""Clip (mono float32, 16 kHz) -> the same clip as a worse microphone, room or line, or a crowd, would change it.

Kinds and strengths follow Derington et al. 2023 (arXiv 2312.06270), graded, and with codecs, speed and pitch added.
Every change is drawn from a generator that the caller seeds.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import soxr
from scipy.signal import butter, sosfilt

from intone.audio.augment.rooms import in_room
from intone.audio.clip import read_clip
from intone.audio.frames import SAMPLE_RATE
from intone.errors import Missing


@dataclass(frozen=True)
class Sounds:
    """Sounds to mix in; each a list of clips [samples] at 16 kHz."""

    voices: Sequence[np.ndarray] = ()
    """Other speakers' clips, for babble."""
    environment: Sequence[np.ndarray] = ()
    """ESC-10 without its sneezes."""
    sneezes: Sequence[np.ndarray] = ()


Change = Callable[[np.ndarray, float, Sounds, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Perturbation:
    """One kind of change and the strengths at which it is tried."""

    name: str
    unit: str
    levels: tuple[str, ...]
    change: Change = field(repr=False)

    def __call__(self, signal: np.ndarray, level: str, sounds: Sounds, draw: np.random.Generator) -> np.ndarray:
        """The changed clip, float32; its length may differ."""
        return self.change(signal, float(level), sounds, draw).astype(np.float32)


def esc10(folder: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """ESC-10 (Piczak 2015), one folder per class -> its sounds without sneezes, and its sneezes.

    Raises Missing where there are none.
    """
    paths = sorted(p for p in folder.glob("*/*") if p.suffix in (".ogg", ".wav", ".flac"))
    sneezes = [p for p in paths if "sneez" in p.parent.name]
    if not sneezes or len(sneezes) == len(paths):
        raise Missing(f"There is no ESC-10 in {folder}: one folder a class, as github.com/karoldvl/ESC-50 has it.")
    others = [p for p in paths if p not in sneezes]
    return [read_clip(p) for p in others], [read_clip(p) for p in sneezes]


def mixed(signal: np.ndarray, noise: np.ndarray, snr: float) -> np.ndarray:
    """The signal with noise added, at a signal-to-noise ratio of `snr` decibels."""
    power = float(np.mean(np.square(signal))) / max(float(np.mean(np.square(noise))), 1e-12)
    return signal + noise * np.sqrt(power / 10 ** (snr / 10))


def _white(signal: np.ndarray, snr: float, _: Sounds, draw: np.random.Generator) -> np.ndarray:
    return mixed(signal, draw.standard_normal(signal.size), snr)


def _babble(signal: np.ndarray, snr: float, sounds: Sounds, draw: np.random.Generator, talkers: int = 5) -> np.ndarray:
    chosen = draw.choice(len(sounds.voices), min(talkers, len(sounds.voices)), replace=False)
    return mixed(signal, np.sum([unit_power(stretch(sounds.voices[k], signal.size, draw)) for k in chosen], 0), snr)


def _from(kind: str, signal: np.ndarray, snr: float, sounds: Sounds, draw: np.random.Generator) -> np.ndarray:
    choices: Sequence[np.ndarray] = getattr(sounds, kind)
    return mixed(signal, stretch(choices[int(draw.integers(len(choices)))], signal.size, draw), snr)


def _music(signal: np.ndarray, snr: float, _: Sounds, draw: np.random.Generator) -> np.ndarray:
    """Adds synthesised music, as recordings need a licence: triads of decaying harmonics, one every half second."""
    since = np.arange(SAMPLE_RATE) / SAMPLE_RATE  # each chord rings for a second
    decay = np.exp(-3 * since)
    out = np.zeros(signal.size + SAMPLE_RATE)
    for start in range(0, signal.size, SAMPLE_RATE // 2):
        root = 110 * 2 ** (int(draw.integers(0, 24)) / 12)
        pitches = [k * root * 2 ** (step / 12) for step in (0, 4, 7) for k in (1, 2, 3)]
        weights = [1 / k for _ in range(3) for k in (1, 2, 3)]
        out[start : start + SAMPLE_RATE] += decay * (weights @ np.sin(2 * np.pi * np.outer(pitches, since)))
    return mixed(signal, out[: signal.size], snr)


def stretch(sound: np.ndarray, size: int, draw: np.random.Generator) -> np.ndarray:
    """`size` samples of a sound from a random position on; where it ends, it starts again."""
    return np.take(sound, np.arange(size) + int(draw.integers(sound.size)), mode="wrap")


def unit_power(sound: np.ndarray) -> np.ndarray:
    """The sound scaled to a root mean square of 1."""
    return sound / max(float(np.sqrt(np.mean(np.square(sound)))), 1e-9)


def _room(signal: np.ndarray, seconds: float, _: Sounds, draw: np.random.Generator) -> np.ndarray:
    return in_room(signal, seconds, draw)


def _gain(signal: np.ndarray, decibels: float, _: Sounds, __: np.random.Generator) -> np.ndarray:
    return np.clip(signal * 10 ** (decibels / 20), -1, 1)


def _clipping(signal: np.ndarray, percent: float, _: Sounds, __: np.random.Generator) -> np.ndarray:
    """Clips the signal at the level that `percent` % of the samples exceed."""
    limit = float(np.quantile(np.abs(signal), 1 - percent / 100))
    return np.clip(signal, -limit, limit)


def _cropping(signal: np.ndarray, milliseconds: float, _: Sounds, __: np.random.Generator) -> np.ndarray:
    """Cuts off both ends of the speech."""
    cut = min(round(milliseconds * SAMPLE_RATE / 1000), signal.size // 3)
    loud = np.flatnonzero(np.abs(signal) > 0.02 * np.abs(signal).max())
    return signal[loud[0] + cut : max(loud[-1] + 1 - cut, loud[0] + cut + SAMPLE_RATE // 10)]


def _silence(signal: np.ndarray, milliseconds: float, _: Sounds, __: np.random.Generator) -> np.ndarray:
    zeros = np.zeros(round(milliseconds * SAMPLE_RATE / 1000), signal.dtype)
    return np.concatenate([zeros, signal, zeros])


def _filtered(kind: str, signal: np.ndarray, hertz: float, _: Sounds, __: np.random.Generator) -> np.ndarray:
    filtered: np.ndarray = sosfilt(butter(4, hertz, kind, fs=SAMPLE_RATE, output="sos"), signal)
    return filtered


def _tilt(signal: np.ndarray, decibels: float, _: Sounds, __: np.random.Generator) -> np.ndarray:
    """Tilts the spectrum by `decibels` per octave around 1 kHz, at an unchanged level."""
    hertz = np.maximum(np.fft.rfftfreq(signal.size, 1 / SAMPLE_RATE), 50)
    tilted = np.fft.irfft(np.fft.rfft(signal) * 10 ** (decibels * np.log2(hertz / 1000) / 20), signal.size)
    return tilted * np.sqrt(np.mean(np.square(signal)) / max(float(np.mean(np.square(tilted))), 1e-12))


def _phone(signal: np.ndarray, bits: float, _: Sounds, __: np.random.Generator) -> np.ndarray:
    """A telephone line: 300 to 3400 Hz, 8 kHz, mu-law (ITU-T G.711) with `bits` bits."""
    band = sosfilt(butter(4, (300, 3400), "bandpass", fs=SAMPLE_RATE, output="sos"), signal)
    narrow = np.clip(soxr.resample(band, SAMPLE_RATE, 8000), -1, 1)
    pressed = np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256)
    steps = 2 ** (bits - 1)
    coarse = np.round(pressed * steps) / steps
    return soxr.resample(np.sign(coarse) * np.expm1(np.abs(coarse) * np.log(256)) / 255, 8000, SAMPLE_RATE)


def _coded(
    codec: str, container: str, signal: np.ndarray, kilobits: float, _: Sounds, __: np.random.Generator
) -> np.ndarray:
    """Encodes and decodes the signal; FFmpeg removes the codec's delay at the front."""
    file = io.BytesIO()
    with av.open(file, "w", container) as out:
        stream: Any = out.add_stream(codec, rate=SAMPLE_RATE)
        stream.layout, stream.bit_rate = "mono", round(1000 * kilobits)
        frame = av.AudioFrame.from_ndarray(_pcm(signal)[None], format="s16", layout="mono")
        frame.rate = SAMPLE_RATE
        for resampled in _frames(stream, frame):
            out.mux(stream.encode(resampled))
        out.mux(stream.encode(None))
    file.seek(0)
    source: Any = av.open(file)
    with source as read:
        sampler = av.AudioResampler("flt", "mono", SAMPLE_RATE)
        packets = [r.to_ndarray() for f in read.decode(audio=0) for r in sampler.resample(f)]
        packets += [r.to_ndarray() for r in sampler.resample(None)]
    return np.concatenate(packets, axis=1)[0][: signal.size]


def _frames(stream: Any, frame: "av.AudioFrame") -> list["av.AudioFrame"]:
    """The signal in frames of the encoder's sample format and, where it has one, frame size."""
    context = stream.codec_context
    sampler = av.AudioResampler(context.format.name, "mono", SAMPLE_RATE, frame_size=context.frame_size or None)
    return [*sampler.resample(frame), *sampler.resample(None)]


def _pcm(signal: np.ndarray) -> np.ndarray:
    return np.round(np.clip(signal, -1, 1) * 32767).astype(np.int16)


def _speed(signal: np.ndarray, speed: float, _: Sounds, __: np.random.Generator) -> np.ndarray:
    """Changes tempo and pitch together."""
    return soxr.resample(signal, SAMPLE_RATE, SAMPLE_RATE / speed)


def _pitch(signal: np.ndarray, semitones: float, _: Sounds, __: np.random.Generator) -> np.ndarray:
    """Changes pitch and formants, but not tempo: played faster, then stretched back by ffmpeg's atempo (WSOLA)."""
    ratio = 2 ** (semitones / 12)
    return _tempo(soxr.resample(signal, SAMPLE_RATE, SAMPLE_RATE / ratio), 1 / ratio)


def _tempo(signal: np.ndarray, ratio: float) -> np.ndarray:
    graph = av.filter.Graph()
    source = graph.add_abuffer(format="flt", sample_rate=SAMPLE_RATE, layout="mono", time_base=Fraction(1, SAMPLE_RATE))
    stretch = graph.add("atempo", f"{ratio:.6f}")
    sink: Any = graph.add("abuffersink")
    source.link_to(stretch)
    stretch.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(signal.astype(np.float32)[None], format="flt", layout="mono")
    frame.sample_rate = SAMPLE_RATE
    source.push(frame)
    source.push(None)
    parts = []
    while True:
        try:
            parts.append(sink.pull().to_ndarray())
        except (av.error.EOFError, av.error.BlockingIOError):
            return np.concatenate(parts, axis=1)[0]


SNR = ("30", "20", "10", "0")

PERTURBATIONS = (
    Perturbation("white noise", "dB SNR", SNR, _white),
    Perturbation("babble", "dB SNR", SNR, _babble),
    Perturbation("music", "dB SNR", SNR, _music),
    Perturbation("environment", "dB SNR", SNR, partial(_from, "environment")),
    Perturbation("sneezes", "dB SNR", SNR, partial(_from, "sneezes")),
    Perturbation("room", "s of reverberation", ("0.2", "0.4", "0.8"), _room),
    Perturbation("gain", "dB", ("-12", "-6", "6", "12"), _gain),
    Perturbation("clipping", "% of samples", ("1", "5", "20"), _clipping),
    Perturbation("cropping", "ms at both ends", ("50", "100", "200"), _cropping),
    Perturbation("added silence", "ms at both ends", ("200", "1000"), _silence),
    Perturbation("low-pass", "Hz", ("7000", "4000", "2000"), partial(_filtered, "lowpass")),
    Perturbation("high-pass", "Hz", ("60", "300", "1000"), partial(_filtered, "highpass")),
    Perturbation("spectral tilt", "dB an octave", ("-6", "-3", "3", "6"), _tilt),
    Perturbation("phone", "bits", ("8", "6"), _phone),
    Perturbation("Opus", "kbit/s", ("24", "12", "6"), partial(_coded, "libopus", "ogg")),
    Perturbation("MP3", "kbit/s", ("32", "16", "8"), partial(_coded, "libmp3lame", "mp3")),
    Perturbation("speed", "times", ("0.8", "0.9", "1.1", "1.25"), _speed),
    Perturbation("pitch", "semitones", ("-4", "-2", "2", "4"), _pitch),
)
