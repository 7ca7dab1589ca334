"""Flags of `intone analyze` and `intone serve` -> the settings from which each process makes its analyzer."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from intone import weights
from intone.asr.languages import code
from intone.asr.retry import VERSION
from intone.asr.whisper import Whisper
from intone.cache import digest, file_digest
from intone.device import CPU
from intone.errors import IntoneError, Missing
from intone.inference import profiles, registry
from intone.inference.analyzer import Analyzer
from intone.inference.diarization import WEIGHTS, SpeakerEncoder
from intone.inference.model import Model
from intone.inference.speakers import AUTO, NONE, ONE, Speakers
from intone.progress import say
from intone.version import __version__


@dataclass(frozen=True)
class Settings:
    """Settings from which a worker makes its analyzer."""

    model: Path
    whisper: str | None
    language: str | None
    threads: int
    speakers: Speakers = Speakers()  # noqa: RUF009 - it can't be changed
    voices: tuple[str, ...] = ()
    """Names of voices that are known before."""
    one: bool = False
    """Whether each recording is judged as a whole."""
    hotwords: str = ""
    """Names and terms that may be said, as they should be spelt."""
    device: str = CPU
    """A name of `--device`."""
    dimensions: Path | None = None
    """The model file that rates dimensions too."""

    def words(self) -> Whisper | None:
        """The recogniser; None where words are off."""
        if not self.whisper:
            return None
        return Whisper(self.whisper, threads=self.threads, hotwords=self.hotwords, device=self.device)

    def key(self) -> str:
        """Digest of everything that changes the results."""
        words = self.words()
        asked = [] if self.speakers.way == NONE else [self.speakers.key(), str(self.speakers.asked)]
        asked += [f"{name} {profiles.find(name).digest()}" for name in self.voices]
        asked += ["one"] * self.one
        asked += [self.device] * (self.device != CPU)
        asked += [file_digest(self.dimensions)] if self.dimensions else []
        said = words.settings if words else None
        return digest(__version__, file_digest(self.model), said, self.language, *asked, *([VERSION] if said else []))

    def absolute(self) -> "Settings":
        """The same for a process that is in another folder."""
        whisper = self.whisper
        if whisper and Path(whisper).is_dir():
            whisper = str(Path(whisper).absolute())
        rating = self.dimensions.absolute() if self.dimensions else None
        return replace(self, model=self.model.absolute(), whisper=whisper, dimensions=rating)

    def analyzer(self) -> Analyzer:
        """A new analyzer. Raises IntoneError for models that can't be loaded, and for a device that isn't there."""
        words = self.words()
        if words:
            _ = words.folder  # raises Missing now, and not only at the first recording
            if self.language or self.device != CPU:
                words.check_language(self.language or words.language)  # loads the weights, where the device is
        # Beside Whisper, which has all threads, emotions are faster on few: threads that wait for work take it away.
        threads = max(1, (self.threads or os.cpu_count() or 1) // words.at_once) if words else self.threads
        heard, encoder, rating = Model(self.model, threads, self.device), None, None
        heard.check(dimensions=False)
        if self.dimensions:
            rating = Model(self.dimensions, threads, self.device)
            rating.check(dimensions=True)
        if self.speakers.way == AUTO:
            encoder = SpeakerEncoder(weights.find(WEIGHTS), threads, self.device)
        voices = {name: profiles.fitting(name, heard) for name in self.voices}
        return Analyzer(heard, words, self.language, self.speakers, voices, encoder, self.one, rating)


def settled(
    model: str | None,
    whisper: str | None,
    language: str | None,
    threads: int,
    workers: int = 1,
    speakers: str | None = None,
    voices: tuple[str, ...] = (),
    one: bool = False,
    hotwords: str = "",
    device: str = CPU,
    dimensions: str | None = None,
) -> Settings:
    """The settings of an analysis; where words are wanted and Whisper isn't here, words are off, with a line on stderr.

    Raises IntoneError for impossible numbers of threads and workers, and for speakers that nothing says.
    """
    check_threads(threads)
    if workers < 1:
        raise IntoneError(f"{workers} workers can do nothing: give --workers 1 or more.")
    where = registry.find(model)
    if whisper:
        try:
            _ = Whisper(whisper).folder
        except Missing as problem:
            say(f"words are off: {problem}")
            whisper = None
    who = known(speakers, voices, one)
    share = max(1, (os.cpu_count() or 1) // max(1, workers))
    spoken = code(language) if language else None
    rating = registry.find(dimensions) if dimensions else None
    return Settings(where, whisper, spoken, threads or share, who, voices, one, hotwords, device, rating)


def known(speakers: str | None, voices: Sequence[str] = (), one: bool = False) -> Speakers:
    """What `--speakers` and `--voice` say. Where neither says anything, voices are told apart by their sound, or, where
    the weights for that aren't here, not at all, with a line on stderr; nor where each recording is judged as a whole.
    Raises IntoneError as `Speakers.of` does, and for speakers of what is judged as a whole."""
    if one:
        if voices or speakers not in (None, NONE):
            raise IntoneError("--one gives one answer a recording, whoever speaks: leave --speakers and --voice out.")
        return Speakers(asked=False)
    if speakers is not None or voices:
        return Speakers.of(speakers or ONE, voices)
    try:
        weights.find(WEIGHTS)
    except Missing as problem:
        say(f"each sentence is judged by itself, as voices aren't told apart: {problem}")
        return Speakers(asked=False)
    return Speakers(AUTO, asked=False)


def check_threads(threads: int) -> None:
    """Raises IntoneError for a negative number of threads."""
    if threads < 0:
        raise IntoneError(f"{threads} threads can do nothing: give 1 or more, or 0 for one a core.")
