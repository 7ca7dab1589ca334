"""Clips -> spectrograms for the report: saliency of a network, and the hardest clips.

Saliency: integrated gradients (Sundararajan et al. 2017); the baseline is the clip's lowest level.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from captum.attr import IntegratedGradients
from scipy.ndimage import gaussian_filter

from intone.audio.clip import read_clip
from intone.audio.features import FeatureSettings, extract, levelled, log_mel
from intone.audio.trimming import trim_silence
from intone.cache import write_whole
from intone.data.splits import Split
from intone.emotions import INDEX
from intone.models.cnn import padded
from intone.models.standardised import Standardised
from intone.report.sections.errors import hardest
from intone.report.source import Source
from intone.training.workspace import Workspace


@dataclass(frozen=True)
class Picture:
    """One clip to show in the report."""

    set: str
    model: str
    emotion: str
    """As portrayed."""
    title: str
    levels: np.ndarray
    """Log-mel [frames, bands] in decibels under the peak, -60 to 0."""
    weights: np.ndarray | None = None
    """[frames, bands], 0 to 1."""


def saliency(space: Workspace, splits: list[Split], model: str) -> list[Picture]:
    """One actor and one sentence in each emotion, by the network of the test fold. Raises Missing, IntoneError."""
    pictures = []
    for row in gallery(space.corpus.clips).to_dict("records"):
        run = space.made(model, next(s for s in splits if row["file"] in s.test))
        signal = read_clip(space.corpus.paths[row["file"]])
        weights, said = integrated(*run.recipe.spectrogram_network(run), signal)
        answer = run.labels[said]
        title = row["emotion"] if answer == row["emotion"] else f"{row['emotion']}, heard as {answer}"
        pictures.append(Picture("saliency", model, row["emotion"], title, levels(signal), weights))
    return pictures


def gallery(clips: pd.DataFrame) -> pd.DataFrame:
    """One clip of each emotion, of the first speaker and sentence that have them all, strong where possible."""
    ordered = clips.sort_values(
        ["speaker", "statement", "intensity", "repetition"], ascending=[True, True, False, True]
    )
    one_each = ordered.drop_duplicates(["speaker", "statement", "emotion"])
    groups = one_each.groupby(["speaker", "statement"])["emotion"].transform("nunique")
    best = one_each[groups == groups.max()]
    first = best[(best["speaker"] == best["speaker"].iloc[0]) & (best["statement"] == best["statement"].iloc[0])]
    return first.sort_values("emotion", key=lambda e: e.map(INDEX))


def integrated(
    network: Standardised, features: FeatureSettings, signal: np.ndarray, steps: int = 32
) -> tuple[np.ndarray, int]:
    """Integrated gradients of the predicted label's logit, [frames, rows] from 0 to 1, and that label's place.

    Negative attributions are dropped, and the rest is blurred over two frames and bands.
    """
    rows = (extract(signal, features) - network.mean.numpy()) / network.deviation.numpy()
    x, frames = padded([rows])
    said = int(network(x, frames)[0].argmax())
    start = torch.full_like(x, float(rows.min()))
    lengths = frames.expand(steps)

    def logits(given: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = network(given, lengths[: len(given)])[0]
        return out

    found = IntegratedGradients(logits).attribute(x, start, target=said, n_steps=steps, internal_batch_size=steps)
    weights = gaussian_filter(np.clip(found[0, 0].detach().numpy()[:, : rows.shape[1]], 0, None), 2).T
    return weights / max(float(weights.max()), 1e-9), said


def levels(signal: np.ndarray) -> np.ndarray:
    """Log-mel [frames, 64] of the speech in decibels under its peak, -60 to 0."""
    mel = log_mel(levelled(trim_silence(signal)), FeatureSettings(floor=1e-10)).T * (10 / np.log(10))
    return np.clip(mel - mel.max(), -60, 0)


def difficult(space: Workspace, results: Path) -> list[Picture]:
    """The clips whose portrayed emotion got the lowest probability from the report's main audio model."""
    lead = Source(results).lead.experiment
    pictures = []
    for row in hardest(Source(results).tested(lead)).to_dict("records"):
        who = row["speaker"].rpartition("-")[2]
        title = f"actor {who}: {row['emotion']},\ntaken for {row['predicted']}"
        signal = read_clip(space.corpus.paths[row["file"]])
        pictures.append(Picture("hardest", lead.model, row["emotion"], title, levels(signal)))
    return pictures


def write_pictures(out: Path, pictures: list[Picture]) -> None:
    """pictures.csv (what each shows) and pictures.npz (whole decibels above -60; weights in 255ths)."""
    arrays, rows = {}, []
    for number, picture in enumerate(pictures):
        arrays[f"levels-{number}"] = np.round(picture.levels + 60).astype(np.uint8)
        if picture.weights is not None:
            arrays[f"weights-{number}"] = np.round(255 * picture.weights).astype(np.uint8)
        rows.append((picture.set, number, picture.model, picture.emotion, picture.title))
    table = pd.DataFrame(rows, columns=["set", "number", "model", "emotion", "title"])
    np.savez_compressed(out / "pictures.npz", **arrays)  # type: ignore[arg-type]
    write_whole(out / "pictures.csv", table.to_csv(index=False, lineterminator="\n").encode())
