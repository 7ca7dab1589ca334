"""A corpus or a recording -> the words that were said in it; no speech gives no words.

    transcripts = transcribe(corpus, Whisper())        # columns file, text

A `Backend` is anything with settings and a method that turns a signal into words: whisper.py, google.py.
"""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from intone.audio.clip import read_clip
from intone.audio.decoding import check_file
from intone.cache import cached_text, digest, file_digest
from intone.data.corpus import Corpus
from intone.errors import BadClip
from intone.progress import say, track


class Backend(Protocol):
    """A speech recogniser. Two that may give different words have different `settings` (they are in the cache key)."""

    @property
    def settings(self) -> dict[str, Any]:
        """JSON-able: everything that changes the words."""
        ...

    def words(self, signal: np.ndarray) -> str:
        """Mono float32 at 16 kHz, shape (samples,) -> what was said; "" where nobody speaks."""
        ...


def transcribe(corpus: Corpus, backend: Backend, progress: bool = True) -> pd.DataFrame:
    """Every clip of a corpus -> a table with columns file, text, in the order of the clip table.

    Words are cached by a clip's bytes and the backend's settings; after Ctrl-C the same call continues with the clips
    that are left. A clip that can't be read is left out and named on stderr.
    """
    files = list(corpus.clips["file"])
    rows = []
    for file in track(files, "transcribing", len(files)) if progress else files:
        try:
            rows.append((file, transcribe_file(corpus.paths[file], backend)))
        except BadClip as error:
            say(f"left out: {error}")
    return pd.DataFrame(rows, columns=["file", "text"])


def transcribe_file(path: Path, backend: Backend) -> str:
    """The words in one recording, from the cache if it was transcribed before. Raises BadClip."""
    check_file(Path(path))
    key = digest(file_digest(Path(path)), backend.settings)
    return cached_text("transcripts", key, lambda: backend.words(read_clip(Path(path))))
