"""Clip table + fold + track -> a sentence (text) for every clip of the fold: the input of the text branch.

A track is one source of words. RAVDESS's speakers say two sentences, which carry no information about the emotion. So
each track that gives the text branch other words has a note, which stands beside every number made with it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import pandas as pd

from intone.cache import digest
from intone.data.goemotions import reserved
from intone.data.labels import ordered
from intone.data.splits import PARTS, Split
from intone.errors import IntoneError, Missing
from intone.text import normalise

NOTES: Final[Mapping[str, str]] = {
    "none": "no words at all: audio alone",
    "asr": "what Whisper heard, lower-cased and without punctuation",
    "asr_punctuated": "what Whisper heard, with its punctuation: measures a side channel",
    "simulated": "sentences made from the label: leaky by construction",
    "natural": "paired by label: measures fusion, not RAVDESS",
    "constant": "control: the same sentence for every clip",
    "shuffled": "control: what Whisper heard in some other clip",
}
"""A note on each track, shown wherever a number made with it stands."""

TRACKS: Final = tuple(NOTES)

LEAKY: Final = frozenset({"simulated"})
"""Tracks whose words are made from the clip's label."""

CONSTANT: Final = "People are talking by the door."

SIMULATED: Final[Mapping[str, tuple[str, ...]]] = {
    "neutral": (
        "The meeting is at ten.",
        "I put the keys on the table.",
        "The bus stops at the corner.",
        "It is half past four.",
        "They sell bread and milk here.",
    ),
    "calm": (
        "Take your time, there is no hurry.",
        "Everything is quiet and peaceful now.",
        "Let us sit down and breathe slowly.",
        "It is all right, I am here with you.",
        "I feel relaxed and at ease.",
    ),
    "happy": (
        "I am so happy, this is wonderful!",
        "What a great day, I love it!",
        "We won, I can't stop smiling!",
        "That is the best news ever!",
        "I am delighted to see you!",
    ),
    "sad": (
        "I miss him so much.",
        "I feel so sad and alone.",
        "Nothing will ever be the same again.",
        "I could not stop crying last night.",
        "It breaks my heart to say goodbye.",
    ),
    "angry": (
        "I am furious, get out of here!",
        "How dare you talk to me like that!",
        "Stop lying to me, I have had enough!",
        "This makes me so angry!",
        "I hate it when you do that!",
    ),
    "fearful": (
        "I am scared, please don't leave me.",
        "Did you hear that? Someone is in the house.",
        "I am terrified of what will happen.",
        "Please help me, I am so afraid.",
        "My hands won't stop shaking with fear.",
    ),
    "disgust": (
        "That is disgusting, take it away.",
        "Ugh, this smells rotten.",
        "It makes me sick just to look at it.",
        "How gross, I can't eat that.",
        "What a revolting mess.",
    ),
    "surprised": (
        "Wow, I did not expect that!",
        "What? You are really here?",
        "I can't believe it, what a surprise!",
        "Oh my, where did that come from?",
        "No way, is that true?",
    ),
}
"""Sentences that state the emotion outright."""

SEED: Final = 0


def sentences(
    track: str,
    split: Split,
    clips: pd.DataFrame,
    transcripts: pd.DataFrame | None = None,
    goemotions: pd.DataFrame | None = None,
) -> pd.Series:
    """The sentence of each clip of the fold, indexed by `file` in the order of the parts; row order doesn't matter.

    `transcripts` has the columns `file, text` (needed by asr, asr_punctuated and shuffled), `goemotions` is the table
    of `intone.data.goemotions.load` (needed by natural). Raises IntoneError for an unknown track and Missing where a
    table that the track needs isn't given.
    """
    if track not in NOTES:
        raise IntoneError(f"There is no text track {track!r}: choose one of {', '.join(TRACKS)}.")
    emotions = dict(zip(clips["file"], clips["emotion"], strict=True))
    files = [file for part in PARTS for file in getattr(split, part)]
    if track == "natural":
        return _series(files, _natural(split, emotions, goemotions).__getitem__)
    if track == "simulated":
        return _series(files, lambda file: _simulated(file, emotions[file]))
    if track in ("none", "constant"):
        return _series(files, lambda _: CONSTANT if track == "constant" else "")
    recognised = _recognised(files, transcripts)
    if track == "asr_punctuated":
        return _series(files, recognised.__getitem__)
    other = _shuffled(split) if track == "shuffled" else {}
    return _series(files, lambda file: normalise(recognised[other.get(file, file)]))


