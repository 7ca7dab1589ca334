"""Speech and the clip it was cut from (mono float32, 16 kHz) -> each frame's prominence over the background, 0 to 1.

Between words there is only background: the room and other people. Where it is loud, statistics over time should exclude
it.
"""

from typing import Final

import numpy as np

from intone.audio.frames import frame_energy

VERSION: Final = 1
"""Version of this module; with another version, everything that is pooled by prominence is made again."""

QUIETEST: Final = 0.2
"""Share of a clip's frames, silence around the speech included, that count as background."""

OVER_ROOM: Final = 12.0
"""Decibels over the background at which a frame's weight is 0.5."""

AT_MOST: Final = -15.0
"""Highest level at which a frame's weight is 0.5, in decibels relative to the 95th percentile of the frames' levels."""

SOFTLY: Final = 3.0
"""Decibels above or below that level at which a frame's weight is nearly 0.75 or 0.25."""

TINY: Final = 1e-12


def room_power(signal: np.ndarray) -> float:
    """Mean square under which the quietest fifth of a whole clip's 25 ms frames lie."""
    return float(np.quantile(frame_energy(signal), QUIETEST))


def prominence(part: np.ndarray, room: float, count: int) -> np.ndarray:
    """A part [samples] of a clip whose `room_power` is `room` -> [count] weights, float32, evenly spread over the part.

    In a studio clip nearly all frames weigh 1; in a clip with babble, frames as quiet as the babble weigh less.
    """
    energy = frame_energy(part)
    half = min(_level(room) + OVER_ROOM, _level(float(np.quantile(energy, 0.95))) + AT_MOST)
    at = ((np.arange(count) + 0.5) * len(energy) / count).astype(int)
    level = 10 * np.log10(np.maximum(energy[at], TINY))
    return (1 / (1 + np.exp(-(level - half) / SOFTLY))).astype(np.float32)


def _level(power: float) -> float:
    return float(10 * np.log10(max(power, TINY)))
