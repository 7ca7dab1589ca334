"""Speech and the clip it was cut from (mono float32, 16 kHz) -> how far each moment stands out of the room, 0 to 1.

What lies between words is the room and other people: where it is loud, statistics over time had better leave it out.
"""

from typing import Final

import numpy as np

from intone.audio.frames import frame_energy

VERSION: Final = 1
"""Another one makes what is pooled by prominence anew."""

QUIETEST: Final = 0.2
"""Share of a clip's frames, silence around the speech included, that are taken for the room."""

OVER_ROOM: Final = 12.0
"""Decibels over the room at which a frame counts half."""

AT_MOST: Final = -15.0
"""Decibels against the loud frames (one in twenty is louder) above which that is never set."""

SOFTLY: Final = 3.0
"""Decibels more or less at which a frame counts three quarters or a quarter, nearly."""

TINY: Final = 1e-12


def room_power(signal: np.ndarray) -> float:
    """Mean square under which the quietest fifth of a whole clip's 25 ms frames lie."""
    return float(np.quantile(frame_energy(signal), QUIETEST))


def prominence(part: np.ndarray, room: float, count: int) -> np.ndarray:
    """A part [samples] of a clip with that `room_power` -> [count] float32, evenly spread over it.

    Of a studio's clip nearly everything counts whole; of one above babble, what is as faint as the babble does not.
    """
    energy = frame_energy(part)
    half = min(_level(room) + OVER_ROOM, _level(float(np.quantile(energy, 0.95))) + AT_MOST)
    at = ((np.arange(count) + 0.5) * len(energy) / count).astype(int)
    level = 10 * np.log10(np.maximum(energy[at], TINY))
    return (1 / (1 + np.exp(-(level - half) / SOFTLY))).astype(np.float32)


def _level(power: float) -> float:
    return float(10 * np.log10(max(power, TINY)))
