"""What was chosen or learnt while a fold was made, beyond weights <-> JSON, as run folders and results/ keep it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Details:
    """None where a kind of model chooses no such thing."""

    epoch: int | None = None
    """That was judged, from 1."""
    words: int | None = None
    """Tokens of its vocabulary."""
    side_tasks: tuple[str, ...] | None = None
    """Columns of the clip table that it learnt beside the label."""
    layers: tuple[float, ...] | None = None
    """Numbers of the encoder's layers that a probe averages, or a head's weight of each."""
    picked: str | None = None
    """The candidate that a choice took."""
    validation_loss: Mapping[str, float] | None = None
    """Candidate -> its calibrated loss on validation clips, nats."""
    weight_of_first: float | None = None
    """Weight of a weighted fusion's first branch, 0 to 1."""
    branches: tuple[str, ...] | None = None
    """Folders of a fusion's parts, where all learnt from everyone."""

    def as_json(self) -> dict[str, Any]:
        """What is there."""
        values = {part.name: getattr(self, part.name) for part in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> "Details":
        """Back from there; what is not known is left out."""
        known = {part.name for part in fields(cls)}
        lists: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()
        }
        return cls(**{name: value for name, value in lists.items() if name in known})
