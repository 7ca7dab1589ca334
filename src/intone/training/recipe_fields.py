"""A recipe's fields by name, such as `training.rate`: what they take, other values in them, a finished run's values."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Final, Literal, TypeVar, get_args, get_origin, get_type_hints

from intone.training.recipe import Recipe

Scalar = bool | int | float | str

Settings = TypeVar("Settings")

KINDS: Final[Mapping[Any, str]] = {bool: "true or false", int: "a whole number", float: "a number"}


@dataclass(frozen=True)
class Field:
    """A field of a recipe or of a preset in it."""

    value: Scalar
    """Its present one."""
    kind: Any
    """bool, int, float, or the texts that it takes."""

    @property
    def described(self) -> str:
        """What it takes."""
        return KINDS.get(self.kind) or " or ".join(self.kind)

    def read(self, text: str) -> Scalar:
        """A value as it was typed; raises ValueError for one of another type."""
        if self.kind is bool:
            return {"true": True, "false": False}[text.lower()]
        if self.kind in (int, float):
            number: int | float = self.kind(text)
            if math.isfinite(number):
                return number
        elif text in self.kind:
            return text
        raise ValueError(text)


def searchable(settings: object) -> dict[str, Field]:
    """Names such as `training.rate` -> the numbers, switches and named variants in nested frozen dataclasses."""
    out: dict[str, Field] = {}
    hints = get_type_hints(type(settings))
    for part in fields(settings):  # type: ignore[arg-type]
        value, hint = getattr(settings, part.name), hints[part.name]
        if is_dataclass(value):
            out |= {f"{part.name}.{name}": field for name, field in searchable(value).items()}
        elif get_origin(hint) is Literal:
            out[part.name] = Field(value, tuple(map(str, get_args(hint))))
        elif isinstance(value, bool | int | float):
            out[part.name] = Field(value, hint if hint in KINDS else type(value))
    return out


def changed(settings: Settings, values: Mapping[str, Scalar]) -> Settings:
    """Nested frozen dataclasses with other values in some fields, by names such as `training.rate`."""
    own = {name: value for name, value in values.items() if "." not in name}
    for part in {name.split(".")[0] for name in values if "." in name}:
        below = {name.removeprefix(f"{part}."): value for name, value in values.items() if name.startswith(f"{part}.")}
        own[part] = changed(getattr(settings, part), below)
    return replace(settings, **own)  # type: ignore[type-var]


def restored(recipe: Recipe, kept: Mapping[str, Any]) -> Recipe:
    """A recipe with the values that stand in the settings of a finished run, except epochs, which don't stand there."""
    values = {}
    for name in searchable(recipe):
        value: Any = kept
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None and name not in {f"{training}.epochs" for training in recipe.trainings()}:
            values[name] = value
    return changed(recipe, values)
