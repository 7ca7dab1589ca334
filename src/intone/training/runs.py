"""One fold's result -> files in a run folder, and back: runs/MODEL__TRACK__PROTOCOL/fold-K.

A fold's folder holds `config.json` (every setting, versions, processor, data fingerprint), `history.csv`, `logits.csv`
(raw), `predictions.csv`, `metrics.json` and what its model needs. `config.json` is written last: a fold that has it is
whole.
"""

import json
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.special import softmax

from intone.cache import digest, write_whole
from intone.data.splits import PARTS, Split
from intone.emotions import EMOTIONS
from intone.errors import IntoneError
from intone.evaluation.calibration import Calibration, probabilities, temperature
from intone.evaluation.details import Details
from intone.evaluation.metrics import KEYS, check_predictions, score
from intone.progress import say
from intone.training.recipe import FoldResult, Predictor, Recipe

LIBRARIES = ("intone", "numpy", "pandas", "scikit-learn", "torch", "lightning")

COMMITTED_PRECISION: Final = "bf16-mixed"
"""In which the networks behind the committed results learnt."""


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

    @classmethod
    def parse(cls, name: str) -> "RunName":
        """Back from a folder's name."""
        model, track, protocol, *seed = name.split("__")
        return cls(model, track, protocol, int(seed[0].removeprefix("seed")) if seed else 0)


@dataclass(frozen=True, kw_only=True)
class FoldRecord:
    """What `config.json` says of a finished fold, or of the model that learnt from everyone."""

    fingerprint: str
    settings: Mapping[str, Any]
    """Everything that it depends on, as `Workspace.settings` gives it."""
    corpus: Mapping[str, str] = field(default_factory=dict)
    """Where its clips are listed (`Corpus.origin`)."""
    temperature: float
    parameters: int = 0
    """Those that run for one clip, its parts' among them."""
    seconds: float = 0.0
    """Training time, its parts' included, once each."""
    spent: Mapping[str, float] = field(default_factory=dict)
    """The same by model."""
    details: Details = Details()
    versions: Mapping[str, str] = field(default_factory=dict)
    processor: str = ""
    """What it was made on (processor.py)."""
    commit: str = ""
    """That the code stood at."""
    unsure: float | None = None
    """Of what learnt from everyone: the confidence below which an answer is none."""
    scores: Mapping[str, float] | None = None
    """Of what learnt from everyone: what its folds scored."""

    @property
    def model(self) -> str:
        """The model's name."""
        return str(self.settings["model"])

    @property
    def track(self) -> str:
        """The words that it read; `none` for sound alone."""
        return str(self.settings["track"])

    def write(self, folder: Path) -> None:
        """Into the folder, which is whole by it."""
        values = {part.name: getattr(self, part.name) for part in fields(self)}
        kept = {name: value for name, value in values.items() if value is not None}
        kept["details"] = self.details.as_json()
        write_whole(folder / "config.json", json.dumps(kept, indent=1).encode())

    @classmethod
    def read(cls, folder: Path) -> "FoldRecord":
        """Back from there; raises FileNotFoundError where the fold isn't finished."""
        kept = json.loads((folder / "config.json").read_text())
        kept["details"] = Details.of_json(kept.get("details", {}))
        kept.setdefault("spent", {kept["settings"]["model"]: kept.get("seconds", 0.0)})
        return cls(**{part.name: kept[part.name] for part in fields(cls) if part.name in kept})


