"""results/models.csv -> a description of each model, in columns: title, modality, family, encoder, variant of.

A model's name is only a key: nothing is inferred from it, and this table says what it stands for.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

COLUMNS: Final = ("model", "title", "modality", "family", "encoder", "variant_of")
"""`family`: the kind of model; `encoder`: pretrained weights in it; `variant_of`: the model that it is a setting of, or
a candidate for. Empty where there is none."""


@dataclass(frozen=True)
class Catalogue:
    """All models of a results folder."""

    table: pd.DataFrame
    """Columns `COLUMNS`."""

    @classmethod
    def read(cls, results: Path) -> "Catalogue":
        """The catalogue of a folder; without rows where it has none."""
        path = results / "models.csv"
        empty = pd.DataFrame(columns=list(COLUMNS))
        return cls(pd.read_csv(path, dtype=str, keep_default_na=False) if path.exists() else empty)

    @property
    def titles(self) -> dict[str, str]:
        """Model -> title."""
        return dict(zip(self.table["model"], self.table["title"], strict=True))

    @property
    def families(self) -> dict[str, str]:
        """Model -> kind of model."""
        return dict(zip(self.table["model"], self.table["family"], strict=True))

    @property
    def variants(self) -> set[str]:
        """Models that are a setting or a candidate of another."""
        return set(self.table.loc[self.table["variant_of"] != "", "model"])

    def title(self, model: str) -> str:
        """A model's title; one that isn't listed, such as MODEL@WEIGHTS, keeps its name."""
        base, _, weights = model.partition("@")
        return self.titles.get(base, base) + (f" on {weights}" if weights else "")

    def titled(self, text: str) -> str:
        """The text with each model's `name` in backticks replaced by its title."""
        titles = self.titles
        return re.sub(r"`([\w.-]+)`", lambda found: titles.get(found[1], found[0]), text)

    def glossary(self, text: str) -> str:
        """Markdown: a row for each model that the text names in backticks, in the table's order."""
        named = set(re.findall(r"`([\w.-]+)`", text))
        rows = self.table[self.table["model"].isin(named)]
        lines = ["| model | identifier | family | pretrained encoder |", "|---|---|---|---|"]
        lines += [
            f"| {r['title']} | `{r['model']}` | {r['family']} | {r['encoder'] or '–'} |"
            for r in rows.to_dict("records")
        ]
        return "\n".join(lines) if len(rows) else ""
