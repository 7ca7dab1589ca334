"""Training clip and other clips of its speaker (mono float32, 16 kHz) -> a copy as recorded in a noisier place.

The copy adds coloured noise, or voices, or a room and a microphone's hiss to the speech; up to 0.12 s may be cut off at
either end of the speech. The voices are the speaker's own, at other speeds, so that no copy of a training clip holds
anything of a validation or test speaker.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from intone.audio.augment.perturbations import mixed, stretch, unit_power
from intone.audio.augment.rooms import in_room
from intone.audio.augment.spectrogram import at_speed
from intone.audio.frames import SAMPLE_RATE
from intone.audio.trimming import speech_span

VERSION: Final = 1
"""Version of this module; with another version all copies are made again."""

SNR: Final = (8.0, 30.0)
"""Decibels between which the ratio of speech to noise is drawn."""

LOST: Final = 0.12
"""Seconds of speech that may be cut off at each end."""

VOICES: Final = 6
"""Most voices in the babble."""

ECHO: Final = (0.2, 0.3, 0.4, 0.5, 0.6)
"""Seconds of reverberation (RT60), one of which is drawn: from a furnished room to a bare one."""

HISS: Final = (25.0, 40.0)
"""Decibels between which the ratio of speech to a microphone's hiss is drawn, in a room."""

Change = Callable[[np.ndarray, Sequence[np.ndarray], np.random.Generator], np.ndarray]


def noisy_copy(signal: np.ndarray, kind: str, others: Sequence[np.ndarray], draw: np.random.Generator) -> np.ndarray:
    """The clip changed by one of `KINDS`, float32, shorter by up to twice `LOST`; `others` are the speaker's clips."""
    return KINDS[kind](_shortened(signal, draw), others, draw).astype(np.float32)


def _shortened(signal: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    start, end = speech_span(signal, margin=0)
    before, behind = (round(draw.uniform(0, LOST) * SAMPLE_RATE) for _ in range(2))
    lasting = end - behind - start - before >= SAMPLE_RATE // 2
    return signal[start + before : end - behind] if lasting else signal


def _in_noise(reverberant: np.ndarray, _: Sequence[np.ndarray], draw: np.random.Generator) -> np.ndarray:
    return mixed(reverberant, _coloured(reverberant.size, draw), draw.uniform(*SNR))


def _in_babble(reverberant: np.ndarray, others: Sequence[np.ndarray], draw: np.random.Generator) -> np.ndarray:
    return mixed(reverberant, _voices(reverberant.size, others, draw), draw.uniform(*SNR))


def _in_room(reverberant: np.ndarray, _: Sequence[np.ndarray], draw: np.random.Generator) -> np.ndarray:
    echoing = in_room(reverberant, float(draw.choice(ECHO)), draw)
    return mixed(echoing, draw.standard_normal(echoing.size), draw.uniform(*HISS))


def _coloured(size: int, draw: np.random.Generator) -> np.ndarray:
    """Noise between white and brown: its power falls with a power of frequency that is drawn from 0 to 2."""
    hertz = np.fft.rfftfreq(size)
    hertz[0] = hertz[1]
    return np.fft.irfft(np.fft.rfft(draw.standard_normal(size)) * hertz ** (-draw.uniform(0, 2) / 2), size)


def _voices(size: int, others: Sequence[np.ndarray], draw: np.random.Generator) -> np.ndarray:
    """Two or more voices, equally loud, each at a random speed and from a random position on."""
    out = np.zeros(size)
    for k in draw.choice(len(others), min(len(others), int(draw.integers(2, VOICES + 1))), replace=False):
        out += unit_power(stretch(at_speed(others[k], draw.uniform(0.8, 1.25)), size, draw))
    return out


KINDS: Final[Mapping[str, Change]] = {"noise": _in_noise, "babble": _in_babble, "room": _in_room}
"""Name -> change."""
