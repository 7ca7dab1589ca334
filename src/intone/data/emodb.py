"""EMO-DB's files -> clip table: ten German actors; six of its seven emotions are among the eight.

Burkhardt et al. 2005 (Interspeech, 1517-1520). `03a01Wa.wav`: speaker, sentence, emotion (a letter of the German word),
take. Boredom has no name among RAVDESS's eight: its clips are left out.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from intone.data.named_corpus import NamedCorpus
from intone.errors import BadClip

EMOTION: Final = {"W": "angry", "E": "disgust", "A": "fearful", "F": "happy", "T": "sad", "N": "neutral"}
"""Letter in a file's name -> emotion."""

MEN: Final = ("03", "10", "11", "12", "15")
"""Male speakers; the others are female."""

_NAME = re.compile(r"(\d\d)([ab]\d\d)([A-Z])([a-z])", re.ASCII)


def describe(path: Path) -> Mapping[str, str] | None:
    """A file -> what its name says; None for another name. Raises BadClip for boredom."""
    if not (named := _NAME.fullmatch(path.stem)):
        return None
    speaker, statement, letter, repetition = named.groups()
    if letter not in EMOTION:
        raise BadClip("its emotion has no name among the eight")
    sex = "male" if speaker in MEN else "female"
    return {
        "speaker": speaker,
        "sex": sex,
        "emotion": EMOTION[letter],
        "statement": statement,
        "repetition": repetition,
    }


EMODB = NamedCorpus(
    "emodb", "EMO-DB", "INTONE_EMODB", describe, "emodb.bilderbar.info", "CC0 1.0", language="de", may_ship=True
)
