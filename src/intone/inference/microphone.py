"""The microphone -> an emotion and its confidence, twice a second; what `intone listen` does."""

import queue
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from intone.audio.frames import SAMPLE_RATE
from intone.audio.vad import VOICE, VadSettings, speech_spans
from intone.errors import BadClip, IntoneError, Missing, brought_by
from intone.inference import profiles, registry
from intone.inference.model import Model, Prediction
from intone.inference.result import UNSURE
from intone.inference.voice import Voice

STEP: Final = SAMPLE_RATE // 2
"""Samples between two predictions."""

MEMORY: Final = 4 * SAMPLE_RATE
"""Samples that a prediction is made from."""

STILL: Final = SAMPLE_RATE * 7 // 10
"""Samples of silence after which speech counts as ended."""


def listen(
    model: str | None = None,
    device: int | None = None,
    seconds: float = 0.0,
    adapt: bool = True,
    voice: str | None = None,
) -> None:
    """Predict the emotion of the voice at the microphone, twice a second; Ctrl-C ends it.

    Args:
        model: A file that `intone export` made, or a name from `intone models list`; default the packaged model.
        device: Number of the microphone; default the system's.
        seconds: Stop after this many seconds; 0 never stops.
        adapt: Take all that is heard for one person's voice, and judge each utterance against those before it.
        voice: A name from `intone voice list`, whose voice it is.
    """
    ear = Model(registry.find(model))
    live = Live(ear, adapt, profiles.fitting(voice, ear) if voice else None)
    steps = round(2 * seconds) or None
    line_end = "\r" if sys.stdout.isatty() else "\n"
    for number, block in enumerate(microphone(device)):
        if steps is not None and number >= steps:
            break
        print(f"{live.answer(block):60s}", end=line_end, flush=True)


@dataclass(frozen=True)
class Moment:
    """What is heard of the last speech."""

    emotion: str | None = None
    """`unsure` where none is probable enough; None where nobody speaks."""
    probabilities: Mapping[str, float] = field(default_factory=dict)
    adapted: int = 0
    """Earlier utterances of the same voice that it was judged with."""
    ended: bool = False
    """Whether this is the whole of an utterance that has just ended."""


@dataclass
class Live:
    """Keeps the last four seconds and predicts the emotion of the last speech in them."""

    model: Model
    adapt: bool = True
    """Whether utterances that have ended tell of the voice of the next one."""
    voice: Voice | None = None
    """What is known of the voice."""
    recent: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    utterance: Prediction | None = None
    """The utterance that hasn't ended."""

    def answer(self, block: np.ndarray) -> str:
        """The next half second (mono float32, 16 kHz) -> `angry  83 %`, or `…` where nobody speaks."""
        now = self.heard(block)
        if now.emotion is None or now.ended:
            return "…"
        p = max(now.probabilities.values())
        return f"{now.emotion:10s} {100 * p:3.0f} %  {'█' * round(20 * p)}"

    def heard(self, block: np.ndarray) -> "Moment":
        """The next half second (mono float32, 16 kHz) -> what is said in it."""
        self.recent = np.concatenate([self.recent, block])[-MEMORY:]
        found = speech_spans(self.recent, VadSettings(VOICE, MEMORY / SAMPLE_RATE))
        if not found or found[-1][1] < len(self.recent) - STILL:
            return self._ended()
        start, end = found[-1]
        try:
            self.utterance = self.model.predict(self.recent[start:end])
        except BadClip:
            return Moment()
        return self._moment()

    def _moment(self) -> "Moment":
        """The utterance so far."""
        assert self.utterance is not None
        prediction = self.model.adapted(self.utterance, self.voice) if self.voice else self.utterance
        labels = self.model.card.labels
        name = labels[int(prediction.probabilities.argmax())] if prediction.sure else UNSURE
        return Moment(name, dict(zip(labels, map(float, prediction.probabilities), strict=True)), prediction.known)

    def _ended(self) -> "Moment":
        """What was said last is known of the voice from now on."""
        if self.utterance is None:
            return Moment()
        last = replace(self._moment(), ended=True)
        if self.adapt:
            own = self.model.voice(self.utterance)
            self.voice = self.voice + own if self.voice else own
        self.utterance = None
        return last


def microphone(device: int | None) -> Iterator[np.ndarray]:
    """Blocks of half a second, mono float32 at 16 kHz. Raises Missing without the library, IntoneError without a
    device."""
    try:
        import sounddevice
    except (ImportError, OSError) as problem:  # OSError: the library is here, but PortAudio, which it needs, isn't
        remedy = f"{brought_by('listen')}; PortAudio is needed too where the system has none"
        raise Missing(f"The microphone can't be used ({problem}): {remedy}.") from problem
    waiting: queue.SimpleQueue[np.ndarray] = queue.SimpleQueue()

    def keep(block: np.ndarray, *_: Any) -> None:
        waiting.put(block[:, 0].copy())

    try:
        with sounddevice.InputStream(SAMPLE_RATE, STEP, device, 1, "float32", callback=keep):
            while True:
                yield waiting.get()
    except (sounddevice.PortAudioError, ValueError) as problem:
        raise IntoneError(f"No microphone can be opened ({problem}): is one plugged in, and allowed?") from problem
