"""SAVEE's files -> clip table: four English men say fifteen sentences in each of seven emotions, 30 as neutral.

Haq & Jackson 2009 (AVSP, 53-58). `DC/a01.wav`, in another copy `DC_a01.wav`: speaker, emotion, sentence. Letters are
the emotion's own, two where one would be ambiguous. Calm isn't among its emotions.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from intone.data.named_corpus import NamedCorpus

EMOTION: Final = {
    "a": "angry",
    "d": "disgust",
    "f": "fearful",
    "h": "happy",
    "n": "neutral",
    "sa": "sad",
    "su": "surprised",
}

_NAME = re.compile(r"(?:(DC|JE|JK|KL)_)?(sa|su|[adfhn])(\d\d)", re.ASCII)
_SPEAKER = re.compile(r"DC|JE|JK|KL", re.ASCII)


def describe(path: Path) -> Mapping[str, str] | None:
    """A file -> what its name says, and its folder's where that has the speaker; None for another name."""
    if not (named := _NAME.fullmatch(path.stem)):
        return None
    speaker = named.group(1) or path.parent.name
    if not _SPEAKER.fullmatch(speaker):
        return None
    letters, sentence = named.group(2), named.group(3)
    return {
        "speaker": speaker,
        "sex": "male",
        "emotion": EMOTION[letters],
        "statement": f"{letters}{sentence}",
        "repetition": "1",
        "file": f"{speaker}_{letters}{sentence}",
    }


SAVEE = NamedCorpus(
    "savee",
    "SAVEE",
    "INTONE_SAVEE",
    describe,
    "kahlan.eps.surrey.ac.uk/savee",
    "research only, on registration",
    language="en",
    may_ship=False,
)
