"""What was chosen while a fold was trained, besides weights <-> JSON, as run folders and results/ store it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Details:
    """Choices of one fold; None where its kind of model doesn't have that choice."""

    epoch: int | None = None
    """The epoch that was chosen, from 1."""
    words: int | None = None
    """Number of tokens in its vocabulary."""
    side_tasks: tuple[str, ...] | None = None
    """Columns of the clip table that it learned to predict besides the label."""
    layers: tuple[float, ...] | None = None
    """Numbers of the encoder's layers that a probe averages, or a head's weight of each."""
    strength: float | None = None
    """C of a regression on functionals, scikit-learn's inverse regularisation."""
    picked: str | None = None
    """The candidate that a choice took."""
    validation_loss: Mapping[str, float] | None = None
    """Candidate -> its calibrated loss on validation clips, nats."""
    weight_of_first: float | None = None
    """Weight of a weighted fusion's first branch, 0 to 1."""
    branches: tuple[str, ...] | None = None
    """Folders of a fusion's parts, where all were trained on all speakers."""

    def as_json(self) -> dict[str, Any]:
        """All values except None."""
        values = {part.name: getattr(self, part.name) for part in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> "Details":
        """From such JSON; unknown names are left out."""
        known = {part.name for part in fields(cls)}
        lists: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()
        }
        return cls(**{name: value for name, value in lists.items() if name in known})
