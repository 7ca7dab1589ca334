"""oruk-bench's Parquet shards (data/shards.py) -> what a model answers for each clip, and macro-F1 by language.

Answers are written shard by shard, as OUT/SHARD.parquet with the columns

    source_id, language, label, predicted string (both in the shard's spelling), a probability double for each label

A shard whose answers of the same model are there isn't done again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from intone.cache import digest, file_digest
from intone.data.shards import MERGED, SEVEN, ShardClip, clips_of, seven
from intone.errors import BadClip, IntoneError
from intone.evaluation.metrics import accuracy, confusion, macro_f1, uar
from intone.inference.analyzer import Analyzer
from intone.progress import say, track

KEY: Final = b"intone-benchmark"
"""Name of the metadata entry that says which model answered for which shard."""

NOTHING: Final = ""
"""Written where a clip can't be analysed: it counts as wrong."""

KEYS: Final = ("source_id", "language", "label", "predicted")


@dataclass(frozen=True)
class Rates:
    """What a model got right; percent."""

    clips: int
    unheard: int
    """Clips that can't be analysed, such as silent ones; they count as wrong."""
    macro_f1: float
    uar: float
    accuracy: float


def answered(analyzer: Analyzer, shards: Sequence[Path], out: Path | None, key: str) -> pd.DataFrame:
    """Answers for the clips of all shards, columns `KEYS` and a probability for each of `SEVEN`; labels by intone's
    names. `key` names the analyzer's settings."""
    labels = analyzer.model.card.labels
    lacking = [label for label in SEVEN if label not in labels]
    if len(lacking) > 1:
        raise IntoneError(f"{analyzer.model.name} doesn't tell {', '.join(lacking)}: it can't be placed here.")
    found = []
    for shard in track(shards, "shards", len(shards)):
        mark = digest(key, file_digest(shard))
        place = out / shard.name if out else None
        done = _kept(place, mark) if place else None
        if done is None:
            done = _answers(analyzer, shard)
            if place:
                _keep(done, place, mark)
        found.append(done)
    return pd.concat(found, ignore_index=True)


def rates(table: pd.DataFrame) -> Rates:
    """A model's rates over these answers; F1 and UAR are means over the labels that occur."""
    index = {label: k for k, label in enumerate((*SEVEN, NOTHING))}
    counts = confusion(table["label"].map(index).to_numpy(), table["predicted"].map(index).to_numpy(), len(index))
    unheard = int((table["predicted"] == NOTHING).sum())
    return Rates(len(table), unheard, macro_f1(counts), float(uar(counts)), float(accuracy(counts)))


def by_language(table: pd.DataFrame) -> dict[str, Rates]:
    """Language -> rates; with several languages also `mean`, the mean over languages, and `all clips`."""
    found = {str(name): rates(rows) for name, rows in table.groupby("language", sort=True)}
    if len(found) < 2:
        return found
    each = found.values()
    mean = Rates(
        len(table),
        sum(r.unheard for r in each),
        *(float(np.mean([getattr(r, name) for r in each])) for name in ("macro_f1", "uar", "accuracy")),
    )
    return {**found, "mean": mean, "all clips": rates(table)}


def show(found: dict[str, Rates]) -> None:
    """Print the rates on stdout."""
    table = Table("language", "clips", "not analysed", "macro-F1", "UAR", "accuracy", title="seven labels, percent")
    for name, r in found.items():
        table.add_row(name, str(r.clips), str(r.unheard), *(f"{x:.1f}" for x in (r.macro_f1, r.uar, r.accuracy)))
    Console().print(table)


def _answers(analyzer: Analyzer, shard: Path) -> pd.DataFrame:
    rows = [_answer(analyzer, clip) for clip in clips_of(shard)]
    if not rows:
        raise IntoneError(f"{shard} holds no clip: is the file whole?")
    return pd.DataFrame(rows, columns=[*KEYS, *SEVEN, "written"])


def _answer(analyzer: Analyzer, clip: ShardClip) -> list[Any]:
    key = (clip.source_id, clip.language, clip.label)
    try:
        heard = analyzer.file(clip.sound, clip.source_id)
        if not len(heard):
            raise BadClip(f"{clip.source_id} is silent.")
    except BadClip as problem:
        say(f"counted as wrong: {problem}")
        return [*key, NOTHING, *[float("nan")] * len(SEVEN), clip.written]
    shares = dict.fromkeys(SEVEN, 0.0)
    for label in analyzer.model.card.labels:
        name = MERGED.get(label, label)
        if name in shares:
            shares[name] += float(heard[label].iloc[0])
    return [*key, max(shares, key=shares.__getitem__), *shares.values(), clip.written]


def _keep(table: pd.DataFrame, place: Path, mark: str) -> None:
    """Write a shard's answers, whole or not at all, with its own spelling of labels."""
    import pyarrow
    import pyarrow.parquet

    spelt = dict(zip(table["label"], table["written"], strict=True))
    names = {label: spelt.get(label, label) for label in SEVEN}
    told = table.assign(label=table["written"], predicted=table["predicted"].map({**names, NOTHING: None}))
    made = pyarrow.Table.from_pandas(told.drop(columns="written").rename(columns=names), preserve_index=False)
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_name(f".{place.name}")
    meta = {KEY: mark.encode(), b"labels": ",".join(names[label] for label in SEVEN).encode()}
    pyarrow.parquet.write_table(made.replace_schema_metadata(meta), fresh)
    fresh.replace(place)


def _kept(place: Path, mark: str) -> pd.DataFrame | None:
    """Answers that are there for the same shard by the same model."""
    import pyarrow.parquet

    if not place.exists():
        return None
    kept = pyarrow.parquet.read_table(place)
    meta = kept.schema.metadata or {}
    if meta.get(KEY) != mark.encode():
        return None
    names = dict(zip(meta[b"labels"].decode().split(","), SEVEN, strict=True))
    table: pd.DataFrame = kept.to_pandas().rename(columns=names)
    spelt = table["label"]
    predicted = table["predicted"].map(lambda label: seven(label) if isinstance(label, str) else NOTHING)
    return table.assign(label=spelt.map(seven), predicted=predicted, written=spelt)


def shards_in(paths: Sequence[Path]) -> Iterator[Path]:
    """Files as they are, and the Parquet files in folders. Raises IntoneError for a folder without any."""
    for path in paths:
        inside = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
        if not inside:
            raise IntoneError(f"{path} holds no Parquet file: name the shards or their folder.")
        yield from inside
