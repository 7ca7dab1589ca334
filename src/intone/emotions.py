"""The eight emotion labels in RAVDESS's own order, their colours and the map from GoEmotions' labels onto them."""

from typing import Final

EMOTIONS: Final = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
"""Every table, model output and figure keeps this order; it stands nowhere else."""

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
"""GoEmotions label (Demszky et al. 2020) -> ours; comments with any other label are left out."""
