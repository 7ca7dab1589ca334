"""`training.rate=1e-4..1e-2:log network.width=16,32` -> which fields of a recipe are searched, and over what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from intone.errors import IntoneError
from intone.training.recipe import Recipe
from intone.training.recipe_fields import Field, Scalar, searchable

DEFAULTS: Final[Mapping[str, float]] = {"probe.strength": 30.0, "training.rate": 10.0, "on_goemotions.rate": 10.0}
"""Field -> the factor by which it is searched to either side of the preset, on a logarithmic scale, where no search is
given. On the track natural networks learn from GoEmotions, and on no other."""


@dataclass(frozen=True)
class Range:
    """All numbers from `low` to `high`, both included; whole ones where both are."""

    low: int | float
    high: int | float
    log: bool = False
    """Whether they are drawn evenly on a logarithmic scale."""

    def __contains__(self, value: Scalar) -> bool:
        return not isinstance(value, str) and self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{self.low}..{self.high}{':log' if self.log else ''}"


@dataclass(frozen=True)
class Values:
    """Some values, none of which is nearer to one than to another."""

    values: tuple[Scalar, ...]

    def __contains__(self, value: Scalar) -> bool:
        return value in self.values

    def __str__(self) -> str:
        return ",".join(map(_text, self.values))


@dataclass(frozen=True)
class SearchSpace:
    """What is searched: each field -> its values, by name, so that the order typed changes nothing."""

    of: Mapping[str, Range | Values]

    @classmethod
    def parse(cls, words: Sequence[str], recipe: Recipe, model: str, track: str = "none") -> Self:
        """The search that was typed, or the default one; raises IntoneError, with the fields that the model has."""
        known = searchable(recipe)
        found = dict(_parsed(word, known, model) for word in words) if words else _default(known, track)
        if len(found) < len(words):
            raise IntoneError("A field stands twice in --search: name each one once.")
        if not found:
            raise IntoneError(f"There is no usual search for {model}: name fields with --search; {_has(model, known)}.")
        return cls(dict(sorted(found.items())))

    def __str__(self) -> str:
        return " ".join(f"{name}={values}" for name, values in self.of.items())


def _parsed(word: str, known: Mapping[str, Field], model: str) -> tuple[str, Range | Values]:
    name, equals, text = word.partition("=")
    if not equals or not text:
        raise IntoneError(f"{word!r} is not FIELD=LOW..HIGH, FIELD=LOW..HIGH:log or FIELD=A,B,C: {_has(model, known)}.")
    if name not in known:
        raise IntoneError(f"There is no field {name!r} to search: {_has(model, known)}.")
    try:
        values = _range(text, known[name]) if ".." in text else Values(tuple(map(known[name].read, text.split(","))))
    except (KeyError, ValueError, OverflowError) as problem:
        raise IntoneError(f"{name} takes {known[name].described}, and not {text}: {_has(model, known)}.") from problem
    if isinstance(values, Values):
        return name, Values(tuple(dict.fromkeys(values.values)))
    if values.low >= values.high:
        raise IntoneError(f"The range {word} is empty: give the smaller end first; {_has(model, known)}.")
    if values.log and values.low <= 0:
        raise IntoneError(f"The range {word} has no logarithm: begin it above 0; {_has(model, known)}.")
    return name, values


def _range(text: str, field: Field) -> Range:
    ends, colon, scale = text.partition(":")
    low, high = map(field.read, ends.split(".."))
    if isinstance(low, str | bool) or isinstance(high, str | bool) or (colon and scale != "log"):
        raise ValueError(text)
    return Range(low, high, bool(colon))


def _default(known: Mapping[str, Field], track: str) -> dict[str, Range | Values]:
    unused = "training." if track == "natural" and "on_goemotions.rate" in known else "on_goemotions."
    return {
        name: Range(float(f"{known[name].value / factor:.3g}"), float(f"{known[name].value * factor:.3g}"), log=True)  # type: ignore[operator]
        for name, factor in DEFAULTS.items()
        if name in known and not name.startswith(unused)
    }


def _has(model: str, known: Mapping[str, Field]) -> str:
    """The fields, as the end of a sentence."""
    return f"{model} has " + (", ".join(known) or "none")


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
