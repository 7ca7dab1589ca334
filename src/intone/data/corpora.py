"""A corpus's name -> its `Corpus`: the only table of published corpora of acted speech; a new one is one line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from intone.data import ravdess
from intone.data.corpus import Corpus
from intone.data.cremad import CREMAD
from intone.data.emodb import EMODB
from intone.data.named_corpus import NamedCorpus
from intone.data.nemo import NEMO
from intone.data.savee import SAVEE
from intone.data.tess import TESS
from intone.errors import IntoneError

NAMED: Final[Mapping[str, NamedCorpus]] = {c.name: c for c in (EMODB, NEMO, CREMAD, TESS, SAVEE)}
"""Corpora whose file names give all labels; RAVDESS has a reader of its own."""

NAMES: Final = ("ravdess", *NAMED)


def load(name: str, folder: Path | None = None) -> Corpus:
    """A corpus below `folder`, else its environment variable's folder, else data/NAME. Raises IntoneError, Missing."""
    if name == "ravdess":
        return ravdess.load(folder)
    if name not in NAMED:
        raise IntoneError(f"There is no corpus {name!r}: choose among {', '.join(NAMES)}.")
    return NAMED[name].load(folder)
