"""An `Analysis` -> one web page that holds everything, including the sound, and needs no network."""

import base64
import hashlib
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cache
from importlib import resources
from typing import Any, Final

import numpy as np

from intone.audio.frames import SAMPLE_RATE
from intone.emotions import EMOTIONS, colours_of
from intone.inference.formats.spectrogram import spectrogram
from intone.inference.formats.tables import as_dict
from intone.inference.result import UNSURE, Analysis

BITS: Final = 24_000
"""Bits per second of the sound in the page (MP3, which every browser plays): 11 MB per hour."""

BARS: Final = 4_000
"""Most bars in the drawn waveform: more than a screen has columns."""

SCRIPTS: Final = ("base", "strips", "summary", "sentences", "saliency", "speakers", "player", "saving", "result")
"""Parts of the page's script, in order: names that all of it uses come first, and what begins it last."""

LIGHT, DARK = "#ffffff", "#1e1e1e"
"""Browsers' backgrounds of a page; the dark ones differ between browsers, and this is the least dark."""

MIN_CONTRAST: Final = 3.0
"""Lowest contrast of a line or a dot with its background (WCAG 2.2, 1.4.11)."""


def page(analysis: Analysis) -> str:
    """Waveform, spectrogram, sentences that play when they are chosen, words, emotions over time and by speaker.

    Of a part of a recording the page holds that part's sound, and adds where it begins to the times that it shows.
    """
    analysis = analysis.moved(-(analysis.begin or 0.0))
    width = max(1, -(-len(analysis.peaks) // BARS))
    data = as_dict(analysis) | {
        "emotions": analysis.labels,
        "peaks": [round(float(p), 3) for p in coarser(analysis.peaks, width)],
        "curve": {
            "times": [round(time, 3) for _, time in analysis.curve.index],
            "counts": list(analysis.windows),
            **{emotion: [round(p, 3) for p in analysis.curve[emotion]] for emotion in analysis.labels},
        },
        "spectrogram": asdict(spectrogram(analysis.sound(), analysis.duration)),
        "sound": base64.b64encode(mp3(analysis.sound())).decode(),
    }
    light, dark = (palette(background, analysis.labels) for background in (LIGHT, DARK))
    style = part("result.css").replace("/*light*/", light, 1).replace("/*dark*/", dark, 1)
    filled = {
        "/*hashes*/": " ".join(f"'{mark}'" for mark in script_hashes()),
        "/*style*/": style,
        "/*data*/": inline(data),
        "/*text*/": inline(texts("result")),
        "/*vendor*/": vendor(),
        "/*script*/": script(),
    }
    pieces = re.split("|".join(re.escape(name) for name in filled), part("result.html"))
    return "".join(piece + value for piece, value in zip(pieces, [*filled.values(), ""], strict=True))


def inline(data: Any) -> str:
    """JSON in a page: no text or name of a recording may end the script that contains it."""
    text = json.dumps(data, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "").replace("\u2029", "")


@cache
def part(name: str) -> str:
    """A file of the page."""
    return resources.files("intone.inference.formats").joinpath("page", name).read_text(encoding="utf-8")


def texts(page: str) -> dict[str, str]:
    """Texts by their names, of the page `result` or `service`; text.json has all that a translation has to change."""
    found: dict[str, str] = json.loads(part("text.json"))[page]
    return found


@cache
def vendor() -> str:
    """wavesurfer.js (BSD 3-Clause) and its plugins, which draw the waveform; none of them ends a script."""
    return "\n".join(part(f"vendor/{name}.min.js") for name in ("wavesurfer", "regions"))


@cache
def script() -> str:
    """The page's own script."""
    return "\n".join(part(f"{name}.js") for name in SCRIPTS)


@cache
def script_hashes() -> tuple[str, ...]:
    """What a content security policy calls the page's scripts: no other script runs in it."""
    scripts = (vendor(), script())
    return tuple("sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts)


def palette(background: str, labels: Sequence[str] = EMOTIONS) -> str:
    """Each label's colour on a background, as custom properties of CSS; "unsure" is black or white instead: a second
    grey would be too similar to neutral's."""
    colours = {name: seen(colour, background) for name, colour in colours_of(labels).items()} | {
        UNSURE: farthest(background)
    }
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


def palettes(labels: Sequence[str] = EMOTIONS) -> str:
    """A style sheet with each label's colour, for light and dark pages."""
    light, dark = (palette(background, labels) for background in (LIGHT, DARK))
    return f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"


def farthest(background: str) -> str:
    """Black or white, whichever has more contrast with the background."""
    return max("#000000", "#ffffff", key=lambda end: contrast(end, background))


def seen(colour: str, background: str) -> str:
    """`#rrggbb`, mixed with black or white (whichever is farther from the background) until its contrast is enough."""
    end = int(farthest(background)[1:3], 16)
    rgb = np.array(list(bytes.fromhex(colour[1:])))
    mixed = (bytes(int(x) for x in np.round(rgb + (end - rgb) * share)) for share in np.linspace(0, 1, 51))
    return next(c for c in (f"#{m.hex()}" for m in mixed) if contrast(c, background) >= MIN_CONTRAST)


def contrast(one: str, other: str) -> float:
    """Contrast of two colours `#rrggbb`, from 1 to 21 (WCAG 2.2's ratio)."""
    below, above = sorted(_luminance(c) for c in (one, other))
    return (above + 0.05) / (below + 0.05)


def _luminance(colour: str) -> float:
    parts = np.array(list(bytes.fromhex(colour[1:]))) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def coarser(peaks: np.ndarray, width: int) -> np.ndarray:
    """Peaks [N] -> the largest of each `width` of them."""
    starts = np.arange(0, len(peaks), width)
    return np.maximum.reduceat(peaks, starts) if len(peaks) else peaks


def mp3(blocks: Iterator[np.ndarray]) -> bytes:
    """Mono float32 blocks at 16 kHz -> an MP3 file's bytes."""
    import av

    out = io.BytesIO()
    with av.open(out, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=SAMPLE_RATE, layout="mono")
        stream.bit_rate = BITS
        for block in blocks:
            sound = np.clip(block, -1, 1)[None].astype(np.float32)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound), format="fltp", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()
