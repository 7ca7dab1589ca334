"""A recording + a model file, and Whisper where words are wanted -> an `Analysis`; no training library in sight."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from intone import domain, model_store
from intone.analysis import UNSURE, Analysis, Segment, Segments, curve, table
from intone.audio import SAMPLE_RATE
from intone.emotions import EMOTIONS
from intone.errors import BadClip, IntoneError
from intone.model_file import Heard, Model
from intone.progress import say
from intone.recording import Recording
from intone.segments import (
    LONGEST,
    LONGEST_STRETCH,
    VOICE,
    VOICE_WITH_WORDS,
    Stretch,
    moved,
    sentences,
    speech_bounds,
    stretches,
    text_of,
)
from intone.transcripts import Whisper
from intone.word_times import Word

PEAK: Final = SAMPLE_RATE // 20
"""Samples, 50 ms, whose largest amplitude is kept for drawing."""

SURE_OF_LANGUAGE: Final = 30.0
"""Seconds of speech after which the language isn't asked for any more."""

RECORDINGS: Final = (
    "aac aif aiff amr au avi caf flac flv m4a m4b m4v mka mkv mov mp2 mp3 mp4 mpeg mpg oga ogg ogv opus ra rm snd ts "
    "w64 wav webm wma wmv wv 3gp"
)
"""Endings by which a folder's recordings are known; a file that is named by itself may have any."""


@dataclass(frozen=True)
class Judged:
    """One segment with what was measured of it."""

    segment: Segment
    heard: Heard
    measured: dict[str, float]


