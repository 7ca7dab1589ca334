"""A label as corpora and people write it -> one of the eight emotions, a label of its own, or "" for one left out.

The table below says which names mean one of the eight; any other name stands for itself.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from intone.emotions import EMOTIONS
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
"""Emotion -> other names of just that, in lower case: nouns, and the codes of three letters of IEMOCAP and CREMA-D.

Not here are labels that are no name of one of the eight (excited, boredom, frustration): they stand for themselves.
"""

LABELS: Final[Mapping[str, str]] = {e: e for e in EMOTIONS} | {name: e for e in EMOTIONS for name in SYNONYMS[e]}
"""Every name that is known -> its emotion."""

SHORTEST: Final = 2
"""Letters of a label that is a name and no code; in Chinese or Japanese a word may have no more."""

_COLUMNS: Final = ("file", "speaker", "fold", "split", "emotion", "predicted", "text", "language", "confidence")
RESERVED: Final = frozenset(
    (*_COLUMNS, "audio", "sentence", "words", "start", "end", "time", "times", "unsure", "damaged")
)
"""Columns and signs of intone's own tables and pages, which no label can be called."""

UNSURE: Final = "unsure"
"""What intone answers in the place of an emotion; such rows are left out."""


def mapping(text: str) -> dict[str, str]:
    """`boredom=neutral,excited=happy,other=` -> label in lower case -> emotion, "" where it is to be left out.

    Raises IntoneError for what is no such list, for an emotion that isn't one, and for a label that is mapped twice.
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
    """A label under its own name, as tables and programs can hold it: words joined by `_`; None where it is a code.

    Letters and numbers mean one emotion in one corpus and another in the next: `a` is anger in SAVEE, fear in EMO-DB.
    """
    name = re.sub(r"[^\w-]+", "_", plain(label)).strip("_")
    letters = sum(sign.isalpha() for sign in name)
    return None if letters < SHORTEST or name in RESERVED else name


def ordered(found: Iterable[str]) -> tuple[str, ...]:
    """Labels in the order of all tables of their corpus: the eight in theirs, then others by the alphabet."""
    names = set(found)
    return (*(e for e in EMOTIONS if e in names), *sorted(names - set(EMOTIONS)))


def emotion_of(label: str, names: Mapping[str, str]) -> str | None:
    """What a label means: by `names` (of `mapping`) first, as it stands or as its emotion, then by the table, else
    itself; None where it is a code that nothing explains, "" where such rows are left out."""
    label = plain(label)
    if label in names:
        return names[label]
    if label in LABELS:
        return names.get(LABELS[label], LABELS[label])
    if label == UNSURE:
        return ""
    name = own(label)
    return names.get(name, name) if name else None
