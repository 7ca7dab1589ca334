"""RAVDESS's eight emotions in RAVDESS's order; labels -> their colours; GoEmotions' labels -> the eight emotions."""

from collections.abc import Sequence
from typing import Final

EMOTIONS: Final = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
"""The labels of a corpus unless it has its own; every table, model output and figure keeps this order."""

DIMENSIONS: Final = ("arousal", "dominance", "valence")
"""What some models rate from 0 to 1 (calm to excited, weak to strong, negative to positive) in place of emotions."""

INDEX: Final = {emotion: i for i, emotion in enumerate(EMOTIONS)}

# Paul Tol's "muted" scheme (SRON technical note, 2021): told apart in print and by colour-blind readers.
COLOURS: Final = {
    "neutral": "#777777",
    "calm": "#88CCEE",
    "happy": "#DDCC77",
    "sad": "#332288",
    "angry": "#CC6677",
    "fearful": "#AA4499",
    "disgust": "#117733",
    "surprised": "#44AA99",
}

FURTHER_COLOURS: Final = ("#999933", "#882255", "#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#EE7733")
"""For labels beyond the eight: the rest of that scheme, and of Tol's "bright" and "vibrant" ones."""


def colours_of(labels: Sequence[str]) -> dict[str, str]:
    """Label -> `#rrggbb`: the eight emotions have fixed colours, other labels take the remaining ones in turn."""
    left = [*FURTHER_COLOURS, *(colour for emotion, colour in COLOURS.items() if emotion not in labels)]
    others = [label for label in labels if label not in COLOURS]
    return {label: COLOURS[label] if label in COLOURS else left[others.index(label) % len(left)] for label in labels}


GOEMOTIONS: Final = {
    "neutral": "neutral",
    "relief": "calm",
    "caring": "calm",
    "joy": "happy",
    "sadness": "sad",
    "anger": "angry",
    "fear": "fearful",
    "disgust": "disgust",
    "surprise": "surprised",
}
"""GoEmotions label (Demszky et al. 2020) -> one of the eight emotions; comments with any other label are left out."""
