"""Explanations: saliency on spectrograms, attention over time, words, and the contribution of each modality."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from intone.emotions import EMOTIONS, INDEX
from intone.evaluation.confidence import MIN_PROBABILITY
from intone.evaluation.results import Experiment
from intone.report import readings
from intone.report.figures import attention_figure, shares_figure, spectrograms_figure
from intone.report.figures.clips import ClipPicture
from intone.report.markdown import Gallery, absent, listed, table
from intone.report.source import WORDS, Source

COMMAND = "intone explain"


def section(source: Source, gallery: Gallery) -> dict[str, Any]:
    """What templates/saliency.md is filled with."""
    looked = pictures(source.results / "explanations", "saliency")
    caption = (
        "Saliency of `{model}`: one actor, one sentence, eight emotions. Red: support for the prediction (integrated "
        "gradients, Sundararajan et al. 2017); grey: log-mel spectrogram; frame: portrayed emotion."
    )
    return {
        "missing": absent(COMMAND, *_missing(source, bool(looked[0]))),
        "spectrograms": gallery.add(
            caption.format(model=looked[1]), {"saliency": spectrograms_figure(looked[0])}, readings.saliency(looked[0])
        )
        if looked[0]
        else "",
        "attention": _attention(source, gallery),
        "words": _words(source, gallery),
        "shares": _shares(source, gallery),
    }


def _missing(source: Source, looked: bool) -> list[str]:
    parts = {"attention": "attention over time", "words": "word attributions"}
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
    caption = f"Attention of {names} over time, by emotion. Mean over test clips; dashed: uniform attention (1)."
    figure = attention_figure(rows.assign(model=source.titles(rows["model"])))
    return gallery.add(caption, {"attention": figure}, readings.attention(rows))


def _words(source: Source, gallery: Gallery, most: int = 6) -> str:
    rows = source.table("explanations/words.csv")
    if rows is None:
        return ""
    cells = []
    for emotion, part in rows.groupby("emotion", sort=False):
        best = part.sort_values("attribution", ascending=False).head(most)
        cells.append([emotion, ", ".join(fit_to_print(str(w)) for w in best["word"])])
    model = rows["model"].iloc[0]
    caption = (
        f"Words that support each emotion most in `{model}`, by the loss in log-probability when the word is left out, "
        f"on {WORDS['natural']} (measures fusion, not RAVDESS)."
    )
    return gallery.captioned(caption, table(["emotion", "words"], cells, left=2))


def _shares(source: Source, gallery: Gallery) -> str:
    rows = [
        part
        for s in source.subjects
        if s.experiment.modality == "fusion" and (part := shares(source, s.experiment)) is not None
    ]
    if not rows:
        return ""
    caption = (
        "Contribution of audio and text to the fused prediction, by predicted emotion. Exact Shapley values of two "
        "players for log (probability / chance), mean over test clips."
    )
    return gallery.add(caption, {"shares": shares_figure(pd.concat(rows))}, readings.shares(pd.concat(rows)))


def fit_to_print(word: str) -> str:
    """The word, a coarse one masked: GoEmotions holds comments from the internet."""
    return word[0] + r"\*" * (len(word) - 1) if word.startswith(COARSE) else word


COARSE = ("fuck", "shit", "bitch", "cunt", "dick", "ass", "bastard", "nigg", "fag", "whore", "slut")


def shares(source: Source, fusion: Experiment) -> pd.DataFrame | None:
    """Columns `track, emotion, audio, text`: Shapley values in nats, from the predictions of a fusion and its branches.

    None where a branch is not there.
    """
    tests = source.table("paired.csv")
    mine = tests[(tests["model"] == fusion.model) & (tests["track"] == fusion.track)] if tests is not None else None
    names = [] if mine is None else list(mine["against"])
    audio = next((e for n in names if (e := source.find(n, "none")) and e.modality == "audio"), None)
    text = next((e for n in names if (e := source.find(n, fusion.track)) and e.modality == "text"), None)
    if audio is None or text is None:
        return None
    both = source.tested(fusion).set_index("file")
    said = both["predicted"].map(INDEX).to_numpy()
    alone = [_log_ratio(source.tested(e).set_index("file").loc[both.index], said) for e in (audio, text)]
    whole = _log_ratio(both, said)
    by_audio = (alone[0] + whole - alone[1]) / 2
    rows = pd.DataFrame({"emotion": both["predicted"].to_numpy(), "audio": by_audio, "text": whole - by_audio})
    means = rows.groupby("emotion", sort=False).mean().reset_index()
    return means.assign(track=WORDS[fusion.track] + (NATURAL if fusion.track == "natural" else ""))


NATURAL = "\n(measures fusion, not RAVDESS)"


def _log_ratio(table: pd.DataFrame, said: np.ndarray) -> np.ndarray:
    """Log of the predicted emotion's probability over one eighth, [N]; 0 counts as `MIN_PROBABILITY`."""
    own = table[list(EMOTIONS)].to_numpy(float)[np.arange(len(table)), said]
    return np.log(np.maximum(own, MIN_PROBABILITY) * len(EMOTIONS))
