"""Tables -> matplotlib figures, one function a figure; print-readable, colour-blind safe, no global state."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from intone.emotions import EMOTIONS, INDEX
from intone.evaluate import confusion

INK = "#222222"
TRAIN, VALIDATION = "#888888", "#AA4499"


def confusion_figure(table: pd.DataFrame, title: str) -> Figure:
    """Predictions -> confusion matrix, each row in percent of that emotion's clips."""
    counts = confusion(table["emotion"].map(INDEX).to_numpy(), table["predicted"].map(INDEX).to_numpy())
    rates = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(rates, cmap="Blues", vmin=0, vmax=100)
    ticks = range(len(EMOTIONS))
    axes.set_xticks(ticks, EMOTIONS, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(ticks, EMOTIONS)
    axes.set_xlabel("predicted")
    axes.set_ylabel("portrayed")
    axes.set_title(title, loc="left", color=INK)
    for i, j in np.ndindex(rates.shape):
        if rates[i, j] >= 0.5:
            axes.text(j, i, f"{rates[i, j]:.0f}", ha="center", va="center", color="white" if rates[i, j] > 55 else INK)
    figure.colorbar(image, ax=axes, label="% of the emotion's clips", shrink=0.8)
    return figure


def history_figure(history: pd.DataFrame, title: str) -> Figure:
    """History (columns epoch, split, loss, accuracy, uar) -> loss and accuracy over epochs, train and validation."""
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, column, label in zip(panels, ("loss", "accuracy"), ("loss (nats)", "accuracy (%)"), strict=True):
        for split, colour in (("train", TRAIN), ("validation", VALIDATION)):
            rows = history[history["split"] == split].sort_values("epoch")
            axes.plot(rows["epoch"], rows[column], color=colour, label=split, linewidth=1.8)
        axes.set_xlabel("epoch")
        axes.set_ylabel(label)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", alpha=0.3)
    panels[0].legend(frameon=False)
    figure.suptitle(f"{title} (train: with augmentation)", x=0.01, ha="left", color=INK)
    return figure
