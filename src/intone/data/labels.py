"""A label as corpora and people write it -> one of the eight emotions, a label of its own, or "" for one left out.

The table below lists the names of the eight emotions; any other name is a label of its own.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from intone.emotions import DIMENSIONS, EMOTIONS
from intone.errors import IntoneError

SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "neutral": ("neu", "neutrality"),
    "calm": ("calmness",),
    "happy": ("happiness", "hap", "joy", "joyful"),
    "sad": ("sadness",),
    "angry": ("anger", "ang"),
    "fearful": ("fear", "fea", "afraid"),
    "disgust": ("disgusted", "dis"),
    "surprised": ("surprise", "sur"),
}
"""Emotion -> its other names, in lower case: nouns, and the three-letter codes of IEMOCAP and CREMA-D.

Labels that don't name one of the eight (excited, boredom, frustration) aren't here: they are labels of their own.
"""

LABELS: Final[Mapping[str, str]] = {e: e for e in EMOTIONS} | {name: e for e in EMOTIONS for name in SYNONYMS[e]}
"""Every known name -> its emotion."""

SHORTEST: Final = 2
"""Least number of letters of a label that is a name and not a code; a Chinese or Japanese word may have only two."""

_COLUMNS: Final = ("file", "speaker", "fold", "split", "emotion", "predicted", "text", "language", "confidence")
RESERVED: Final = frozenset(
    (*_COLUMNS, *DIMENSIONS, "audio", "sentence", "words", "start", "end", "time", "times", "unsure", "damaged")
)
"""Names in intone's own tables and pages, which no label may have."""

UNSURE: Final = "unsure"
"""What intone writes instead of an emotion; such rows are left out."""


def mapping(text: str) -> dict[str, str]:
    """`boredom=neutral,excited=happy,other=` -> label in lower case -> emotion, "" where it is to be left out.

    Raises IntoneError for a text of another form, for an emotion that isn't one, and for a label that is mapped twice.
    """
    found: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        label, mark, meant = map(plain, pair.partition("="))
        if not mark or not label:
            raise IntoneError(
                f"--map takes LABEL=EMOTION, with commas between, such as boredom=neutral, and not {pair!r}."
            )
        if meant and own(meant) is None:
            raise IntoneError(f"--map {pair}: {meant!r} names no emotion: give a word, such as {', '.join(EMOTIONS)}.")
        emotion = LABELS.get(meant) or own(meant) or ""
        if found.setdefault(label, emotion) != emotion:
            raise IntoneError(f"--map gives {label!r} two emotions: keep one of them.")
    return found


def plain(label: str) -> str:
    """A label in lower case, with single blanks."""
    return " ".join(label.lower().split())


def own(label: str) -> str | None:
    """A label's own name in a form for tables and programs: words joined by `_`; None where it is a code or reserved.

    Letters and numbers mean one emotion in one corpus and another in the next: `a` is anger in SAVEE, fear in EMO-DB.
    """
    name = re.sub(r"[^\w-]+", "_", plain(label)).strip("_")
    letters = sum(sign.isalpha() for sign in name)
    return None if letters < SHORTEST or name in RESERVED else name


def ordered(found: Iterable[str]) -> tuple[str, ...]:
    """Labels in the order of all tables of their corpus: the eight in their own order, then others alphabetically."""
    names = set(found)
    return (*(e for e in EMOTIONS if e in names), *sorted(names - set(EMOTIONS)))


def emotion_of(label: str, names: Mapping[str, str]) -> str | None:
    """The emotion of a label: first by `names` (of `mapping`), for the label itself or its emotion; then by `LABELS`;
    else its own name. None for a code that isn't known, "" where such rows are left out."""
    label = plain(label)
    if label in names:
        return names[label]
    if label in LABELS:
        return names.get(LABELS[label], LABELS[label])
    if label == UNSURE:
        return ""
    name = own(label)
    return names.get(name, name) if name else None