def comments(split: Split, clips: pd.DataFrame, goemotions: pd.DataFrame) -> pd.DataFrame:
    """Which comment each clip of a fold has on the track natural: columns `protocol, fold, file, comment`, the last one
    a digest of its text."""
    paired = sentences("natural", split, clips, goemotions=goemotions)
    rows = {"protocol": split.protocol, "fold": split.fold, "file": paired.index}
    return pd.DataFrame({**rows, "comment": [digest(text)[:12] for text in paired]})


def _series(files: Sequence[str], sentence: Callable[[str], str]) -> pd.Series:
    return pd.Series([sentence(file) for file in files], pd.Index(files, name="file"), dtype=object, name="text")


def _recognised(files: Sequence[str], transcripts: pd.DataFrame | None) -> dict[str, str]:
    """`file` -> transcribed words; raises Missing where a clip has no transcript."""
    if transcripts is None:
        raise Missing("This text track needs transcripts, and Whisper for them: `intone models get whisper-base`.")
    recognised = dict(zip(transcripts["file"], transcripts["text"], strict=True))
    missing = [file for file in files if file not in recognised]
    if missing:
        raise Missing(f"{len(missing)} clips have no transcript ({missing[0]} the first): leave them out.")
    return recognised


def _simulated(file: str, emotion: str) -> str:
    if emotion not in SIMULATED:
        raise IntoneError(f"No sentence says {emotion} outright: the track simulated has the eight emotions alone.")
    choice = SIMULATED[emotion]
    return choice[int(digest(SEED, "simulated", file), 16) % len(choice)]


def _shuffled(split: Split) -> dict[str, str]:
    """`file` -> the clip of the same part whose words it gets; every clip's words are used once."""
    other: dict[str, str] = {}
    for part in PARTS:
        files = sorted(getattr(split, part))
        other |= dict(zip(files, _drawn(files, split, "shuffled"), strict=True))
    return other


def _natural(split: Split, emotions: Mapping[str, str], goemotions: pd.DataFrame | None) -> dict[str, str]:
    """`file` -> a comment of its emotion, each part from its own part of GoEmotions.

    Clips and comments are ordered by a hash of their keys and paired one by one, so that no comment is used twice in a
    fold before all have been used once.
    """
    if goemotions is None:
        raise Missing("The text track natural needs GoEmotions: `intone data get goemotions`.")
    pools = {
        "train": reserved(goemotions)[1],
        "validation": goemotions[goemotions["part"] == "dev"],
        "test": goemotions[goemotions["part"] == "test"],
    }
    dealt: dict[str, str] = {}
    for part, pool in pools.items():
        text = dict(zip(pool["id"], pool["text"], strict=True))
        for emotion in ordered(emotions.values()):
            files = [file for file in getattr(split, part) if emotions[file] == emotion]
            comments = _drawn(pool.loc[pool["emotion"] == emotion, "id"], split, "comment")
            if files and not comments:
                raise IntoneError(f"GoEmotions has no comment for {emotion} in the part that {part} clips draw from.")
            for i, file in enumerate(_drawn(files, split, "clip")):
                dealt[file] = text[comments[i % len(comments)]]
    return dealt


def _drawn(keys: Sequence[str] | pd.Series, split: Split, what: str) -> list[str]:
    """Keys in a random order that depends only on the keys, `what` and the fold."""
    return sorted(keys, key=lambda key: digest(SEED, what, split.protocol, split.fold, key))
