"""A recording and spans of it (seconds) -> each span as a WAV file of its own in the cache, with unchanged samples.

Such a file is read, hashed and cached like any other clip, and a long recording is decoded once for all its spans. The
samples are the file's own, at its rate and in its channels: nothing is resampled or mixed here.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from intone.audio.decoding import opened
from intone.cache import cache_folder, digest, file_digest, write_whole
from intone.errors import BadClip
from intone.progress import say

VERSION: Final = 1
"""Version of the cutting; with another version all spans are cut again."""

SPARE: Final = 0.05
"""Seconds by which a span may end after the sound: times are rounded, and some programs count an encoder's padding."""

Span = tuple[float, float]


@dataclass
class Excerpts:
    """The result of cutting a recording into spans."""

    paths: dict[Span, Path] = field(default_factory=dict)
    """The file of each span; without spans that end after the sound does."""
    seconds: float | None = None
    """Length of the recording; None where it wasn't decoded to the end."""
    problem: str = ""
    """Why it couldn't be decoded to the end."""


def cut(path: Path, spans: Sequence[Span]) -> Excerpts:
    """The spans (start, end) of a recording, cut now or found in the cache; an end up to `SPARE` after the sound's end
    counts as that end."""
    content, out = file_digest(path), Excerpts()
    places = {span: _place(path, content, span) for span in spans}
    out.paths = {span: place for span, place in places.items() if place.exists()}
    left = {span: place for span, place in places.items() if span not in out.paths}
    if left:
        try:
            _cut(path, left, out)
        except BadClip as problem:
            out.problem = str(problem)
    return out


def _place(path: Path, content: str, span: Span) -> Path:
    """The path of an excerpt; its name includes the recording's, so that an error message shows it."""
    key = digest("segment", VERSION, content, *span)
    return cache_folder() / "segments" / key[:2] / key / f"{path.name[-80:]}#{marked(span)}.wav"


def marked(span: Span) -> str:
    """Seconds in the form of a clip's key: `1.500-3.250`."""
    return f"{span[0]:.3f}-{span[1]:.3f}"


def _cut(path: Path, places: dict[Span, Path], out: Excerpts) -> None:
    """Cut in one pass over the recording; each span is written as it ends, so memory holds only open spans."""
    sound = opened(path)
    rate = sound.rate
    waiting: dict[Span, list[np.ndarray]] = {span: [] for span in places}
    decoded = 0

    def finish(span: Span) -> None:
        if parts := waiting.pop(span):
            _write(np.concatenate(parts), rate, places[span])
            out.paths[span] = places[span]

    for block in sound.blocks:
        for span in list(waiting):
            first, last = (round(second * rate) - decoded for second in span)
            if first < len(block) and last > 0:
                waiting[span].append(block[max(0, first) : last].copy())
            if last <= len(block):
                finish(span)
        decoded += len(block)
    out.seconds = decoded / rate
    for span in list(waiting):
        if span[1] <= out.seconds + SPARE:
            finish(span)
    for note in sound.notes:
        say(f"{path}: {note}")


def _write(samples: np.ndarray, rate: int, place: Path) -> None:
    """[samples, channels], 16-bit integers or floats, as a WAV file with exactly these samples."""
    file = io.BytesIO()
    kind = "PCM_16" if samples.dtype == np.int16 else "FLOAT"
    soundfile.write(file, samples, rate, format="WAV", subtype=kind)
    write_whole(place, file.getvalue())
