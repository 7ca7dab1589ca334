"""An `Analysis` -> SRT and WebVTT subtitles: speaker where known, words, and the emotion in brackets, by segment."""

import html
from collections.abc import Callable
from typing import Final

import pysubs2

from intone.inference.result import Analysis


def srt(analysis: Analysis) -> str:
    """SubRip."""
    return _subtitles(analysis, "srt", lambda text: text)


def vtt(analysis: Analysis) -> str:
    """WebVTT, with its special characters escaped."""
    return _subtitles(analysis, "vtt", lambda text: html.escape(text, quote=False))


SAID: Final = ["text", "emotion", "confidence", "speaker"]
"""Columns that a caption is made from."""


def caption(text: str, emotion: str, confidence: float, speaker: str | None = None) -> str:
    """`anna: Kids are talking. (angry 83 %)` on one line, with the name where it is known."""
    return " ".join(f"{f'{speaker}: ' if speaker else ''}{text} ({emotion} {100 * confidence:.0f} %)".split())


def _subtitles(analysis: Analysis, kind: str, escape: Callable[[str], str]) -> str:
    subtitles = pysubs2.SSAFile()
    rows = analysis.segments[SAID].itertuples()
    for (_, start, end), *said in rows:
        # A backslash would begin a command of the library's own format.
        text = escape(caption(*said)).replace("\\", "/")
        subtitles.append(pysubs2.SSAEvent(pysubs2.make_time(s=start), pysubs2.make_time(s=end), text))
    made: str = subtitles.to_string(kind, keep_ssa_tags=True)
    return made
