"""CREMA-D's files -> clip table: 91 American actors say twelve sentences in six emotions.

Cao et al. 2014 (IEEE Transactions on Affective Computing 5, 377-390). `1001_DFA_ANG_XX.wav`: actor, sentence, emotion,
level (low, medium, high, or XX where none was asked for; one file has a single X). Calm isn't among its emotions.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from intone.data.labels import LABELS
from intone.data.named_corpus import NamedCorpus
from intone.errors import BadClip

SENTENCES: Final = {
    "DFA": "Don't forget a jacket",
    "IEO": "It's eleven o'clock",
    "IOM": "I'm on my way to the meeting",
    "ITH": "I think I have a doctor's appointment",
    "ITS": "I think I've seen this before",
    "IWL": "I would like a new alarm clock",
    "IWW": "I wonder what this is about",
    "MTI": "Maybe tomorrow it will be cold",
    "TAI": "The airplane is almost full",
    "TIE": "That is exactly what happened",
    "TSI": "The surface is slick",
    "WSI": "We'll stop in a couple of minutes",
}

LEVELS: Final = {"LO": "low", "MD": "medium", "HI": "high", "XX": "", "X": ""}

NO_SOUND: Final = ("1076_MTI_SAD_XX",)
"""Published without sound."""

# fmt: off
WOMEN: Final = frozenset((
    1002, 1003, 1004, 1006, 1007, 1008, 1009, 1010, 1012, 1013, 1018, 1020, 1021, 1024, 1025,
    1028, 1029, 1030, 1037, 1043, 1046, 1047, 1049, 1052, 1053, 1054, 1055, 1056, 1058, 1060,
    1061, 1063, 1072, 1073, 1074, 1075, 1076, 1078, 1079, 1082, 1084, 1089, 1091,
))
# fmt: on
"""Actors, by the corpus's VideoDemographics.csv; the others are men."""

_NAME = re.compile(r"(10\d\d)_([A-Z]{3})_(ANG|DIS|FEA|HAP|NEU|SAD)_(LO|MD|HI|XX?)", re.ASCII)


def describe(path: Path) -> Mapping[str, str] | None:
    """A file -> what its name says; None for another name. Raises BadClip for the one without sound."""
    if not (named := _NAME.fullmatch(path.stem)):
        return None
    if path.stem in NO_SOUND:
        raise BadClip("it was published without sound")
    actor, statement, emotion, level = named.groups()
    return {
        "speaker": actor,
        "sex": "female" if int(actor) in WOMEN else "male",
        "emotion": LABELS[emotion.lower()],
        "intensity": LEVELS[level],
        "statement": statement,
        "repetition": "1",
    }


CREMAD = NamedCorpus(
    name="cremad",
    title="CREMA-D",
    variable="INTONE_CREMAD",
    describe=describe,
    source="github.com/CheyneyComputerScience/CREMA-D",
    licence="ODbL 1.0",
    language="en",
    may_ship=True,
    sentences=SENTENCES,
)
