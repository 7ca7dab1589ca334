"""Network + examples + one fold -> a trained network, its logits [clips, 8] and a run folder that resumes after a kill.

The epoch is the one whose averaged weights have the lowest loss on the validation actors, or the last (module.py).
"""

import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import lightning
import pandas as pd
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from torch import nn

from intone.data.splits import Split
from intone.emotions import EMOTIONS
from intone.models.auxiliary import SideHeads, SideTasks
from intone.models.batch import Examples
from intone.training.data_module import FoldData
from intone.training.module import Clock, Lesson, TrainingPreset

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", module="lightning")


@dataclass(frozen=True)
class Fitted:
    """A trained network and what it says of a fold's clips."""

    network: nn.Module
    logits: pd.DataFrame
    """Index `file`, one column per emotion: with the averaged weights, in evaluation mode, without augmentation."""
    embeddings: pd.DataFrame
    """Index `file`, one column per dimension."""
    epoch: int
    """The chosen epoch, from 1; 0 where nothing was trained here."""
    parameters: int
    seconds: float
    """Training time, all attempts together."""
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Columns `epoch, split, loss, accuracy, uar`."""


def fit(
    network: nn.Module,
    examples: Examples,
    split: Split,
    preset: TrainingPreset,
    folder: Path,
    side: SideTasks | None = None,
    callbacks: Sequence[Callback] = (),
    shares: Mapping[str, float] | None = None,
) -> Fitted:
    """Train on the fold's training clips, choose the epoch on its validation clips, and listen to all of them.

    `side` is what the network also learns of the training clips; those heads are dropped afterwards. `shares` slows the
    parameters whose names begin so: to that share of the learning rate.
    `folder` gets `last.ckpt` and `best.ckpt` while training goes on; the same call after a kill goes on from the last
    whole epoch and ends with the same weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(preset.seed)
    heads = SideHeads(int(network.size), side) if side else None  # type: ignore[arg-type]
    lesson = Lesson(network, preset, preset.epochs * -(-len(split.train) // preset.batch), heads, shares)
    watched = "validation_loss" if preset.patience else None
    keep = ModelCheckpoint(
        folder, "best", watched, save_last=True, save_on_train_epoch_end=True, enable_version_counter=False
    )
    stop = [EarlyStopping("validation_loss", patience=preset.patience)] if preset.patience else []
    trainer = lightning.Trainer(
        max_epochs=preset.epochs,
        callbacks=[Clock(), *stop, keep, *callbacks],
        logger=TensorBoardLogger(folder, name="", version="tensorboard"),
        precision=preset.precision,  # type: ignore[arg-type]
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=10_000,
    )
    last = folder / "last.ckpt"
    trainer.fit(lesson, FoldData(examples, split, preset.batch), ckpt_path=str(last) if last.exists() else None)
    best = torch.load(folder / "best.ckpt", weights_only=False)
    prefix = "averaged.module."
    network.load_state_dict({k[len(prefix) :]: v for k, v in best["state_dict"].items() if k.startswith(prefix)})
    logits, embeddings = listen(network, examples, [*split.train, *split.validation, *split.test])
    count = sum(p.numel() for p in network.parameters())
    history = pd.DataFrame(lesson.history).drop_duplicates(["epoch", "split"], keep="last")
    return Fitted(network, logits, embeddings, int(best["epoch"]) + 1, count, lesson.spent, history)


@torch.inference_mode()
def listen(network: nn.Module, examples: Examples, files: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Logits [clips, 8] and embeddings [clips, D] of clips as they are, indexed by `file`, in 32 bits."""
    network.eval()
    out = [(b.files, *network(*b.inputs)) for b in examples.batches(files, 64)]
    index = pd.Index([f for part, _, _ in out for f in part], name="file")
    logits = torch.cat([x.float() for _, x, _ in out]).numpy()
    embeddings = torch.cat([e.float() for _, _, e in out]).numpy()
    return pd.DataFrame(logits, index, list(EMOTIONS)), pd.DataFrame(embeddings, index)
