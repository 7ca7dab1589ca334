"""Blocks of several channels -> one channel: their mean, or one of them where they cancel one another."""

from typing import Final

import numpy as np

from intone.audio.readers.sound import MAX_AMPLITUDE, floats
from intone.errors import BadClip

CANCELLED: Final = 0.2
"""Channels cancel one another where the power of their mean is below this share of what independent channels would
have, as with a cable whose wires are crossed; for two channels that is 10 dB below a single one."""


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
        """A sentence is added to `notes` where channels cancel one another."""
        self.name, self.notes = name, notes
        self.alone: int | None = None
        """The channel that is used where they cancel one another."""

    def mono(self, block: np.ndarray) -> np.ndarray:
        """[samples, channels] of any type -> [samples], float32 in [-1, 1]; raises BadClip as `checked` does."""
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
