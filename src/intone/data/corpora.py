"""Corpora's names -> a `Corpus`, one or several as one: the only table of published corpora of acted speech.

A new one is one line.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from intone.data import ravdess
from intone.data.corpus import Corpus
from intone.data.cremad import CREMAD
from intone.data.emodb import EMODB
from intone.data.labels import ordered
from intone.data.named_corpus import NamedCorpus
from intone.data.nemo import NEMO
from intone.data.savee import SAVEE
from intone.data.tess import TESS
from intone.errors import IntoneError

NAMED: Final[Mapping[str, NamedCorpus]] = {c.name: c for c in (EMODB, NEMO, CREMAD, TESS, SAVEE)}
"""Corpora whose file names give all labels; RAVDESS has a reader of its own."""

NAMES: Final = ("ravdess", *NAMED)

JOINED: Final = "+"
"""Between the names of corpora that are used as one."""


def load(name: str, folder: Path | None = None) -> Corpus:
    """A corpus below `folder`, else its environment variable's folder, else data/NAME. Raises IntoneError, Missing."""
    if name == "ravdess":
        return ravdess.load(folder)
    if name not in NAMED:
        raise IntoneError(f"There is no corpus {name!r}: choose among {', '.join(NAMES)}.")
    return NAMED[name].load(folder)


def together(names: Sequence[str]) -> Corpus:
    """Several corpora as one, each below its own folder; its clip table says which clip is of which corpus.

    Raises IntoneError where a name is given twice, or two corpora have a file of the same name; and as `load` does.
    """
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise IntoneError(f"--corpora names {', '.join(twice)} twice: name each corpus once.")
    parts = [load(name) for name in names]
    if len(parts) == 1:
        return parts[0]
    clips = pd.concat([part.clips for part in parts]).sort_values("file", ignore_index=True)
    if (same := clips["file"].duplicated()).any():
        raise IntoneError(f"Two corpora have a file {clips['file'][same].iloc[0]}: take one of them at a time.")
    return Corpus(
        JOINED.join(names),
        clips,
        {file: path for part in parts for file, path in part.paths.items()},
        tuple(skipped for part in parts for skipped in part.skipped),
        labels=ordered(clips["emotion"]),
        flags=f"--corpora {' '.join(names)}",
    )


def licences(name: str) -> str:
    """The licence of a model that learned from a corpus, or from each of several with `JOINED` between them."""
    return "; ".join(_licence(part) for part in name.split(JOINED))


def languages(name: str) -> tuple[str, ...]:
    """Codes of the languages of a corpus, or of several with `JOINED` between them; a table's are taken for English."""
    return tuple(dict.fromkeys(NAMED[part].language if part in NAMED else "en" for part in name.split(JOINED)))


def _licence(name: str) -> str:
    if name == "ravdess":
        return ravdess.LICENCE
    return f"{NAMED[name].licence} ({NAMED[name].title})" if name in NAMED else f"that of {name}"
