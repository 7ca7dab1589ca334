"""A stretch of speech -> its words, by Whisper; parts without words, or with implausible ones, are tried again.

Whisper transcribes up to 28 s at once, and may repeat itself or stop after the first of three sentences. The rest is
then transcribed separately, in parts of at most 12 s without the words before them, and at last by sampling tokens.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from intone.asr.alignment import MIN_PROBABILITY, Word, natural
from intone.asr.languages import Language
from intone.asr.sentences import moved, sentences
from intone.audio.frames import SAMPLE_RATE
from intone.audio.segments import MAX_SEGMENT_S, MIN_WORDLESS_S, Span, Stretch, uncovered
from intone.audio.vad import MARGIN_S

VERSION: Final = 2
"""Version of how a stretch is tried; another version may give other words."""

OTHER: Final = 0.8
"""Share of the stretch: for a longer part Whisper repeats its output for the whole, so tokens are sampled at once."""

SURE: Final = 0.55
"""Lowest probability of a sentence's words (`natural`) in a second try, in which Whisper invents more words."""

SEVERAL: Final = 3
"""Words that a sentence must have to be accepted where the voice activity detector found hardly any speech."""


class Recogniser(Protocol):
    """Signal at 16 kHz [samples], at most 28 s -> words with their times in it (s); none where nobody speaks."""

    def languages(self, signal: np.ndarray) -> dict[str, float]:
        """The probability of each language."""
        ...

    def hints(self, signal: np.ndarray) -> bool:
        """Whether a quick, rough try finds something like words, in whatever language."""
        ...

    def speaking(self, language: str) -> "Recogniser":
        """This recogniser in another language."""
        ...

    def timed_words(self, signal: np.ndarray) -> list[Word]:
        """The most probable words."""
        ...

    def sampled_words(self, signal: np.ndarray) -> list[Word]:
        """Words by sampling, the same ones each time."""
        ...


@dataclass(frozen=True)
class Draft:
    """A stretch's sentences, in a language that it may turn out not to be in."""

    opinion: Mapping[str, float]
    """The recogniser's probability of each language; empty where the language is given."""
    language: str
    sentences: list[list[Word]]


def written(recogniser: Recogniser, stretch: Stretch, language: Language) -> tuple[str | None, list[list[Word]]]:
    """A stretch's language, and its sentences in order, with times (s) in the recording; no language where nothing like
    words was heard so far."""
    return final(recogniser, stretch, language, drafted(recogniser, stretch, language))


def drafted(recogniser: Recogniser, stretch: Stretch, language: Language) -> Draft | None:
    """A stretch's sentences as they seem to be, given what is known of the language; None where the voice activity
    detector found hardly any speech, and a quick try no words."""
    if stretch.doubtful and not recogniser.hints(stretch.signal):
        return None
    opinion = {} if language.given else recogniser.languages(stretch.signal)
    spoken = deepcopy(language).of(lambda: opinion, stretch.end - stretch.start)
    return Draft(opinion, spoken, sentences_of(recogniser.speaking(spoken), stretch))


def final(
    recogniser: Recogniser, stretch: Stretch, language: Language, draft: Draft | None
) -> tuple[str | None, list[list[Word]]]:
    """As `written`, from a draft: transcribed again where the words before it speak for another language."""
    if draft is None:
        return language.known, []
    spoken = language.of(lambda: draft.opinion, stretch.end - stretch.start)
    told = draft.sentences if spoken == draft.language else sentences_of(recogniser.speaking(spoken), stretch)
    if told:
        language.said(spoken, sum(end - start for start, end in spans(told)))
    # For a sound without words, Whisper's language is a random guess.
    return spoken if told else language.known or spoken, told


def sentences_of(recogniser: Recogniser, stretch: Stretch) -> list[list[Word]]:
    """The sentences in a stretch, in order, with times (s) in the recording."""
    first = recogniser.timed_words(stretch.signal)
    if stretch.doubtful:
        return [told for told in _believed(first, stretch.start, SURE) if len(told) >= SEVERAL]
    found = _believed(first, stretch.start, MIN_PROBABILITY)
    taken = spans(found)
    parts = _parts(uncovered(stretch.speech, taken), taken)
    for part in parts:
        found += _again(recogniser, stretch, *_room(part, stretch, [*taken, *parts]))
    return sorted(found, key=lambda sentence: sentence[0]["start"])


def spans(found: Sequence[Sequence[Word]]) -> list[Span]:
    """Sentences -> their (start, end), in order."""
    return sorted((sentence[0]["start"], sentence[-1]["end"]) for sentence in found)


def _believed(words: Sequence[Word], start: float, least: float) -> list[list[Word]]:
    return [sentence for sentence in sentences(moved(words, start)) if natural(sentence, least)]


def _again(recogniser: Recogniser, stretch: Stretch, start: float, end: float) -> list[list[Word]]:
    first, last = (round((t - stretch.start) * SAMPLE_RATE) for t in (start, end))
    sound = stretch.signal[first:last]
    found = []
    if len(sound) < OTHER * len(stretch.signal):
        found = _believed(recogniser.timed_words(sound), start, SURE)
    return found or _believed(recogniser.sampled_words(sound), start, SURE)


def _parts(left: Sequence[Span], taken: Sequence[Span]) -> list[Span]:
    """Speech without words, joined into parts of at most `MAX_SEGMENT_S` s with no words between; not short ones."""
    out: list[Span] = []
    for start, end in left:
        between = out and any(out[-1][1] <= first < start for first, _ in taken)
        if out and not between and end - out[-1][0] <= MAX_SEGMENT_S:
            start = out.pop()[0]
        out.append((start, end))
    return [(start, end) for start, end in out if end - start >= MIN_WORDLESS_S]


def _room(part: Span, stretch: Stretch, taken: Sequence[Span]) -> Span:
    """A part with a margin around it, which ends where the stretch ends or another part or sentence begins."""
    before = max([stretch.start, *(end for _, end in taken if end <= part[0])])
    behind = min([stretch.end, *(start for start, _ in taken if start >= part[1])])
    return max(before, part[0] - MARGIN_S), min(behind, part[1] + MARGIN_S)
