"""A folder with EMO-DB -> `Corpus`: ten German actors, of whose seven emotions six have a name here.

EMO-DB: Burkhardt et al. 2005 (Interspeech, 1517-1520), emodb.bilderbar.info. Boredom has no name among the eight: its
clips are in `Corpus.skipped`.
"""

import os
import re
from pathlib import Path
from typing import Final

import pandas as pd

from intone.audio.clip import duration
from intone.data.corpus import CLIP_COLUMNS, Corpus, Skipped
from intone.errors import BadClip, Missing

EMOTION: Final = {"W": "angry", "E": "disgust", "A": "fearful", "F": "happy", "T": "sad", "N": "neutral"}
"""Letter in a file's name (of the German word) -> our name."""

MEN: Final = ("03", "10", "11", "12", "15")
"""Speakers; the others are women."""

_NAME = re.compile(r"(\d\d)([ab]\d\d)([A-Z])([a-z])", re.ASCII)
_SUFFIXES = (".wav", ".flac")


def load(folder: Path | None = None) -> Corpus:
    """The clip table of the WAV or FLAC files in `folder`, else in INTONE_EMODB, else in data/emodb.

    Raises Missing where no clip of it is there.
    """
    place = Path(folder or os.environ.get("INTONE_EMODB") or "data/emodb").expanduser()
    rows, paths, skipped = [], {}, []
    for path in sorted(place.glob("**/*")):
        named = _NAME.fullmatch(path.stem)
        if not named or path.suffix.lower() not in _SUFFIXES:
            continue
        speaker, statement, letter, repetition = named.groups()
        if letter not in EMOTION:
            skipped.append(Skipped(path.name, "its emotion has no name among the eight"))
            continue
        try:
            seconds = duration(path)
        except BadClip as problem:
            skipped.append(Skipped(path.name, str(problem)))
            continue
        file, sex = f"{path.stem}.wav", "male" if speaker in MEN else "female"
        paths[file] = path
        rows.append((file, "emodb", f"emodb-{speaker}", sex, EMOTION[letter], "", statement, repetition, seconds))
    if not rows:
        raise Missing(f"There is no EMO-DB in {place}: its WAV files, as emodb.bilderbar.info has them.")
    return Corpus("emodb", pd.DataFrame(rows, columns=list(CLIP_COLUMNS)), paths, tuple(skipped))
