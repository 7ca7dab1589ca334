"""A sentence (mono float32, 16 kHz) -> in which times and frequencies of it lies what a model's answer rests on.

Occlusion (Zeiler & Fergus 2014, ECCV): one patch of the features at a time is replaced by the sentence's mean, and the
model is asked again. Patches overlap, and a cell counts by how much less probable the emotion becomes without those
that it is in. No gradients are needed, so any model file will do. The answer is that of the sound alone, as of a
speaker never heard before.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice, product
from typing import Final

import numpy as np

from intone.audio.extractors import Features, filled, row_edges
from intone.audio.frames import SAMPLE_RATE
from intone.errors import IntoneError
from intone.inference.card import TINY
from intone.inference.fusion import softmax
from intone.inference.model import Model

COLUMNS: Final = 12
"""Cells beside one another at most: of a sentence of three seconds, each is about a syllable."""

ROWS: Final = 6
"""Cells above one another, of equal height on the mel scale."""

REACH: Final = 1
"""Neighbours of a cell on each side that are in its patch. Replacing single cells hardly moves the packaged model,
and what moves is partly chance: between a clip and its MP3 copy, cells correlated by 0.90 to 0.93, patches of three by
three by 0.96 to 0.97."""

SHORTEST_S: Final = 0.1
"""Seconds of a cell at least: less is no sound of speech."""

BATCH: Final = 8
"""Windows in one run of the network, so that memory doesn't grow with the number of cells."""

LEAST: Final = 0.05
"""Fall of the log-probability below which a cell changes nothing: the emotion keeps 95 % of its probability."""

MOST: Final = 0.6
"""Share of all falls that "most of it" is."""


@dataclass(frozen=True)
class Region:
    """A part of a sentence."""

    start: float
    """Seconds from the sentence's beginning."""
    end: float
    low: float
    """Hz."""
    high: float


@dataclass(frozen=True)
class Saliency:
    """What each cell of a sentence does for one emotion."""

    emotion: str
    probability: float
    """By the sound alone, with nothing replaced."""
    times: np.ndarray
    """Seconds from the sentence's beginning between which the cells lie, [columns + 1]."""
    bands: np.ndarray
    """Hz between which they lie, [rows + 1], the lowest first."""
    falls: np.ndarray
    """By how much the emotion's log-probability (natural) falls without the patches that a cell is in, on average,
    [rows, columns]; where it is below zero, the cell speaks for other emotions."""

    def most(self) -> Region | None:
        """The smallest block of cells in which at least `MOST` of the falls lies; None where no cell does much."""
        falls = np.clip(self.falls, 0, None)
        if falls.max() < LEAST:
            return None
        total = np.pad(falls.cumsum(0).cumsum(1), ((1, 0), (1, 0)))  # a block's sum takes its four corners
        rows, columns = (list(combinations(range(size + 1), 2)) for size in falls.shape)

        def share(block: tuple[int, int, int, int]) -> float:
            low, high, first, last = block
            inside = total[high, last] - total[low, last] - total[high, first] + total[low, first]
            return float(inside / total[-1, -1])

        blocks = [(*row, *column) for row in rows for column in columns]
        enough = [block for block in blocks if share(block) >= MOST - TINY]
        low, high, first, last = min(enough, key=lambda b: ((b[1] - b[0]) * (b[3] - b[2]), -share(b)))
        ends = (self.times[first], self.times[last], self.bands[low], self.bands[high])
        return Region(*(float(end) for end in ends))


