"""An `Analysis` -> one web page that holds everything, its sound included, and asks nothing of the network."""

import base64
import io
import json
from collections.abc import Iterator
from importlib import resources
from typing import Final

import numpy as np

from intone.analysis import Analysis
from intone.audio import SAMPLE_RATE
from intone.emotions import COLOURS
from intone.formats.tables import as_dict

BITS: Final = 24_000
"""Bits a second of the sound in the page (MP3, which every browser plays): 11 MB an hour."""

BARS: Final = 4_000
"""At most so many bars draw the waveform: more than a screen has columns."""


def page(analysis: Analysis) -> str:
    """Waveform, coloured segments that play when they are clicked, words, a curve an emotion."""
    data = as_dict(analysis) | {
        "colours": COLOURS,
        "peaks": [round(float(p), 3) for p in coarser(analysis.peaks, BARS)],
        "curve": {
            "times": [round(time, 3) for _, time in analysis.curve.index],
            **{emotion: [round(p, 3) for p in analysis.curve[emotion]] for emotion in COLOURS},
        },
        "sound": base64.b64encode(mp3(analysis.sound())).decode(),
    }
    # Nothing that a recording says or is called may end the script that it stands in.
    text = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", "").replace("\u2029", "")
    frame = resources.files("intone.formats").joinpath("page.html").read_text(encoding="utf-8")
    return frame.replace("/*data*/", text, 1)


def coarser(peaks: np.ndarray, most: int) -> np.ndarray:
    """Peaks [N] -> at most `most` of them, each the largest of its neighbours."""
    width = max(1, -(-len(peaks) // most))
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
