"""GoEmotions' three TSV files -> a table of comments, each with one of the eight emotions: `id, text, emotion, part`.

Demszky et al. 2020, "GoEmotions: A Dataset of Fine-Grained Emotions", ACL (Apache 2.0). The files hold one comment per
line: text, comma-separated label numbers, id.
"""

import csv
import os
import re
from pathlib import Path
from typing import Final

import pandas as pd

from intone.cache import digest
from intone.download import fetch
from intone.emotions import GOEMOTIONS
from intone.errors import Missing

PARTS: Final = ("train", "dev", "test")

SOURCE: Final = "https://raw.githubusercontent.com/google-research/google-research/master/goemotions/data/"

SHA256: Final = {
    "train.tsv": "1c254a142be5c00e80d819b9ae1bbd36d94b2eeb8f4b1271846508d57e57d9c5",
    "dev.tsv": "575489c079c9de1097062a01738f998590d6b7ead66dd1c9fd1d2ba01fd8bc62",
    "test.tsv": "0587b2dd8b27b97352adbfc3fb083d46005c8946657fdc2b1ca8b1cc7f1f8be4",
    "emotions.txt": "45c3ef86782d2a4d7fedcd6d8c111aa0d0e94720689bd164fac94fefb4495a89",
}
"""The published files' hashes; `emotions.txt` (the label names, by number) may also be called `labels.txt`."""

PAIRING_SHARE: Final = 4
"""One in this many comments of the train part is set aside for pairing with clips; no text model is trained on it."""


def find(folder: Path | None = None, beside: Path | None = None) -> Path:
    """The folder with the files: the argument, `INTONE_GOEMOTIONS`, `data/goemotions`, or a neighbour of `beside`.

    `beside` is the RAVDESS folder; its neighbour `goemotions` is tried last. Raises Missing where none has them.
    """
    named = folder or (Path(os.environ["INTONE_GOEMOTIONS"]) if os.environ.get("INTONE_GOEMOTIONS") else None)
    # A folder that the user named is never silently replaced by another.
    places = [named] if named else [Path("data/goemotions"), *([beside.parent / "goemotions"] if beside else [])]
    for place in places:
        if all((place / f"{part}.tsv").is_file() for part in PARTS) and _names_file(place):
            return place
    where = " or ".join(str(place) for place in places)
    raise Missing(
        f"GoEmotions (train.tsv, dev.tsv, test.tsv, emotions.txt) is not in {where}: `intone data get goemotions`."
    )


def get(folder: Path = Path("data/goemotions")) -> Path:
    """Download the four published files (4.4 MB) into `folder`; complete ones that are already there are kept.

    Raises IntoneError when a file can't be fetched or is not the published one, byte for byte.
    """
    for name, checksum in SHA256.items():
        fetch(SOURCE + name, folder / name, f"sha256:{checksum}")
    return folder


def load(folder: Path) -> pd.DataFrame:
    """Comments with exactly one label that maps to one of the eight emotions: `id, text, emotion, part`, sorted by
    `id`.

    A comment whose words occur in two parts is dropped from all of them, whatever its labels; one that occurs twice in
    a part is kept once (the first id), so that the two can't be on both sides of `reserved`.
    """
    names = _names_file(folder)
    if names is None:
        raise Missing(f"{folder} has no emotions.txt: `intone data get goemotions`.")
    labels = names.read_text(encoding="utf-8").split()
    table = pd.concat([_read(folder / f"{part}.tsv", part) for part in PARTS], ignore_index=True)
    words = table["text"].map(same_words)
    in_parts = table.groupby(words)["part"].transform("nunique")
    single = table["labels"].str.fullmatch(r"\d+")
    table, words = table[(in_parts == 1) & single], words[(in_parts == 1) & single]
    emotion = table["labels"].map(lambda label: GOEMOTIONS.get(labels[int(label)]))
    table = table.assign(emotion=emotion, words=words).dropna(subset=["emotion"]).sort_values("id")
    return table.drop_duplicates("words")[["id", "text", "emotion", "part"]].reset_index(drop=True)


def reserved(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train part -> (comments to train text models on, the quarter set aside for pairing with training clips).

    The quarter is chosen by the hash of a comment's id, so that it doesn't depend on the rest of the table. Without it,
    a fusion model would be trained on a text model's predictions for its own training sentences.
    """
    train = table[table["part"] == "train"]
    aside = train["id"].map(lambda name: int(digest("pairing", name), 16) % PAIRING_SHARE == 0).astype(bool)
    return train[~aside].reset_index(drop=True), train[aside].reset_index(drop=True)


def same_words(text: str) -> str:
    """Text -> its words without case, spacing and punctuation, which are equal for two copies of a comment."""
    return " ".join(re.findall(r"\w+", text.casefold())) or text.strip()


def _names_file(folder: Path) -> Path | None:
    return next((path for name in ("emotions.txt", "labels.txt") if (path := folder / name).is_file()), None)


def _read(path: Path, part: str) -> pd.DataFrame:
    columns = ["text", "labels", "id"]
    # Comments hold unpaired quotation marks, and some say "null" or "NA": everything has to be read as plain text.
    table = pd.read_csv(
        path, sep="\t", header=None, names=columns, quoting=csv.QUOTE_NONE, dtype=str, keep_default_na=False
    )
    return table.assign(part=part)