@dataclass
class Ear:
    """What is noticed while a recording goes by once."""

    samples: int = 0
    peaks: list[np.ndarray] = field(default_factory=list)
    rest: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))

    def along(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The same blocks."""
        for block in blocks:
            self.samples += len(block)
            whole = np.abs(np.concatenate([self.rest, block]))
            cut = len(whole) - len(whole) % PEAK
            self.peaks.append(whole[:cut].reshape(-1, PEAK).max(1))
            self.rest = whole[cut:]
            yield block

    @property
    def heights(self) -> np.ndarray:
        """Largest amplitude of each 50 ms."""
        return np.concatenate([*self.peaks, [self.rest.max()] if len(self.rest) else []]).astype(np.float32)


@dataclass
class Language:
    """What is spoken, by Whisper's opinion of each stretch, weighed by its length."""

    given: str | None
    scores: dict[str, float] = field(default_factory=dict)
    heard: float = 0.0

    def of(self, whisper: Whisper, stretch: Stretch) -> str:
        """The most probable language so far."""
        if self.given is None and self.heard < SURE_OF_LANGUAGE:
            seconds = stretch.end - stretch.start
            self.heard += seconds
            for name, p in whisper.languages(stretch.signal).items():
                self.scores[name] = self.scores.get(name, 0.0) + seconds * p
        return self.known or "en"

    @property
    def known(self) -> str | None:
        """The same; None where nothing was heard."""
        return self.given or max(self.scores, key=self.scores.__getitem__, default=None)


class Analyzer:
    """Analyses recordings; one answer for one sound, however it comes in."""

    def __init__(self, model: Model, whisper: Whisper | None = None, language: str | None = None) -> None:
        """`whisper` None: no words; `language` None: found out."""
        self.model, self.whisper, self.language = model, whisper, language

    def file(self, path: Path | str) -> Segments:
        """One file's segments. Raises BadClip for a file that can't be heard."""
        return self.analysis(Recording.of_file(path)).segments

    def files(self, paths: Iterable[Path | str]) -> Segments:
        """The segments of all files; a bad one is named on stderr and left out. Raises IntoneError if all are bad."""
        found, bad = [], 0
        for path in paths:
            try:
                found.append(self.file(path))
            except BadClip as problem:
                say(f"left out: {problem}")
                bad += 1
        if bad and not found:
            raise IntoneError(f"None of the {bad} files could be analysed.")
        return Segments(pd.concat(found)) if found else table("", [])

    def folder(self, path: Path | str) -> Segments:
        """The segments of all recordings in a folder and those below it."""
        return self.files(recordings(Path(path)))

    def signal(self, samples: np.ndarray, sampling_rate: int, name: str = "signal") -> Segments:
        """Segments of samples [samples] or [samples, channels] at `sampling_rate` Hz."""
        return self.analysis(Recording.of_signal(samples, sampling_rate, name)).segments

    def analysis(self, recording: Recording) -> Analysis:
        """Everything about one recording. Raises BadClip where it can't be heard."""
        ear, language = Ear(), Language(self.language)
        judged = list(self._judged(ear.along(recording.blocks()), language))
        spoken = language.known if self.whisper else None
        known = self.model.card.known
        rows = [j.measured for j in judged]
        middles = [float(j.segment.start + m) for j in judged for m in j.heard.middles]
        return Analysis(
            recording.name,
            ear.samples / SAMPLE_RATE,
            self.model.name,
            spoken,
            table(recording.name, [j.segment for j in judged]),
            curve(recording.name, middles, [row for j in judged for row in j.heard.windows]),
            domain.strangeness(rows, known, spoken, self.model.card.language),
            ear.heights,
            recording.blocks,
        )

    def _judged(self, blocks: Iterator[np.ndarray], language: Language) -> Iterator[Judged]:
        """Segments in order. While Whisper writes down one stretch, the emotion of the one before is judged."""
        if self.whisper is None:
            for stretch in stretches(blocks, VOICE, LONGEST):
                start, end = speech_bounds(stretch)
                yield from self._judge([(start, end, stretch.signal, [])], None)
            return
        with ThreadPoolExecutor(1) as pool:
            waiting: Future[list[Judged]] | None = None
            for stretch in stretches(blocks, VOICE_WITH_WORDS, LONGEST_STRETCH):
                spoken = language.of(self.whisper, stretch)
                words = moved(self.whisper.speaking(spoken).timed_words(stretch.signal), stretch.start)
                said = [(s[0]["start"], s[-1]["end"], s) for s in sentences(words)]
                found = [(start, end, stretch.part(start, end), s) for start, end, s in said]
                job = pool.submit(self._judge, found, spoken)
                if waiting:
                    yield from waiting.result()
                waiting = job
            if waiting:
                yield from waiting.result()

    def _judge(self, found: Sequence[tuple[float, float, np.ndarray, list[Word]]], spoken: str | None) -> list[Judged]:
        """(start, end, sound, words) of segments -> their emotions; a segment of pure silence is none."""
        out = []
        for start, end, sound, words in found:
            text = text_of(words)
            try:
                heard = self.model.hear(sound, text if spoken == self.model.card.language else "")
            except BadClip:
                continue
            measured = {**domain.measures(sound), "distance": heard.distance}
            out.append(Judged(self._segment(start, end, text, words, heard), heard, measured))
        return out

    def _segment(self, start: float, end: float, text: str, words: list[Word], heard: Heard) -> Segment:
        best = int(heard.probabilities.argmax())
        sure = heard.probabilities[best] >= self.model.card.unsure
        return Segment(
            start,
            end,
            _named(heard.probabilities),
            EMOTIONS[best] if sure else UNSURE,
            text,
            words,
            _named(heard.audio),
            {} if heard.sentence is None else _named(heard.sentence),
        )


def _named(probabilities: np.ndarray) -> dict[str, float]:
    return dict(zip(EMOTIONS, map(float, probabilities), strict=True))


def recordings(folder: Path) -> list[Path]:
    """Recordings in a folder and below, by their endings, in order; raises IntoneError where there are none."""
    if not folder.is_dir():
        raise IntoneError(f"{folder} is not a folder.")
    known = set(RECORDINGS.split())
    found = [p for p in folder.rglob("*") if p.suffix.lower()[1:] in known and not p.name.startswith(".")]
    if not found:
        raise IntoneError(f"No recording lies in {folder}: known by endings such as .wav, .mp3, .m4a, .mp4.")
    return sorted(found)


def loaded(model: str | Path | None, whisper: str | None, language: str | None, threads: int) -> Analyzer:
    """What `intone.load` gives."""
    ear = Whisper(whisper, threads=threads) if whisper else None
    if ear:
        _ = ear.folder  # whoever has no weights learns it now
    return Analyzer(Model(model_store.find(model), threads), ear, language)
