"""One fold's outcome -> files in a run folder, and back: runs/MODEL__TRACK__PROTOCOL/fold-K.

A fold's folder holds `config.json` (every setting, versions, processor, data fingerprint), `history.csv`, `logits.csv`
(raw), `predictions.csv`, `metrics.json` and what its model needs. `config.json` is written last: a fold that has it is
whole.
"""

import json
import platform
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from intone.cache import digest, write_whole
from intone.data.splits import PARTS, Split
from intone.emotions import EMOTIONS, INDEX
from intone.evaluation.calibration import probabilities, temperature
from intone.evaluation.metrics import PREDICTION_COLUMNS, check_predictions, score
from intone.progress import say

LIBRARIES = ("intone", "numpy", "pandas", "scikit-learn", "torch", "lightning")

COMMITTED_PRECISION: Final = "bf16-mixed"
"""In which the networks behind the committed results learnt."""


@dataclass(frozen=True)
class Outcome:
    """What training one model on one fold gives."""

    logits: pd.DataFrame
    """Index `file`, one column an emotion; every clip of the fold."""
    parameters: int
    seconds: float
    """Training time of this fold, without that of what it builds on."""
    embeddings: pd.DataFrame | None = None
    """Index `file`, one column a dimension; what a fusion takes in."""
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Columns `epoch, split, loss, accuracy, uar`."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """JSON-able facts for the record: the chosen epoch, a fusion's weight, the variant that was picked."""
    built_on: Mapping[str, float] = field(default_factory=dict)
    """Training time of each model that it builds on, however deep, once each."""


@dataclass(frozen=True)
class RunName:
    """Names a run: which model, on which words, under which protocol, with which seed."""

    model: str
    track: str = "none"
    protocol: str = "luna5"
    seed: int = 0

    def __str__(self) -> str:
        seed = f"__seed{self.seed}" if self.seed else ""
        return f"{self.model}__{self.track}__{self.protocol}{seed}"


def fold_folder(runs: Path, name: RunName, fold: str) -> Path:
    """Where one fold of a run lies."""
    return runs / str(name) / f"fold-{fold}"


def finished(folder: Path, fingerprint: str) -> bool:
    """Whether the fold is whole and was made with just these settings and data."""
    path = folder / "config.json"
    return path.exists() and json.loads(path.read_text())["fingerprint"] == fingerprint


def fingerprint(settings: Mapping[str, Any], split: Split, clips: pd.DataFrame) -> str:
    """Names settings and data: two folds with the same one are the same experiment."""
    settings = first_named(settings)
    rows = clips.set_index("file").loc[sorted(split.part_of()), ["speaker", "emotion"]]
    return digest(dict(settings), asdict(split), rows.reset_index().to_csv(index=False))


