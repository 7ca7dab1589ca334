"""Clip (mono float32, 16 kHz) -> the same clip as it sounds across a room; the room is simulated (image sources)."""

from functools import cache
from typing import Final

import numpy as np
from scipy.signal import fftconvolve

from intone.audio.frames import SAMPLE_RATE

SIZE: Final = (6.0, 5.0, 3.0)
"""Metres: length, width, height."""

PLACES: Final = 4
"""Number of positions of speaker and microphone."""


def in_room(signal: np.ndarray, seconds: float, draw: np.random.Generator) -> np.ndarray:
    """[samples] -> as many samples, recorded at a random position in a room with that reverberation time (RT60)."""
    response = _response(seconds, int(draw.integers(PLACES)))
    return fftconvolve(signal, response)[: signal.size]


@cache
def _response(seconds: float, place: int) -> np.ndarray:
    """Impulse response of the shoebox room from the direct sound on, which keeps its level."""
    import pyroomacoustics as acoustics

    absorption, order = acoustics.inverse_sabine(seconds, SIZE)
    room = acoustics.ShoeBox(SIZE, fs=SAMPLE_RATE, materials=acoustics.Material(absorption), max_order=min(order, 12))
    room.add_source([1.0 + place, 2.0, 1.6])
    room.add_microphone([4.5, 1.0 + 0.8 * place, 1.2])
    room.compute_rir()
    response = np.asarray(room.rir[0][0])
    direct = int(np.abs(response).argmax())
    return response[direct:] / abs(response[direct])
