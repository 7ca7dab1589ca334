"""An `Analysis` -> SRT and WebVTT subtitles: each segment's words, followed by its emotion in brackets."""

import html
from collections.abc import Callable

import pysubs2

from intone.inference.result import Analysis


def srt(analysis: Analysis) -> str:
    """SubRip."""
    return _subtitles(analysis, "srt", lambda text: text)


def vtt(analysis: Analysis) -> str:
    """WebVTT, with its special characters escaped."""
    return _subtitles(analysis, "vtt", lambda text: html.escape(text, quote=False))


def caption(text: str, emotion: str, confidence: float) -> str:
    """`Kids are talking. (angry 83 %)` on one line."""
    return " ".join(f"{text} ({emotion} {100 * confidence:.0f} %)".split())


def _subtitles(analysis: Analysis, kind: str, escape: Callable[[str], str]) -> str:
    subtitles = pysubs2.SSAFile()
    rows = analysis.segments[["text", "emotion", "confidence"]].itertuples()
    for (_, start, end), *said in rows:
        # A backslash would begin a command of the library's own format.
        text = escape(caption(*said)).replace("\\", "/")
        subtitles.append(pysubs2.SSAEvent(pysubs2.make_time(s=start), pysubs2.make_time(s=end), text))
    made: str = subtitles.to_string(kind, keep_ssa_tags=True)
    return made
