"""The command `intone transcribe`: recordings -> one line each on stdout, the path and the words."""

from contextlib import ExitStack
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from intone.asr.languages import code
from intone.asr.multilingual import Polyglot
from intone.asr.transcripts import Backend, transcribe_file
from intone.asr.whisper import Whisper
from intone.audio.spool import STANDARD, standard_input
from intone.errors import BadClip, IntoneError, Partly
from intone.names import printable
from intone.progress import say


def transcribe(
    files: Positional[tuple[Path, ...]],
    backend: Literal["whisper", "google"] = "whisper",
    language: str | None = None,
) -> None:
    """Write down the words of recordings: one line a file, the path and the words; nothing where nobody speaks.

    Args:
        files: Audio files; - is standard input.
        backend: whisper runs here; google sends the audio to Google and needs its own library and credentials.
        language: Its code or English name, such as en, de or German; Whisper finds out that of each stretch where it
            isn't given, and Google takes it for American English.
    """
    if not files:
        raise IntoneError("Nothing to transcribe: name audio files.")
    recogniser = recogniser_of(backend, language)
    done = 0
    with ExitStack() as stack:
        called = standard_input([str(file) for file in files], stack)
        for path in [*called, *(file for file in files if str(file) != STANDARD)]:
            name = called.get(path, str(path))
            try:
                print(f"{printable(name)}\t{transcribe_file(path, recogniser)}", flush=True)
                done += 1
            except BadClip as problem:
                say(f"left out: {str(problem).replace(str(path), name)}")
    say(f"{done} of {len(files)} files transcribed.")
    if not done:
        raise IntoneError("No file could be transcribed.")
    if done < len(files):
        raise Partly(f"{len(files) - done} of {len(files)} files were left out; the others are done.")


def recogniser_of(backend: str, language: str | None) -> Backend:
    """The recogniser for one language, or for those that it detects. Raises IntoneError for an unknown language."""
    if backend == "google":
        from intone.asr.google import GoogleSpeech

        # Google distinguishes regions, and has no English without one.
        known = code(language) if language else "en"
        return GoogleSpeech(language=language if language and "-" in language else {"en": "en-US"}.get(known, known))
    if language is None:
        return Polyglot(Whisper())
    found = Whisper(language=code(language))
    found.check_language(found.language)
    return found
