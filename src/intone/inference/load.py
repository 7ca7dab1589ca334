"""Names and paths of a model, of Whisper and of voices -> an `Analyzer` of them."""

from collections.abc import Sequence
from pathlib import Path

from intone import weights
from intone.asr.languages import code
from intone.asr.whisper import Whisper
from intone.errors import IntoneError, Missing
from intone.inference import profiles, registry
from intone.inference.analyzer import Analyzer
from intone.inference.diarization import WEIGHTS, SpeakerEncoder
from intone.inference.model import Model
from intone.inference.speakers import AUTO, NONE, ONE, Speakers
from intone.progress import say


def loaded(
    model: str | Path | None,
    whisper: str | None,
    language: str | None,
    threads: int,
    speakers: Speakers | str | None = None,
    voices: Sequence[str] = (),
    one: bool = False,
) -> Analyzer:
    """The result of `intone.load`; `voices` are names of profiles. Raises IntoneError for models that can't be loaded,
    for a negative `threads`, and for voices that aren't known."""
    check_threads(threads)
    words = Whisper(whisper, threads=threads) if whisper else None
    language = code(language) if language else None
    if words:
        _ = words.folder  # raises Missing now, and not only at the first recording
        if language:
            words.check_language(language)
    who = speakers if isinstance(speakers, Speakers) else known(speakers, voices, one)
    heard = Model(registry.find(model), threads)
    encoder = SpeakerEncoder(weights.find(WEIGHTS), threads) if who.way == AUTO else None
    return Analyzer(heard, words, language, who, {name: profiles.fitting(name, heard) for name in voices}, encoder, one)


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
