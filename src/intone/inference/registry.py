"""A name, a path or None -> path of a model file: that path, one kept in the cache, or the package's own."""

import re
import shutil
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Final

import pandas as pd

from intone.cache import cache_folder
from intone.download import fetch, verified
from intone.errors import IntoneError, Missing
from intone.inference.model import Model
from intone.progress import say

DEFAULT: Final = "(default)"
"""Name of the package's own model in lists."""


def find(model: str | Path | None) -> Path:
    """Path of the model file; a name that isn't kept here is taken for a path. Raises Missing where the package's own
    model is wanted and isn't there."""
    if model is None:
        if not own().is_file():
            raise Missing("This copy of intone comes without a model: name one, or make one with `intone export`.")
        return own()
    kept = _place(str(model))
    return kept if kept and kept.is_file() else Path(model)


def own() -> Path:
    """Path of the model in the package."""
    return Path(str(resources.files("intone").joinpath("model.onnx")))


def add(name: str, source: str, sha256: str) -> Path:
    """Keep the model at `source`, a path or an address, under a name; `sha256` (hex) says which file it has to be.

    Raises IntoneError for an invalid name, for a file with another sha256, and for one that isn't a model of intone's.
    """
    place = _place(name)
    if place is None:
        raise IntoneError(f"{name!r} can't be a model's name: letters, digits, dots, dashes and underscores.")
    if not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise IntoneError("A sha256 has 64 hexadecimal digits: give that of the file.")
    fresh = place.with_name(f"{place.name}.new")  # a model already kept under the name stays until this one is verified
    fresh.unlink(missing_ok=True)
    try:
        _bring(source, fresh, f"sha256:{sha256.lower()}")
        Model(fresh, threads=1)
    except IntoneError:
        fresh.unlink(missing_ok=True)
        raise
    fresh.replace(place)
    return place


def _bring(source: str, to: Path, checksum: str) -> None:
    if "://" in source:
        fetch(source, to, checksum)
        return
    if not Path(source).is_file():
        raise Missing(f"{source} is not there.")
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, to)
    try:
        verified(to, checksum, source)
    except IntoneError as error:
        raise IntoneError(f"{source} is another file than the one with that sha256: check which is right.") from error


def listing() -> pd.DataFrame:
    """Columns name, what, size (MB), licence, installed: the package's own model and those that were added."""
    rows = []
    for name, path in here().items():
        try:
            card = Model(path, threads=1).card
        except IntoneError as problem:  # one damaged file must not hide the others
            say(str(problem))
            continue
        kind = "dimensions" if card.dimensions else "emotion"
        what = f"{kind} of speech: {card.name}, trained on {card.trained_on}"
        what += "" if card.calibrated else "; calibration unknown"
        rows.append((name, what, round(path.stat().st_size / 1e6), card.licence, True))
    return pd.DataFrame(rows, columns=["name", "what", "size", "licence", "installed"])


def facts() -> list[str]:
    """Scores of each model here, and how closely its file matches its network, one per line."""
    found = []
    for name, path in here().items():
        with suppress(IntoneError):  # `listing` reports it
            found += [f"{name}: {fact}" for fact in Model(path, threads=1).facts()]
    return found


def here() -> dict[str, Path]:
    """Name -> file of every model on this machine, the package's own first."""
    kept = sorted((cache_folder() / "analysers").glob("*.onnx"))
    return ({DEFAULT: own()} if own().is_file() else {}) | {path.stem: path for path in kept}


def _place(name: str) -> Path | None:
    """Path of a name's file in the cache; None for an invalid name."""
    return cache_folder() / "analysers" / f"{name}.onnx" if re.fullmatch(r"\w[\w.-]{0,80}", name) else None
