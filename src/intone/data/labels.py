"""A label as corpora and people write it -> one of the eight emotions, or "" for one that is to be left out."""

from collections.abc import Mapping
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

Not here are letters and numbers, which mean one emotion in one corpus and another in the next (`a` is anger in SAVEE
and fear in EMO-DB), and labels that are no name of one of the eight (excited, boredom, frustration).
"""

LABELS: Final[Mapping[str, str]] = {e: e for e in EMOTIONS} | {name: e for e in EMOTIONS for name in SYNONYMS[e]}
"""Every name that is known -> its emotion."""

UNSURE: Final = "unsure"
"""What intone answers in the place of an emotion; such rows are left out."""


def accepted() -> str:
    """The eight, with their other names: `happy (happiness, hap, joy, joyful), …`."""
    return ", ".join(f"{emotion} ({', '.join(SYNONYMS[emotion])})" for emotion in EMOTIONS)


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
        if meant and meant not in LABELS:
            raise IntoneError(f"--map {pair}: there is no emotion {meant!r}; choose one of {', '.join(EMOTIONS)}.")
        emotion = LABELS.get(meant, "")
        if found.setdefault(label, emotion) != emotion:
            raise IntoneError(f"--map gives {label!r} two emotions: keep one of them.")
    return found


def plain(label: str) -> str:
    """A label in lower case, with single blanks."""
    return " ".join(label.lower().split())


def emotion_of(label: str, names: Mapping[str, str]) -> str | None:
    """What a label means: by `names` (of `mapping`) first, as it stands or as its emotion; None where it is unknown."""
    label = plain(label)
    if label in names:
        return names[label]
    if label in LABELS:
        return names.get(LABELS[label], LABELS[label])
    return "" if label == UNSURE else None