def first_named(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as fingerprints have known them from the first run on.

    The committed precision was called `auto` then, for what the processor had: so finished runs stay what they are.
    """
    told = {name: first_named(value) if isinstance(value, Mapping) else value for name, value in settings.items()}
    return told | ({"precision": "auto"} if told.get("precision") == COMMITTED_PRECISION else {})


def write_fold(
    folder: Path,
    split: Split,
    clips: pd.DataFrame,
    outcome: Outcome,
    settings: Mapping[str, Any],
    mark: str,
    made_on: str = "",
    origin: Mapping[str, str] | None = None,
) -> None:
    """Calibrate on the fold's validation clips and put everything on disk, `config.json` last.

    `made_on` names the processor (processor.py), `origin` where the clips are listed, for whoever reads them again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    true = clips.set_index("file")["emotion"].map(INDEX)
    validation = list(split.validation)
    t = temperature(outcome.logits.loc[validation].to_numpy(), true.loc[validation].to_numpy())
    table = predictions(split, clips, outcome.logits, t)
    table.to_csv(folder / "predictions.csv", index=False)
    outcome.logits.round(5).to_csv(folder / "logits.csv")
    outcome.history.to_csv(folder / "history.csv", index=False)
    if outcome.embeddings is not None:
        files, values = outcome.embeddings.index.to_numpy(str), outcome.embeddings.to_numpy(np.float32)
        np.savez(folder / "embeddings.npz", keys=files, values=values)
    metrics = {part: asdict(score(table[table["split"] == part])) for part in ("train", "validation")}
    write_whole(folder / "metrics.json", json.dumps(metrics, indent=1).encode())
    spent = {**outcome.built_on, settings["model"]: outcome.seconds}
    config = {
        "fingerprint": mark,
        "settings": dict(settings),
        "corpus": dict(origin or {}),
        "temperature": t,
        "parameters": outcome.parameters,
        "seconds": sum(spent.values()),
        "spent": spent,
        "details": dict(outcome.details),
        "versions": {name: version(name) for name in LIBRARIES} | {"python": platform.python_version()},
        "processor": made_on,
        "commit": commit(),
    }
    write_whole(folder / "config.json", json.dumps(config, indent=1).encode())
    for leftover in ("last.ckpt", "best.ckpt"):
        (folder / leftover).unlink(missing_ok=True)


def predictions(split: Split, clips: pd.DataFrame, logits: pd.DataFrame, t: float) -> pd.DataFrame:
    """The fold's predictions table; clips joined by key."""
    part = pd.Series(split.part_of(), name="split").rename_axis("file").reset_index()
    table = part.merge(clips[["file", "speaker", "emotion"]], on="file", validate="one_to_one")
    chances = probabilities(logits.loc[table["file"]].to_numpy(), t).round(4)
    table[list(EMOTIONS)] = chances
    table["predicted"] = [EMOTIONS[i] for i in logits.loc[table["file"]].to_numpy().argmax(1)]
    table["fold"] = split.fold
    order = {p: i for i, p in enumerate(PARTS)}
    table = table.sort_values(["split", "file"], key=lambda s: s.map(order) if s.name == "split" else s)
    return check_predictions(table[list(PREDICTION_COLUMNS)].reset_index(drop=True), f"fold {split.fold}")


@dataclass(frozen=True)
class StoredFold:
    """A finished fold, read back."""

    folder: Path
    logits: pd.DataFrame
    config: Mapping[str, Any]

    @property
    def calibrated(self) -> pd.DataFrame:
        """Logits over the temperature: what fusions add, average and vote on."""
        return self.logits / self.config["temperature"]

    @property
    def spent(self) -> dict[str, float]:
        """Training time of the model and of each that it builds on; all under its own name where only that was kept."""
        told: dict[str, float] = self.config.get("spent", {self.config["settings"]["model"]: self.config["seconds"]})
        return dict(told)

    @property
    def embeddings(self) -> pd.DataFrame:
        """Index `file`, one column a dimension."""
        kept = np.load(self.folder / "embeddings.npz")
        return pd.DataFrame(kept["values"], pd.Index(kept["keys"], name="file"))

    @property
    def predictions(self) -> pd.DataFrame:
        """The fold's predictions table."""
        return pd.read_csv(self.folder / "predictions.csv", dtype={"fold": str})


def read_fold(folder: Path) -> StoredFold:
    """A finished fold from its folder."""
    config = json.loads((folder / "config.json").read_text())
    return StoredFold(folder, pd.read_csv(folder / "logits.csv", index_col="file"), config)


def claim(folder: Path, mark: str) -> None:
    """Begin or go on with a fold: what was made or begun there with other settings or data is removed first."""
    begun = folder / "fingerprint"
    if folder.exists() and (not begun.exists() or begun.read_text() != mark):
        say(f"{folder} was made with other settings or data: made anew.")
        shutil.rmtree(folder)
    write_whole(begun, mark.encode())


def commit() -> str:
    """The git commit that the code stands at, '' outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()