@dataclass(frozen=True)
class Grid:
    """How a sentence is cut into cells."""

    edges: np.ndarray
    """Samples from the sentence's beginning, [columns + 1]."""
    rows: np.ndarray
    """Rows of the features, [rows + 1]."""
    bands: np.ndarray
    """Hz, [rows + 1]."""

    @classmethod
    def of(cls, settings: Features, first: int, last: int) -> "Grid":
        """For the samples that a model hears, silence at both ends cut off."""
        columns = int(np.clip((last - first) / (SHORTEST_S * SAMPLE_RATE), 1, COLUMNS))
        edges = np.linspace(first, last, columns + 1)
        if settings.kind == "mfcc":  # each coefficient is of all frequencies
            return cls(edges, np.array([0, settings.rows]), np.array([settings.low, settings.high]))
        bands = row_edges(settings)
        rows = np.linspace(0, len(bands) - 1, min(ROWS, len(bands) - 1) + 1).round().astype(int)
        return cls(edges, rows, bands[rows])

    def copies(
        self, window: np.ndarray, frames: int, start: int, length: int, mean: np.ndarray
    ) -> Iterator[tuple[int, int, np.ndarray]]:
        """Features of a window [rows, frames] of `length` samples from `start` on, which fill the first `frames` ->
        (row, column, a copy in which that cell and its neighbours are `mean` [rows]) for each cell of whose patch the
        window has a part."""
        ends = np.clip((self.edges - start) / length * frames, 0, frames).round().astype(int)
        for (column, left, right), (row, low, high) in product(_patches(ends), _patches(self.rows)):
            if left < right:
                copy = window.copy()
                copy[low:high, left:right] = mean[low:high, None]
                yield row, column, copy


def _patches(edges: np.ndarray) -> list[tuple[int, int, int]]:
    """Edges of cells -> (cell, beginning and end of its patch), which has `REACH` neighbours on each side."""
    last = len(edges) - 1
    return [(n, int(edges[max(0, n - REACH)]), int(edges[min(last, n + 1 + REACH)])) for n in range(last)]


def saliency(model: Model, signal: np.ndarray, emotion: str = "", step: Callable[[], None] = lambda: None) -> Saliency:
    """What the parts of a sentence [samples] do for an emotion; "": for the most probable one.

    `step` is called before each run of the network, and may raise to end the work. Raises IntoneError for a label that
    the model doesn't have, BadClip where nothing is heard.
    """
    labels = model.card.labels
    if emotion and emotion not in labels:
        raise IntoneError(f"The model has no label {emotion[:40]!r}: choose of {', '.join(labels)}.")
    starts, windows = model.windows(signal)
    length = len(windows[0])
    grid = Grid.of(model.card.features, starts[0], starts[-1] + length)
    features = model.features(signal, windows)
    frames = filled(model.card.features, length, features.shape[2])
    mean = features[..., :frames].mean((0, 2))
    plain = model.logits(features)[0]
    masked = np.tile(plain, (len(grid.rows) - 1, len(grid.edges) - 1, 1, 1))  # [rows, columns, windows, labels]
    for place, start in enumerate(starts):
        copies = grid.copies(features[place], frames, start, length, mean)
        while batch := list(islice(copies, BATCH - 1)):
            step()
            rows, columns, changed = zip(*batch, strict=True)
            logits = model.logits(np.stack([features[place], *changed]))[0]
            # A network of 8 bits rounds by what else is in the run: the unchanged window shows by how much.
            masked[rows, columns, place] = logits[1:] + plain[place] - logits[0]
    whole, without = (softmax(each / model.card.temperature).mean(-2) for each in (plain, masked))
    said = labels.index(emotion) if emotion else int(whole.argmax())
    falls = np.log(max(whole[said], TINY)) - np.log(np.maximum(without[..., said], TINY))
    return Saliency(labels[said], float(whole[said]), grid.edges / SAMPLE_RATE, grid.bands, around(falls))


def around(falls: np.ndarray) -> np.ndarray:
    """Falls without each cell's patch -> the mean over the patches that a cell is in, [rows, columns] each."""
    size = 2 * REACH + 1
    patches = np.lib.stride_tricks.sliding_window_view(np.pad(falls, REACH, constant_values=np.nan), (size, size))
    found: np.ndarray = np.nanmean(patches, (2, 3))
    return found
