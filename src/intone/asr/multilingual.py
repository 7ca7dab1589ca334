"""A clip (mono float32 at 16 kHz) in any language -> its words, the same that `intone analyze` writes.

transcripts = transcribe(corpus, Polyglot(Whisper()))      # Whisper(language="de") where the language is known
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from intone.asr.languages import Language
from intone.asr.retry import VERSION, written
from intone.asr.sentences import text_of
from intone.asr.whisper import Whisper
from intone.audio.segments import MAX_STRETCH_S, stretches
from intone.audio.vad import VOICE_WITH_WORDS


@dataclass(frozen=True)
class Polyglot:
    """A `transcripts.Backend` that detects the language of each stretch."""

    whisper: Whisper

    @property
    def settings(self) -> dict[str, Any]:
        """Whisper's settings without a language, and how a clip is cut."""
        return self.whisper.settings | {"language": None, "stretches": [VERSION, VOICE_WITH_WORDS, MAX_STRETCH_S]}

    def words(self, signal: np.ndarray) -> str:
        """A clip of any length -> what was said in it; "" where nobody speaks."""
        language = Language(None)
        found = [
            text_of(sentence)
            for stretch in stretches(iter([signal]), VOICE_WITH_WORDS, MAX_STRETCH_S)
            for sentence in written(self.whisper, stretch, language)[1]
        ]
        return " ".join(found)
