"""Speech (mono float32, 16 kHz) -> how it was recorded, and where that lies outside of what a model was trained on."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from intone.audio import SAMPLE_RATE, frame_energy
from intone.features import FFT, power_spectrum
from intone.segments import MARGIN
from intone.trimming import speech_span

MEASURES: Final = {
    "level": ("level", "dB of full scale", True, True),
    "bandwidth": ("bandwidth", "Hz", True, False),
    "snr": ("signal-to-noise ratio", "dB", True, False),
    "distance": ("distance from the training clips", "of their spread", False, True),
}
"""Name -> what it is called, its unit, and whether lower and higher values than the training clips' are strange."""

FLOOR: Final = 1e-12
"""Mean square under which nothing is measured: -120 dB of full scale."""

AUDIBLE: Final = 1e-5
"""Share of the strongest frequency's power from which another one counts as there: -50 dB."""


def measures(signal: np.ndarray) -> dict[str, float]:
    """Level (dB of full scale), bandwidth (Hz) and signal-to-noise ratio (dB) of a stretch of speech.

    It is measured with 0.2 s around it, however much silence there is. The noise is the energy that 5 % of the 25 ms
    frames lie below, the speech the one that 5 % lie above. Raises BadClip for silence.
    """
    start, end = speech_span(signal, MARGIN)
    signal = signal[start:end]
    energy = 10 * np.log10(np.maximum(frame_energy(signal), FLOOR))
    quiet, loud = np.percentile(energy, [5, 95])
    level = 10 * np.log10(max(float(np.mean(np.square(signal, dtype=np.float64))), FLOOR))
    spectrum = power_spectrum(signal).mean(1)
    heard = np.flatnonzero(spectrum >= AUDIBLE * spectrum.max())
    return {
        "level": level,
        "bandwidth": float(heard[-1]) * SAMPLE_RATE / FFT,
        "snr": float(loud - quiet),
    }


def spans(rows: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, float]]:
    """Measures of all training clips -> the lowest and the highest of each."""
    return {name: (min(r[name] for r in rows), max(r[name] for r in rows)) for name in (rows[0] if rows else ())}


def strangeness(
    rows: Sequence[Mapping[str, float]], known: Mapping[str, tuple[float, float]], language: str | None, spoken: str
) -> tuple[str, ...]:
    """One sentence for each measure whose median over a recording's segments lies outside of what is `known`.

    `language` is what was heard (None: not known), `spoken` the model's own.
    """
    said = []
    for name, (low, high) in known.items():
        values = [row[name] for row in rows if name in row]
        middle = float(np.median(values)) if values else low
        what, unit, below, above = MEASURES[name]
        if (below and middle < low) or (above and middle > high):
            said.append(
                f"Its {what} ({middle:.4g} {unit}) is outside of what the model was trained on "
                f"({low:.4g} to {high:.4g}): trust the emotions less."
            )
    if language and language != spoken:
        said.append(f"Its language seems to be {language!r}, and the model was trained on {spoken!r}: trust it less.")
    return tuple(said)
