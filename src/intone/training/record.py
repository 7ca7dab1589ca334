"""What a finished fold says of itself <-> `config.json` in its folder, which is whole by it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from intone.cache import write_whole
from intone.evaluation.details import Details


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
    """Parameters that run for one clip, its parts' among them."""
    seconds: float = 0.0
    """Training time, its parts' included, once each."""
    spent: Mapping[str, float] = field(default_factory=dict)
    """Training time by model."""
    details: Details = Details()
    versions: Mapping[str, str] = field(default_factory=dict)
    processor: str = ""
    """What it was made on (processor.py)."""
    commit: str = ""
    """That the code stood at."""
    unsure: float | None = None
    """The confidence below which an answer is none, where it learnt from everyone."""
    scores: Mapping[str, float] | None = None
    """What its folds scored, where it learnt from everyone."""

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
