"""Spectrograms and saliency -> pictures of single clips."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from intone.audio.frames import HOP_SAMPLES, SAMPLE_RATE
from intone.emotions import COLOURS
from intone.report.figures.style import INK, blank, styled


@dataclass(frozen=True)
class ClipPicture:
    """One clip to show."""

    levels: np.ndarray
    """Log-mel levels [frames, bands] in decibels, 0 at the peak."""
    title: str
    emotion: str
    """Its colour is the frame's."""
    weights: np.ndarray | None = None
    """Saliency [frames, bands], 0 to 1; None where only the spectrogram is shown."""


HOP_S: float = HOP_SAMPLES / SAMPLE_RATE
"""Seconds between frames."""


@styled
def spectrograms_figure(clips: Sequence[ClipPicture], columns: int = 4) -> Figure:
    """Log-mel spectrograms side by side on one time axis, framed in the emotion's colour, with saliency."""
    rows = -(-len(clips) // columns)
    figure = blank(0.8 + 3.6 * rows)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    longest = max(len(c.levels) for c in clips) * HOP_S
    for axes, clip in zip(panels, clips, strict=False):
        extent = (0.0, len(clip.levels) * HOP_S, 0.0, float(clip.levels.shape[1]))
        shade = {"origin": "lower", "aspect": "auto", "extent": extent}
        axes.imshow(clip.levels.T, cmap="gray_r", vmin=-60, vmax=0, **shade)
        if clip.weights is not None:
            alpha = np.clip(clip.weights, 0, 1) ** 0.8 * 0.85
            axes.imshow(clip.weights.T, cmap="YlOrRd", vmin=0, vmax=1, alpha=alpha.T, **shade)
        axes.set_title(clip.title, fontsize=7, fontweight="normal", color=INK)
        axes.set(xlim=(0, longest), yticks=[])
        for spine in axes.spines.values():
            spine.set(color=COLOURS[clip.emotion], linewidth=2)
    for axes in panels[len(clips) :]:
        axes.set_visible(False)
    figure.supxlabel("time (s)", fontsize=8)
    figure.supylabel("mel band (low to high)", fontsize=8)
    return figure
