"""nEMO's files -> clip table: nine Polish actors, six emotions.

Christop 2024, "nEMO: Dataset of emotional speech in Polish" (LREC-COLING). `EB0_anger_12.wav`: speaker, emotion,
sentence. Calm isn't among its emotions: its neutral clips are neutral.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from intone.data.labels import LABELS
from intone.data.named_corpus import NamedCorpus

MEN: Final = ("KS0", "MP0", "SM0", "TP0", "WR0")
"""Male speakers; the others are female."""

_NAME = re.compile(r"([A-Z]{2}\d)_(anger|fear|happiness|neutral|sadness|surprised)_(\d+)", re.ASCII)


def describe(path: Path) -> Mapping[str, str] | None:
    """A file -> what its name says; None for another name."""
    if not (named := _NAME.fullmatch(path.stem)):
        return None
    speaker, emotion, statement = named.groups()
    sex = "male" if speaker in MEN else "female"
    return {"speaker": speaker, "sex": sex, "emotion": LABELS[emotion], "statement": statement, "repetition": "1"}


NEMO = NamedCorpus(
    "nemo",
    "nEMO",
    "INTONE_NEMO",
    describe,
    "huggingface.co/datasets/amu-cai/nEMO",
    "CC BY-NC-SA 4.0",
    language="pl",
    may_ship=True,
)
