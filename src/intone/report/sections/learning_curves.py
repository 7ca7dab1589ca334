"""An experiment -> its learning curves: its own epochs, or those of the model that each fold selected."""

import pandas as pd

from intone.evaluation.confidence import log_loss
from intone.evaluation.results import Experiment
from intone.report.source import AUDIO_TRACK, Source


def history_of(source: Source, experiment: Experiment) -> pd.DataFrame:
    """Rows of history.csv.gz (`epoch, split, loss, accuracy, uar, fold`); empty where it is not trained in epochs."""
    history = source.table("history.csv.gz")
    if history is None:
        return pd.DataFrame()
    mine = _of(source, history, experiment.model, experiment)
    if len(mine):
        return mine
    parts = []
    for row in source.choices(experiment).to_dict("records"):
        epochs = _of(source, history, row["details"].picked or "", experiment)
        parts.append(epochs[epochs["fold"] == row["fold"]])
    return pd.concat(parts) if parts else pd.DataFrame()


def _of(source: Source, table: pd.DataFrame, model: str, experiment: Experiment) -> pd.DataFrame:
    track = AUDIO_TRACK if source.modalities.get(model) == "audio" else experiment.track
    return table[(table["model"] == model) & (table["track"] == track) & (table["protocol"] == experiment.protocol)]


def final(source: Source, experiment: Experiment) -> dict[str, float]:
    """Loss (nats) and accuracy (percent) of the final weights on test actors."""
    return {
        "loss": log_loss(source.tested(experiment)),
        "accuracy": float(source.row(experiment)["accuracy"]),
    }


def learned_once(experiment: Experiment) -> bool:
    """Whether all folds share one training: text models for sentences paired by label train on GoEmotions."""
    return experiment.modality == "text" and experiment.track == "natural"
