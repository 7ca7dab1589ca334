"""TESS's files -> clip table: two actresses, aged 26 and 64, say "Say the word …" with 200 words in seven emotions.

Pichora-Fuller & Dupuis 2020, doi 10.5683/SP2/E8H2MF. `OAF_back_angry.wav`: actress, word, emotion; `ps` is pleasant
surprise. One published file, `OA_bite_neutral.wav`, lacks a letter. Kaggle's copy holds each clip twice: used once.
Calm isn't among its emotions.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from intone.data.labels import LABELS
from intone.data.named_corpus import NamedCorpus

ACTRESSES: Final = {"OAF": "older", "OA": "older", "YAF": "younger"}

_NAME = re.compile(r"(OAF|OA|YAF)_([a-z]+)_(angry|disgust|fear|happy|neutral|ps|sad)", re.ASCII | re.IGNORECASE)


def describe(path: Path) -> Mapping[str, str] | None:
    """A file -> what its name says; None for another name."""
    if not (named := _NAME.fullmatch(path.stem)):
        return None
    actress, word, emotion = named.group(1).upper(), named.group(2).lower(), named.group(3).lower()
    return {
        "speaker": ACTRESSES[actress],
        "sex": "female",
        "emotion": "surprised" if emotion == "ps" else LABELS[emotion],
        "statement": word,
        "repetition": "1",
    }


TESS = NamedCorpus(
    "tess",
    "TESS",
    "INTONE_TESS",
    describe,
    "doi.org/10.5683/SP2/E8H2MF",
    "CC BY-NC-ND 4.0",
    language="en",
    may_ship=False,
)
