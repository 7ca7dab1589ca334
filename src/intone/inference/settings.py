"""Flags of `intone analyze` and `intone serve` -> the settings from which each process makes its analyzer."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from intone.asr.languages import code
from intone.asr.whisper import Whisper
from intone.cache import digest, file_digest
from intone.errors import IntoneError, Missing
from intone.inference import profiles, registry
from intone.inference.analyzer import Analyzer
from intone.inference.load import check_threads, known, loaded
from intone.inference.speakers import NONE, Speakers
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

    def key(self) -> str:
        """Digest of everything that changes the results."""
        words = Whisper(self.whisper).settings if self.whisper else None
        asked = [] if self.speakers.way == NONE else [self.speakers.key(), str(self.speakers.asked)]
        asked += [f"{name} {profiles.find(name).digest()}" for name in self.voices]
        asked += ["one"] * self.one
        return digest(__version__, file_digest(self.model), words, self.language, *asked)

    def absolute(self) -> "Settings":
        """The same for a process that is in another folder."""
        whisper = self.whisper
        if whisper and Path(whisper).is_dir():
            whisper = str(Path(whisper).absolute())
        return replace(self, model=self.model.absolute(), whisper=whisper)

    def analyzer(self) -> Analyzer:
        """A new analyzer. Raises IntoneError for models that can't be loaded."""
        return loaded(self.model, self.whisper, self.language, self.threads, self.speakers, self.voices, self.one)


def settled(
    model: str | None,
    whisper: str | None,
    language: str | None,
    threads: int,
    workers: int = 1,
    speakers: str | None = None,
    voices: tuple[str, ...] = (),
    one: bool = False,
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
    return Settings(where, whisper, code(language) if language else None, threads or share, who, voices, one)
