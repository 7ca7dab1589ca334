"""One fold's result -> files in a run folder, and back: runs/MODEL__TRACK__PROTOCOL/fold-K.

A fold's folder holds `config.json` (every setting, versions, processor, data fingerprint), `history.csv`, `logits.csv`
(raw), `predictions.csv`, `metrics.json` and what its model needs. `config.json` is written last: then the fold is
complete.
"""

import json
import platform
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from intone.cache import digest, write_whole
from intone.data.splits import PARTS, Split
from intone.evaluation.calibration import probabilities, temperature
from intone.evaluation.metrics import KEYS, check_predictions, score
from intone.progress import say
from intone.training.recipe import FoldResult
from intone.training.record import FoldRecord

LIBRARIES = ("intone", "numpy", "pandas", "scikit-learn", "torch", "lightning")

COMMITTED_PRECISION: Final = "bf16-mixed"
"""Precision in which the networks of the committed results were trained."""


@dataclass(frozen=True)
class RunName:
    """Name of a run: model, track of words, protocol and seed."""

    model: str
    track: str = "none"
    protocol: str = "luna5"
    seed: int = 0

    def __str__(self) -> str:
        seed = f"__seed{self.seed}" if self.seed else ""
        return f"{self.model}__{self.track}__{self.protocol}{seed}"

    @classmethod
    def parse(cls, name: str) -> "RunName":
        """The run name in a folder's name."""
        model, track, protocol, *seed = name.split("__")
        return cls(model, track, protocol, int(seed[0].removeprefix("seed")) if seed else 0)


def fold_folder(runs: Path, name: RunName, fold: str) -> Path:
    """The folder of one fold of a run."""
    return runs / str(name) / f"fold-{fold}"


def finished(folder: Path, fingerprint: str) -> bool:
    """Whether the fold is complete and was made with exactly these settings and data."""
    return (folder / "config.json").exists() and FoldRecord.read(folder).fingerprint == fingerprint


def fingerprint(settings: Mapping[str, Any], split: Split, clips: pd.DataFrame) -> str:
    """Digest of settings and data: two folds with the same one are the same experiment."""
    rows = clips.set_index("file").loc[sorted(split.part_of()), ["speaker", "emotion"]]
    return digest(first_named(settings), asdict(split), rows.reset_index().to_csv(index=False))


def first_named(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings in the form that fingerprints have had since the first run.

    The committed precision was called `auto` then, as it depended on the processor; so finished runs stay valid.
    """
    told = {name: first_named(value) if isinstance(value, Mapping) else value for name, value in settings.items()}
    return told | ({"precision": "auto"} if told.get("precision") == COMMITTED_PRECISION else {})


def write_fold(folder: Path, split: Split, clips: pd.DataFrame, result: FoldResult, record: FoldRecord) -> None:
    """Calibrate on the fold's validation clips, unless the model is calibrated, and put everything on disk,
    `config.json` last.

    Temperature, parameters, time, details, versions and commit of `record` are filled in here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels = list(result.logits.columns)
    true = clips.set_index("file")["emotion"].map({label: k for k, label in enumerate(labels)})
    validation = list(split.validation)
    t = result.temperature
    if t is None:
        t = temperature(result.logits.loc[validation].to_numpy(), true.loc[validation].to_numpy())
    table = predictions(split, clips, result.logits, t)
    table.to_csv(folder / "predictions.csv", index=False)
    result.logits.round(5).to_csv(folder / "logits.csv")
    result.history.to_csv(folder / "history.csv", index=False)
    if result.embeddings is not None:
        files, values = result.embeddings.index.to_numpy(str), result.embeddings.to_numpy(np.float32)
        np.savez(folder / "embeddings.npz", keys=files, values=values)
    metrics = {part: asdict(score(table[table["split"] == part])) for part in ("train", "validation")}
    write_whole(folder / "metrics.json", json.dumps(metrics, indent=1).encode())
    spent = {**result.built_on, record.model: result.seconds}
    replace(
        record,
        temperature=t,
        parameters=result.parameters,
        seconds=sum(spent.values()),
        spent=spent,
        details=result.details,
        versions={name: version(name) for name in LIBRARIES} | {"python": platform.python_version()},
        commit=commit(),
    ).write(folder)
    for leftover in ("last.ckpt", "best.ckpt"):
        (folder / leftover).unlink(missing_ok=True)


def predictions(split: Split, clips: pd.DataFrame, logits: pd.DataFrame, t: float) -> pd.DataFrame:
    """The fold's predictions table; clips joined by key."""
    labels = list(logits.columns)
    part = pd.Series(split.part_of(), name="split").rename_axis("file").reset_index()
    table = part.merge(clips[["file", "speaker", "emotion"]], on="file", validate="one_to_one")
    values = logits.loc[table["file"]].to_numpy()
    table[labels] = probabilities(values, t).round(4)
    table["predicted"] = [labels[i] for i in values.argmax(1)]
    table["fold"] = split.fold
    order = {p: i for i, p in enumerate(PARTS)}
    table = table.sort_values(["split", "file"], key=lambda s: s.map(order) if s.name == "split" else s)
    return check_predictions(table[[*KEYS, *labels]].reset_index(drop=True), f"fold {split.fold}")


def claim(folder: Path, mark: str) -> None:
    """Begin or resume a fold: what was made or begun there with other settings or data is removed first."""
    begun = folder / "fingerprint"
    if folder.exists() and (not begun.exists() or begun.read_text() != mark):
        say(f"{folder} was made with other settings or data: made anew.")
        shutil.rmtree(folder)
    write_whole(begun, mark.encode())


def commit() -> str:
    """The git commit of the code, '' outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()
