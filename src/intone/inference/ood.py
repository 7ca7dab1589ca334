"""Measures of segments (dB, Hz) -> sentences about those that are outside of what a model was trained on."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

MEASURES: Final = {
    "level": ("level", "dB of full scale", 6.0, 6.0),
    "bandwidth": ("bandwidth", "Hz", 1000.0, math.inf),
    "snr": ("signal-to-noise ratio", "dB", 10.0, math.inf),
    "distance": ("distance from the training clips", "of their spread", math.inf, 0.2),
}
"""Name -> its title, its unit, and how far below the lowest and above the highest training clip it counts as unusual.
Clean recordings from other studios go a little beyond those clips, since their pauses differ: of 150 that were joined
from clips of EMO-DB, nEMO and RAVDESS ten were below the lowest signal-to-noise ratio, by 5 dB at most, and with words
on, of 64, some by 6 dB; none of them is unusual by these margins."""


def spans(rows: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, float]]:
    """Measures of all training clips -> the lowest and the highest of each."""
    return {name: (min(r[name] for r in rows), max(r[name] for r in rows)) for name in (rows[0] if rows else ())}


def strangeness(
    rows: Sequence[Mapping[str, float]],
    known: Mapping[str, tuple[float, float]],
    language: str | None,
    spoken: Sequence[str],
) -> tuple[str, ...]:
    """One sentence for each measure whose median over a recording's segments lies well outside of what is `known`.

    `language` is the recording's (None: not known), `spoken` those of the clips that the model was trained on (empty:
    not known).
    """
    said = []
    for name, (low, high) in known.items():
        values = [row[name] for row in rows if name in row]
        middle = float(np.median(values)) if values else low
        what, unit, below, above = MEASURES[name]
        if middle < low - below or middle > high + above:
            said.append(
                f"Its {what} ({middle:.4g} {unit}) is outside of what the model was trained on "
                f"({low:.4g} to {high:.4g}): trust the emotions less."
            )
    if language and spoken and language not in spoken:
        known_ones = " and ".join(map(repr, spoken))
        said.append(f"Its language seems to be {language!r}, and the model was trained on {known_ones}: trust it less.")
    return tuple(said)
