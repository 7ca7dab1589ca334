"""Blocks of a recording (float32, 16 kHz) -> its segments, before their emotions are predicted."""

from collections.abc import Iterator
from functools import partial
from typing import Final

import numpy as np

from intone.asr.ahead import written_ahead
from intone.asr.alignment import Word
from intone.asr.languages import Language
from intone.asr.retry import spans
from intone.asr.whisper import Whisper
from intone.audio.frames import SAMPLE_RATE
from intone.audio.segments import MAX_SEGMENT_S, MAX_STRETCH_S, covering, speech_bounds, stretches
from intone.audio.vad import VOICE, VOICE_WITH_WORDS
from intone.errors import BadClip
from intone.inference.found import Found
from intone.inference.meter import Meter

LONGEST_WHOLE_S: Final = 600.0
"""Longest recording that is judged as a whole: 38 MB in memory; of more than that one emotion says little."""


def wordless(blocks: Iterator[np.ndarray]) -> Iterator[list[Found]]:
    """Each stretch of speech as one segment, where words are off."""
    for stretch in stretches(blocks, VOICE, MAX_SEGMENT_S):
        yield [Found(*speech_bounds(stretch), stretch.start, stretch.signal)]


def sentences(
    meter: Meter, whisper: Whisper, blocks: Iterator[np.ndarray], language: Language
) -> Iterator[list[Found]]:
    """Each stretch's sentences and its speech without words, in order, each with its sound and a margin."""
    parts, timed = stretches(blocks, VOICE_WITH_WORDS, MAX_STRETCH_S), partial(meter.timed, "words")
    for stretch, spoken, told in written_ahead(whisper, parts, language, whisper.at_once, timed):
        wide, alone = covering(spans(told), stretch.speech)
        out = [Found(*span, *stretch.around(span), [], spoken) for span in alone]
        for words, span in zip(told, wide, strict=True):
            # Sound beside the words is within the sentence's times, but isn't used for the prediction: on 120 clips of
            # RAVDESS its breath and hum made three right predictions wrong and one wrong prediction right.
            sound = stretch.around((words[0]["start"], words[-1]["end"]))
            out.append(Found(*span, *sound, words, spoken))
        yield sorted(out, key=lambda found: found.start)


def everything(
    meter: Meter, whisper: Whisper | None, blocks: Iterator[np.ndarray], language: Language, name: str
) -> Found:
    """All of a recording as one segment, with its words. Raises BadClip where it is too long for that."""
    kept, seconds = list[np.ndarray](), 0.0
    for block in blocks:
        kept.append(block)
        seconds += len(block) / SAMPLE_RATE
        if seconds > LONGEST_WHOLE_S:
            raise BadClip(
                f"{name} is longer than {LONGEST_WHOLE_S:.0f} s, too long for one emotion: leave --one out, and each "
                "sentence gets its own."
            )
    words, spoken = list[Word](), None
    if whisper:
        said = [one for found in sentences(meter, whisper, iter(kept), language) for one in found]
        words = [word for found in said for word in found.words]
        spoken = next((found.language for found in said if found.language), None)
    return Found(0.0, seconds, 0.0, np.concatenate(kept), words, spoken)
