"""Names and paths of a model, of Whisper and of voices -> an `Analyzer` of them."""

from collections.abc import Sequence
from pathlib import Path

from intone.asr.languages import code
from intone.device import CPU
from intone.inference import registry
from intone.inference.analyzer import Analyzer
from intone.inference.settings import Settings, check_threads, known
from intone.inference.speakers import Speakers


def loaded(
    model: str | Path | None,
    whisper: str | None,
    language: str | None = None,
    threads: int = 0,
    speakers: Speakers | str | None = None,
    voices: Sequence[str] = (),
    one: bool = False,
    hotwords: str = "",
    device: str = CPU,
    dimensions: str | Path | None = None,
) -> Analyzer:
    """The result of `intone.load`; `voices` are names of profiles. Raises IntoneError for models that can't be loaded,
    for a negative `threads`, for a device that isn't there, and for voices that aren't known."""
    check_threads(threads)
    who = speakers if isinstance(speakers, Speakers) else known(speakers, voices, one)
    language = code(language) if language else None
    found = registry.find(model)
    rating = registry.find(dimensions) if dimensions else None
    return Settings(found, whisper, language, threads, who, tuple(voices), one, hotwords, device, rating).analyzer()
