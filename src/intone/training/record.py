"""The record of a finished fold <-> `config.json` in its folder, which completes the folder."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from intone.cache import write_whole
from intone.evaluation.details import Details


@dataclass(frozen=True, kw_only=True)
class FoldRecord:
    """The content of `config.json`: of a finished fold, or of a model trained on all speakers."""

    fingerprint: str
    settings: Mapping[str, Any]
    """Everything that the fold depends on, from `Workspace.settings`."""
    corpus: Mapping[str, str] = field(default_factory=dict)
    """Where its clips are listed (`Corpus.origin`)."""
    temperature: float
    parameters: int = 0
    """Parameters used for one clip, including those of its parts."""
    seconds: float = 0.0
    """Training time, including that of each part once."""
    spent: Mapping[str, float] = field(default_factory=dict)
    """Model -> training time in seconds."""
    details: Details = Details()
    versions: Mapping[str, str] = field(default_factory=dict)
    processor: str = ""
    """The processor that it was made on (processor.py)."""
    commit: str = ""
    """The git commit of the code."""
    unsure: float | None = None
    """The confidence below which a prediction is "unsure"; only for a model trained on all speakers."""
    scores: Mapping[str, float] | None = None
    """The scores of its folds; only for a model trained on all speakers."""

    @property
    def model(self) -> str:
        """The model's name."""
        return str(self.settings["model"])

    @property
    def track(self) -> str:
        """The track of its words; `none` for audio alone."""
        return str(self.settings["track"])

    def write(self, folder: Path) -> None:
        """Write `config.json` into the folder, which it completes."""
        values = {part.name: getattr(self, part.name) for part in fields(self)}
        kept = {name: value for name, value in values.items() if value is not None}
        kept["details"] = self.details.as_json()
        write_whole(folder / "config.json", json.dumps(kept, indent=1).encode())

    @classmethod
    def read(cls, folder: Path) -> "FoldRecord":
        """The record in a folder; raises FileNotFoundError where the fold isn't finished."""
        kept = json.loads((folder / "config.json").read_text())
        kept["details"] = Details.of_json(kept.get("details", {}))
        kept.setdefault("spent", {kept["settings"]["model"]: kept.get("seconds", 0.0)})
        return cls(**{part.name: kept[part.name] for part in fields(cls) if part.name in kept})
