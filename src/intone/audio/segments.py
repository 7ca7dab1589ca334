"""Blocks of a long recording (mono float32, 16 kHz) -> stretches of speech, each with the spans of speech in it.

Silero's voice activity detector (in faster-whisper, without torch) detects speech. A recording is processed in chapters
that are divided at pauses, so that three hours need no more memory than one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from intone.audio.frames import SAMPLE_RATE
from intone.audio.vad import MARGIN_S, VOICE, VOICE_IN_DOUBT, VadSettings, speech_spans

CHAPTER_S: Final = 40
"""Seconds that are searched for speech at a time. With 120 the detector's arrays are so large that fragmentation
increases the memory over a long recording."""

WARM_UP_SAMPLES: Final = 2 * SAMPLE_RATE
"""Samples before speech that the detector needs to tell it from noise."""

MAX_STRETCH_S: Final = 28
"""Longest stretch in seconds, which Whisper transcribes at once; longer speech is cut at its pauses."""

MAX_SEGMENT_S: Final = 12.0
"""Seconds of the longest segment; a longer sentence is cut at its longest pause."""

MIN_DOUBTFUL_S: Final = 1.0
"""Shortest doubtful stretch, in seconds."""

MIN_WORDLESS_S: Final = 1.0
"""Seconds: shorter speech next to a sentence is added to it (a drawn-out last word); longer is a segment of its own."""

Number = TypeVar("Number", int, float)

Span = tuple[float, float]
"""Start and end, in seconds from the recording's beginning."""


@dataclass(frozen=True)
class Stretch:
    """A part of a recording with speech and little silence around it."""

    start: float
    """Seconds from the recording's beginning."""
    signal: np.ndarray
    speech: tuple[Span, ...] = ()
    """Spans of speech in it by Silero's own, stricter threshold: without margins, at most `MAX_SEGMENT_S` s each."""
    doubtful: bool = False
    """Whether the detector's probability is so low that only words of a high probability make it speech."""

    def around(self, span: Span) -> tuple[float, np.ndarray]:
        """Start (s) and samples of a span with the margin around it, as far as the stretch reaches."""
        first, last = (round((t - self.start) * SAMPLE_RATE) for t in (span[0] - MARGIN_S, span[1] + MARGIN_S))
        return max(self.start, span[0] - MARGIN_S), self.signal[max(0, first) : last]

    @property
    def end(self) -> float:
        """Seconds from the recording's beginning."""
        return self.start + len(self.signal) / SAMPLE_RATE


def stretches(blocks: Iterator[np.ndarray], voice: float = VOICE, longest: float = MAX_SEGMENT_S) -> Iterator[Stretch]:
    """Every stretch of speech in order, at most `longest` seconds each; none on silence.

    `voice` is Silero's probability from which a 32 ms step is speech.
    """
    waiting, offset = np.zeros(0, np.float32), 0
    for chapter, last in _chapters(blocks):
        signal = np.concatenate([waiting, chapter])
        found = speech_spans(signal, VadSettings(voice, longest))
        strict = speech_spans(signal, VadSettings(VOICE, MAX_SEGMENT_S, margin_s=0))
        doubtful = _between(speech_spans(signal, VadSettings(VOICE_IN_DOUBT, longest)), found) if voice < VOICE else []
        # Speech that reaches the end may continue: it is kept for the next chapter, with the warm-up before it.
        open_ended = bool(found) and found[-1][1] > len(signal) - SAMPLE_RATE
        cut = found.pop()[0] - WARM_UP_SAMPLES if open_ended and not last else len(signal) - SAMPLE_RATE
        cut = max(found[-1][1] if found else 0, cut)
        cut = min([cut, *(start for start, end in doubtful if end > cut and not last)])
        doubts = [(start, end) for start, end in doubtful if end <= cut or last]
        for start, end in sorted([*found, *doubts]):
            speech = _within(strict, start, end, offset)
            yield Stretch((offset + start) / SAMPLE_RATE, signal[start:end], speech, (start, end) in doubts)
        waiting, offset = signal[cut:], offset + cut


def _between(spans: Sequence[tuple[int, int]], found: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The parts of spans (samples) that lie in none of those `found` and are long enough to hold a sentence."""
    return [(a, b) for a, b in uncovered(spans, found) if b - a >= MIN_DOUBTFUL_S * SAMPLE_RATE]


def _within(spans: Sequence[tuple[int, int]], start: int, end: int, offset: int) -> tuple[Span, ...]:
    """Spans in samples -> their parts between `start` and `end`, in seconds; `offset` is added, in samples."""
    parts = [(max(first, start), min(last, end)) for first, last in spans]
    return tuple(((offset + a) / SAMPLE_RATE, (offset + b) / SAMPLE_RATE) for a, b in parts if a < b)


def _chapters(blocks: Iterator[np.ndarray]) -> Iterator[tuple[np.ndarray, bool]]:
    """Some `CHAPTER_S` seconds at a time, and whether they are the last."""
    waiting: list[np.ndarray] = []
    for block in blocks:
        if sum(map(len, waiting)) >= CHAPTER_S * SAMPLE_RATE:
            yield np.concatenate(waiting), False
            waiting = []
        waiting.append(block)
    if waiting:
        yield np.concatenate(waiting), True


def uncovered(
    speech: Sequence[tuple[Number, Number]], covered: Sequence[tuple[Number, Number]]
) -> list[tuple[Number, Number]]:
    """The parts of `speech` that lie in none of the spans `covered`; both are in order, and so is the result."""
    out = []
    for start, end in speech:
        for first, last in covered:
            if first < end and last > start:
                out += [(start, first)] if first > start else []
                start = max(start, last)
        out += [(start, end)] if end > start else []
    return out


def covering(sentences: Sequence[Span], speech: Sequence[Span]) -> tuple[list[Span], list[Span]]:
    """Spans of sentences and of speech, in order -> the sentences' spans, extended by short speech next to them, and
    the spans of speech without words. Together they hold all the speech, and none overlap."""
    wide, alone = list(sentences), []
    for start, end in uncovered(speech, sentences):
        before = next((k for k, span in enumerate(sentences) if span[1] == start), None)
        behind = next((k for k, span in enumerate(sentences) if span[0] == end), None)
        if end - start >= MIN_WORDLESS_S or (before is None and behind is None):
            alone.append((start, end))
        elif before is not None:
            wide[before] = (wide[before][0], end)
        elif behind is not None:
            wide[behind] = (start, wide[behind][1])
    return wide, alone


def speech_bounds(stretch: Stretch) -> Span:
    """(start, end) of the speech in a stretch without words, in seconds."""
    if stretch.speech:
        return round(stretch.speech[0][0], 3), round(stretch.speech[-1][1], 3)
    spare = min(MARGIN_S, (stretch.end - stretch.start) / 4)
    return round(stretch.start + spare, 3), round(stretch.end - spare, 3)
