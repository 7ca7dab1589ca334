"""A clip (mono float32 at 16 kHz) -> the words that were said, by Google Cloud Speech-to-Text.

The audio leaves this machine; Whisper (whisper.py) needs no network.

transcripts = transcribe(corpus, GoogleSpeech())     # needs the extra `google` and credentials
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np

from intone.audio.frames import SAMPLE_RATE
from intone.errors import BadClip, IntoneError, Missing, brought_by

MAX_REQUEST_S: Final = 60.0
"""Seconds; the limit of Google's synchronous `recognize`."""


@dataclass(frozen=True)
class GoogleSpeech:
    """Google's recogniser as a `transcripts.Backend`: cloud.google.com/speech-to-text, API version 1.

    Pass `client` to use an existing one (an endpoint in another region, a test). Clips may last at most 60 s.
    """

    language: str = "en-US"
    """BCP 47: en-US, de-DE …"""
    model: str = "latest_short"
    """Google's model for utterances of a few seconds."""
    client: Any = field(default=None, repr=False, compare=False)

    @property
    def settings(self) -> dict[str, Any]:
        """All that changes the words. Google changes models without renaming them, so uncached runs may differ."""
        return {"backend": "google", "language": self.language, "model": self.model}

    def words(self, signal: np.ndarray) -> str:
        """Mono float32 at 16 kHz, shape (samples,) -> what was said; "" where Google finds no speech.

        Raises Missing without the library or credentials, BadClip beyond 60 s, IntoneError where Google refuses the
        clip.
        """
        if len(signal) > MAX_REQUEST_S * SAMPLE_RATE:
            raise BadClip(
                f"Google takes clips of {MAX_REQUEST_S:g} s at most, "
                f"and this one lasts {len(signal) / SAMPLE_RATE:.0f} s."
            )
        config = {
            "encoding": "LINEAR16",
            "sample_rate_hertz": SAMPLE_RATE,
            "language_code": self.language,
            "model": self.model,
        }
        pcm = np.clip(np.rint(signal * 32768), -32768, 32767).astype("<i2").tobytes()
        client = self._client
        try:
            answer = client.recognize(config=config, audio={"content": pcm})
        except Exception as error:  # google.api_core's errors; naming them would need the library
            raise IntoneError(f"Google Speech-to-Text refused the clip ({type(error).__name__}: {error}).") from error
        return " ".join(r.alternatives[0].transcript.strip() for r in answer.results if r.alternatives)

    @cached_property
    def _client(self) -> Any:
        if self.client is not None:
            return self.client
        try:
            from google.auth.exceptions import DefaultCredentialsError
            from google.cloud import speech_v1
        except ImportError as error:
            raise Missing(f"Google Speech-to-Text needs its library: {brought_by('google')}.") from error
        try:
            return speech_v1.SpeechClient()
        except DefaultCredentialsError as error:
            raise Missing(
                "Google Speech-to-Text needs credentials: "
                "set GOOGLE_APPLICATION_CREDENTIALS to the JSON key of a service account."
            ) from error
