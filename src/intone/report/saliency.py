"""What models look at: saliency on spectrograms, attention over time, words, and each modality's share in a fusion."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from intone.figures import attention_figure, shares_figure, spectrograms_figure
from intone.figures.clips import ClipPicture
from intone.report.markdown import Gallery, absent, listed, table
from intone.report.source import WORDS, Source

COMMAND = "intone explain"


def section(source: Source, gallery: Gallery) -> dict[str, Any]:
    """What templates/saliency.md is filled with."""
    looked = pictures(source.results / "explanations", "saliency")
    caption = (
        "One actor, one sentence, eight emotions: what moved `{model}` towards its prediction (integrated gradients "
        "from "
        "silence, Sundararajan et al. 2017; red), over the log-mel spectrogram (grey). Frames: the portrayed emotion."
    )
    return {
        "missing": absent(COMMAND, *_missing(source, bool(looked[0]))),
        "spectrograms": gallery.add(caption.format(model=looked[1]), {"saliency": spectrograms_figure(looked[0])})
        if looked[0]
        else "",
        "attention": _attention(source, gallery),
        "words": _words(source, gallery),
        "shares": _shares(source, gallery),
    }


def _missing(source: Source, looked: bool) -> list[str]:
    parts = {
        "attention": "attention over time",
        "words": "word attributions",
        "shares": "each modality's Shapley share",
    }
    tables = [what for name, what in parts.items() if source.table(f"explanations/{name}.csv") is None]
    return tables if looked else ["saliency on spectrograms", *tables]


def pictures(folder: Path, wanted: str) -> tuple[list[ClipPicture], str]:
    """The pictures of one set in results/explanations/, and the model that they are of."""
    if not (folder / "pictures.csv").exists():
        return [], ""
    rows = pd.read_csv(folder / "pictures.csv", keep_default_na=False)
    rows = rows[rows["set"] == wanted]
    kept = np.load(folder / "pictures.npz", allow_pickle=False)
    found = []
    for row in rows.to_dict("records"):
        number = row["number"]
        levels = kept[f"levels-{number}"].astype(np.float32) - 60.0  # stored as whole decibels above −60
        weights = kept[f"weights-{number}"].astype(np.float32) / 255 if f"weights-{number}" in kept else None
        found.append(ClipPicture(levels, row["title"], row["emotion"], weights))
    return found, str(rows["model"].iloc[0]) if len(rows) else ""


def _attention(source: Source, gallery: Gallery) -> str:
    rows = source.table("explanations/attention.csv")
    if rows is None:
        return ""
    names = listed([f"`{m}`" for m in dict.fromkeys(rows["model"])])
    caption = f"Where in a clip {names} attends, by emotion: mean weight over test clips against even attention (1)."
    return gallery.add(caption, {"attention": attention_figure(rows)})


def _words(source: Source, gallery: Gallery, most: int = 6) -> str:
    rows = source.table("explanations/words.csv")
    if rows is None:
        return ""
    cells = []
    for emotion, part in rows.groupby("emotion", sort=False):
        best = part.sort_values("attribution", ascending=False).head(most)
        cells.append([emotion, ", ".join(str(w) for w in best["word"])])
    model = rows["model"].iloc[0]
    caption = (
        f"Words that move `{model}` most towards each emotion, on {WORDS['natural']}: measures fusion, not RAVDESS."
    )
    return gallery.captioned(caption, table(["emotion", "words"], cells, left=2))


def _shares(source: Source, gallery: Gallery) -> str:
    rows = source.table("explanations/shares.csv")
    if rows is None:
        return ""
    caption = (
        "Each modality's Shapley share of the fused log-odds of the predicted emotion over an eighth (two players, "
        "exact): "
        "mean over test clips, by emotion."
    )
    return gallery.add(caption, {"shares": shares_figure(rows.assign(track=rows["track"].map(WORDS)))})
