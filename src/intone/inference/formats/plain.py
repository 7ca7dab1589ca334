"""An `Analysis` -> plain text: a line per segment, with its times, speaker, words and emotion, for people to read."""

from pysubs2.time import ms_to_str

from intone.inference.formats.subtitles import SAID, caption
from intone.inference.result import Analysis


def txt(analysis: Analysis) -> str:
    """`[0:00:00.500 - 0:00:01.400] Kids are talking. (angry 83 %)`."""
    rows = analysis.segments[SAID].itertuples()
    return "".join(f"[{_clock(start)} - {_clock(end)}] {caption(*said)}\n" for (_, start, end), *said in rows)


def _clock(seconds: float) -> str:
    text: str = ms_to_str(round(1000 * seconds), fractions=True)
    return text
