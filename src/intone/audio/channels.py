"""Blocks of several channels -> one: their mean, or where they cancel one another a single channel."""

from typing import Final

import numpy as np

from intone.audio.readers.sound import MAX_AMPLITUDE, floats
from intone.errors import BadClip

CANCELLED: Final = 0.2
"""Share of the power to be expected of the mean of independent channels below which they cancel one another, as with
one wire of a cable crossed; for two channels that is 10 dB less than one alone."""


def checked(block: np.ndarray, name: str) -> np.ndarray:
    """[samples, channels] of any type -> float32 in [-1, 1].

    Raises BadClip for NaN, infinity, and floats whose full scale isn't 1.
    """
    block = floats(block)
    if not np.isfinite(block).all():
        raise BadClip(f"{name} holds samples that are not numbers (NaN or infinity): write it anew without them.")
    if (largest := float(np.abs(block).max(initial=0))) > MAX_AMPLITUDE:
        raise BadClip(f"{name} holds samples up to {largest:.3g}, and full scale is 1: divide them by theirs.")
    return block


class Mixer:
    """Mixes a recording's channels block by block."""

    def __init__(self, name: str, notes: list[str]) -> None:
        """`notes` gets a sentence where channels cancel one another."""
        self.name, self.notes = name, notes
        self.alone: int | None = None
        """The channel that is taken then."""

    def mono(self, block: np.ndarray) -> np.ndarray:
        """[samples, channels] of any type -> [samples], float32 in [-1, 1]; raises BadClip as `checked`."""
        block = checked(block, self.name)
        mean: np.ndarray = block.mean(axis=1, dtype=np.float32)
        channels = block.shape[1]
        if channels == 1:
            return mean
        powers = np.square(block, dtype=np.float64).mean(0)
        if np.square(mean, dtype=np.float64).mean() >= CANCELLED * powers.mean() / channels:
            return mean
        if self.alone is None:
            self.alone = int(powers.argmax())
            self.notes.append(
                f"Its channels cancel one another (out of phase): channel {self.alone + 1} alone was analysed."
            )
        return np.ascontiguousarray(block[:, self.alone])