@dataclass(frozen=True)
class FinishedFold:
    """A finished fold, or the model that learnt from everyone, in its folder."""

    folder: Path
    models: Mapping[str, Recipe] = field(repr=False)
    """The recipes by name: how it was made, and its parts."""

    @cached_property
    def record(self) -> FoldRecord:
        """What it says of itself; raises IntoneError where it isn't finished."""
        try:
            return FoldRecord.read(self.folder)
        except FileNotFoundError as error:
            raise IntoneError(_no_run(self.folder)) from error

    @property
    def model(self) -> str:
        """The model's name."""
        return self.record.model

    @property
    def labels(self) -> tuple[str, ...]:
        """In the order of its logits; RAVDESS's eight unless the run says otherwise."""
        return tuple(self.record.settings.get("labels", EMOTIONS))

    @property
    def name(self) -> RunName:
        """Of its run, by its folder."""
        return RunName.parse(self.folder.parent.name)

    @property
    def fold(self) -> str:
        """Which fold it is."""
        return self.folder.name.removeprefix("fold-")

    @cached_property
    def recipe(self) -> Recipe:
        """As it was made: on the weights and layers that the folder names."""
        return self.models[base_name(self.model)].as_made(self.record.settings["recipe"])

    @cached_property
    def logits(self) -> pd.DataFrame:
        """Index `file`, a column a label; raw."""
        return pd.read_csv(self.folder / "logits.csv", index_col="file")

    @property
    def calibrated(self) -> pd.DataFrame:
        """Logits over the temperature: what fusions add, average and vote on."""
        return self.logits / self.record.temperature

    @property
    def embeddings(self) -> pd.DataFrame | None:
        """Index `file`, a column a dimension; None where the kind of model has none."""
        path = self.folder / "embeddings.npz"
        if not path.exists():
            return None
        kept = np.load(path)
        return pd.DataFrame(kept["values"], pd.Index(kept["keys"], name="file"))

    @property
    def predictions(self) -> pd.DataFrame:
        """The fold's predictions table."""
        return pd.read_csv(self.folder / "predictions.csv", dtype={"fold": str})

    @property
    def history(self) -> pd.DataFrame:
        """Columns `epoch, split, loss, accuracy, uar`; without rows where nothing was trained in epochs."""
        path = self.folder / "history.csv"
        return pd.read_csv(path) if path.exists() and path.stat().st_size > 2 else pd.DataFrame()

    def uars(self) -> dict[str, float]:
        """UAR on training and on validation speakers, percent; test is for those who publish it."""
        kept = json.loads((self.folder / "metrics.json").read_text())
        return {part: float(kept[part]["uar"]) for part in ("train", "validation")}

    @property
    def calibration(self) -> Calibration:
        """Temperature, threshold and scores: kept with what learnt from everyone, counted from a fold's predictions."""
        if self.record.scores is not None and self.record.unsure is not None:
            return Calibration(self.record.temperature, self.record.unsure, self.record.scores)
        table = self.predictions
        return Calibration.of(
            self.record.temperature, *(table[table["split"] == part] for part in ("validation", "test"))
        )

    @property
    def picked(self) -> "FinishedFold":
        """What a choice picked, or the fold itself."""
        picked = self.record.details.picked
        return self._sibling(picked).picked if picked else self

    @property
    def parts(self) -> "list[FinishedFold]":
        """The same fold of what it is made of, each as it was picked."""
        named = self.record.details.branches  # where everyone was heard, whole names of folders
        if named:
            return [replace(self, folder=self.folder.parent.parent / name / self.folder.name) for name in named]
        return [self._sibling(part).picked for part in self.recipe.parts]

    def _sibling(self, model: str) -> "FinishedFold":
        """Another model's run of the same fold, on the same words."""
        track = "none" if self.models[base_name(model)].modality == "audio" else self.name.track
        name = replace(self.name, model=model, track=track)
        return replace(self, folder=self.folder.parent.parent / str(name) / self.folder.name)

    def predictor(self) -> Predictor:
        """Clips -> probabilities [N, labels]; nothing is trained. Raises IntoneError for what hears no sound."""
        logits, t = self.recipe.predictor(self), self.record.temperature

        def predicted(signals: Sequence[np.ndarray]) -> np.ndarray:
            out: np.ndarray = softmax(logits(signals) / t, axis=1)
            return out

        return predicted


def base_name(model: str) -> str:
    """The model whose recipe is meant: `MODEL@WEIGHTS` is MODEL on other weights."""
    return model.split("@")[0]


def _no_run(folder: Path) -> str:
    inside = sorted(path.parent.name for path in folder.glob("*/config.json"))
    if inside:
        return f"{folder} holds {len(inside)} folds: name one of them, such as {folder / inside[0]}."
    return f"{folder} is not a finished run: `intone train` makes one and prints its folder."


def fold_folder(runs: Path, name: RunName, fold: str) -> Path:
    """Where one fold of a run lies."""
    return runs / str(name) / f"fold-{fold}"


def finished(folder: Path, fingerprint: str) -> bool:
    """Whether the fold is whole and was made with just these settings and data."""
    return (folder / "config.json").exists() and FoldRecord.read(folder).fingerprint == fingerprint


def fingerprint(settings: Mapping[str, Any], split: Split, clips: pd.DataFrame) -> str:
    """Names settings and data: two folds with the same one are the same experiment."""
    rows = clips.set_index("file").loc[sorted(split.part_of()), ["speaker", "emotion"]]
    return digest(first_named(settings), asdict(split), rows.reset_index().to_csv(index=False))


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
    result: FoldResult,
    record: FoldRecord,
    models: Mapping[str, Recipe],
) -> FinishedFold:
    """Calibrate on the fold's validation clips and put everything on disk, `config.json` last.

    Of `record`, temperature, parameters, time, details, versions and commit are filled in here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels = list(result.logits.columns)
    true = clips.set_index("file")["emotion"].map({label: k for k, label in enumerate(labels)})
    validation = list(split.validation)
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
    return FinishedFold(folder, models)


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
