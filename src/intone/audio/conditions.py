"""Speech (mono float32, 16 kHz) -> how it was recorded: level (dB of full scale), bandwidth (Hz), SNR (dB)."""

from typing import Final

import numpy as np

from intone.audio.features import FFT_SAMPLES, power_spectrum
from intone.audio.frames import SAMPLE_RATE, frame_energy
from intone.audio.trimming import speech_span
from intone.audio.vad import MARGIN_S

FLOOR: Final = 1e-12
"""Lowest mean square that is measured: -120 dB of full scale."""

AUDIBLE: Final = 1e-5
"""A frequency counts as present from this share of the strongest frequency's power on: -50 dB."""


def measures(signal: np.ndarray) -> dict[str, float]:
    """Level (dB of full scale), bandwidth (Hz) and signal-to-noise ratio (dB) of a stretch of speech.

    The stretch is measured with 0.2 s around its speech, however much silence there is. The noise level is the 5th
    percentile of the energy of the 25 ms frames, the speech level the 95th. Raises BadClip for silence.
    """
    start, end = speech_span(signal, MARGIN_S)
    signal = signal[start:end]
    energy = 10 * np.log10(np.maximum(frame_energy(signal), FLOOR))
    quiet, loud = np.percentile(energy, [5, 95])
    level = 10 * np.log10(max(float(np.mean(np.square(signal, dtype=np.float64))), FLOOR))
    spectrum = power_spectrum(signal).mean(1)
    audible = np.flatnonzero(spectrum >= AUDIBLE * spectrum.max())
    return {
        "level": level,
        "bandwidth": float(audible[-1]) * SAMPLE_RATE / FFT_SAMPLES,
        "snr": float(loud - quiet),
    }
