"""A person's recordings -> a profile of their voice that is kept under a name, and that analyses adapt with.

A profile holds a count of sentences and means of the model's numbers over them: no sound, no words, no emotions. It
fits the model that made it and no other.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add as plus
from pathlib import Path
from typing import Final

import numpy as np

from intone.cache import cache_folder, digest, write_whole
from intone.errors import BadClip, IntoneError
from intone.inference.model import Model
from intone.inference.voice import Voice

NAME: Final = r"\w[\w.-]{0,80}"
"""Names that a profile can have."""

ARRAYS: Final = ("mean", "square", "proportions")


@dataclass(frozen=True)
class Profile:
    """What is known of one person's voice."""

    name: str
    model: str
    """Name of the model that made it."""
    key: str
    """Digest of that model's card and model of voices."""
    seconds: float
    """Duration of the sentences."""
    voice: Voice

    def digest(self) -> str:
        """What an analysis with it depends on."""
        return digest(self.key, self.voice.count, *(getattr(self.voice, name).tobytes() for name in ARRAYS))


def key(model: Model) -> str:
    """What a profile of this model's is bound to. Raises IntoneError for a model that can't adapt."""
    if model.voices is None:
        raise IntoneError(f"{model.name} can't adapt to a voice: take a model that can, such as the packaged one.")
    arrays = model.voices.arrays()
    return digest(model.card.fingerprint, *(name.encode() + arrays[name].tobytes() for name in sorted(arrays)))


def made(name: str, model: Model, sentences: Sequence[tuple[Voice, float]]) -> Profile:
    """The profile of sentences and their durations. Raises BadClip where there is none."""
    if not sentences:
        raise BadClip(f"No speech was found for {name}: give recordings in which that person speaks, alone.")
    voice = reduce(plus, [voice for voice, _ in sentences])
    return Profile(name, model.name, key(model), sum(seconds for _, seconds in sentences), voice)


def keep(profile: Profile) -> Path:
    """Keep it under its name, in place of an older one -> its file."""
    path, file = _place(profile.name), io.BytesIO()
    # Half precision is finer than what a hundred sentences more would change.
    arrays = {name: getattr(profile.voice, name).astype(np.float16) for name in ARRAYS}
    facts = np.array([profile.model, profile.key])
    numbers = np.array([profile.voice.count, profile.seconds])
    np.savez_compressed(file, facts=facts, numbers=numbers, **arrays)
    write_whole(path, file.getvalue())
    return path


def find(name: str) -> Profile:
    """The profile of a name. Raises IntoneError where there is none, and for a damaged file."""
    path = _place(name)
    if not path.is_file():
        known = ", ".join(names())
        remedy = f"known are {known}" if known else "`intone voice add NAME RECORDING` makes one"
        raise IntoneError(f"No voice is known as {name}: {remedy}.")
    try:
        with np.load(path, allow_pickle=False) as file:
            model, bound = file["facts"].tolist()
            count, seconds = file["numbers"].tolist()
            voice = Voice(int(count), *(file[array].astype(np.float64) for array in ARRAYS))
    # Of a damaged file NumPy and the modules below it raise anything, even tokenize.TokenError.
    except Exception as problem:
        raise IntoneError(f"{path} is damaged: `intone voice remove {name}`, and add it again.") from problem
    return Profile(name, model, bound, seconds, voice)


def fitting(name: str, model: Model) -> Voice:
    """The voice of a name, for this model. Raises IntoneError where another model made the profile."""
    profile = find(name)
    if profile.key != key(model):
        raise IntoneError(
            f"The voice {name} was made by {profile.model}, and this is {model.name}: `intone voice add {name} …` "
            "makes it anew."
        )
    return profile.voice


def names() -> list[str]:
    """Names that are known."""
    return sorted(path.stem for path in _folder().glob("*.npz"))


def remove(name: str) -> None:
    """Forget a voice. Raises IntoneError where it isn't known."""
    path = _place(name)
    if not path.is_file():
        find(name)  # says what is known
    path.unlink()


def _place(name: str) -> Path:
    if not re.fullmatch(NAME, name):
        raise IntoneError(f"{name!r} can't be a voice's name: letters, digits, dots, dashes and underscores.")
    return _folder() / f"{name}.npz"


def _folder() -> Path:
    return cache_folder() / "profiles"
