"""The sound of a sentence (float32 [samples], 16 kHz) -> where in it another voice may begin, in seconds.

Windows to both sides of a moment are compared by the network that tells voices apart, as in Chen & Gopalakrishnan
(1998), who compared their spectra; the sound is cut where it is quietest near the largest difference. Whether it is
another voice is decided later, by what the parts are like among all sentences (diarization.py).
"""

from typing import Final

import numpy as np

from intone.audio.frames import SAMPLE_RATE
from intone.errors import BadClip
from intone.inference.diarization import SpeakerEncoder

WINDOW_S: Final = 1.5
"""Seconds of sound to each side that are compared: shorter ones tell voices too badly apart."""

HOP_S: Final = 0.5
"""Seconds between two moments that are looked at."""

SHORTEST_S: Final = 0.8
"""Seconds; no part is shorter."""

OTHER: Final = 0.8
"""Cosine distance of the two sides from which they may be two voices."""

NEARBY_S: Final = 0.35
"""Seconds around the largest difference in which the quietest moment is looked for."""

FRAME_S: Final = 0.02
"""Seconds of a frame whose level is measured."""


def changes(encoder: SpeakerEncoder, sound: np.ndarray) -> list[float]:
    """The moments at which another voice may begin, in order; none in a sound too short for two voices."""
    length, embedding = len(sound) / SAMPLE_RATE, _Windows(encoder, sound)
    moments = np.arange(SHORTEST_S, length - SHORTEST_S + 1e-9, HOP_S)
    differences = np.array([embedding.difference(moment) for moment in moments])
    found: list[float] = []
    for place in np.argsort(-differences, kind="stable"):
        if differences[place] < OTHER:
            break
        moment = _quietest(sound, float(moments[place]))
        if all(abs(moment - other) >= SHORTEST_S for other in (0.0, length, *found)):
            found.append(moment)
    return sorted(found)


class _Windows:
    """Windows of a sound as the encoder hears them, each once: most end a moment and begin another one."""

    def __init__(self, encoder: SpeakerEncoder, sound: np.ndarray) -> None:
        self._encoder, self._sound = encoder, sound
        self._known: dict[tuple[int, int], np.ndarray | None] = {}

    def difference(self, moment: float) -> float:
        """Cosine distance of the sound before a moment and behind it; 0 where one side is silent."""
        middle, reach = round(moment * SAMPLE_RATE), round(WINDOW_S * SAMPLE_RATE)
        before = self._window(max(0, middle - reach), middle)
        behind = self._window(middle, min(len(self._sound), middle + reach))
        return 0.0 if before is None or behind is None else 1.0 - float(before @ behind)

    def _window(self, first: int, last: int) -> np.ndarray | None:
        if (first, last) not in self._known:
            try:
                self._known[first, last] = self._encoder.embedding(self._sound[first:last])
            except BadClip:
                self._known[first, last] = None
        return self._known[first, last]


def _quietest(sound: np.ndarray, moment: float) -> float:
    """The quietest moment near this one, in seconds."""
    step = round(FRAME_S * SAMPLE_RATE)
    first = max(0, round((moment - NEARBY_S) * SAMPLE_RATE) // step)
    near = sound[first * step : round((moment + NEARBY_S) * SAMPLE_RATE)]
    frames = near[: len(near) // step * step].reshape(-1, step)
    return (first + int((frames**2).mean(1).argmin()) + 0.5) * FRAME_S
