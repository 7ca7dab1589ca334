"""Network + examples + one fold -> a trained network and its logits [clips, labels]; resumes after a kill.

The epoch is the one whose averaged weights have the lowest loss on the validation actors, or the last (module.py).
"""

import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import lightning
import pandas as pd
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from torch import nn

from intone.data.splits import Split
from intone.device import AUTO, CUDA, check_device
from intone.errors import IntoneError
from intone.evaluation.details import Details
from intone.models.auxiliary import SideHeads, SideTasks
from intone.models.batch import Examples
from intone.training.data_module import FoldData
from intone.training.module import Clock, TrainingModule, TrainingPreset
from intone.training.recipe import FoldResult

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", module="lightning")


def fit(
    network: nn.Module,
    examples: Examples,
    split: Split,
    preset: TrainingPreset,
    folder: Path,
    labels: Sequence[str],
    seed: int = 0,
    side: SideTasks | None = None,
    callbacks: Sequence[Callback] = (),
    shares: Mapping[str, float] | None = None,
    device: str = AUTO,
) -> FoldResult:
    """Train on the fold's training clips, choose the epoch on its validation clips, and predict all of them.

    `side` holds further labels that the network also learns to predict; their heads are dropped afterwards. `shares`
    maps the beginning of parameters' names to their share of the learning rate; `device` is a name of `--device`.
    Afterwards the network has the weights of the chosen epoch. `folder` holds `last.ckpt` and `best.ckpt` during
    training; after a kill, the same call continues from the last complete epoch and ends with the same weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    heads = SideHeads(int(network.size), side) if side else None  # type: ignore[arg-type]
    module = TrainingModule(network, preset, preset.epochs * -(-len(split.train) // preset.batch), seed, heads, shares)
    last = folder / "last.ckpt"
    _trainer(preset, folder, callbacks, device).fit(
        module, FoldData(examples, split, preset.batch), ckpt_path=str(last) if last.exists() else None
    )
    best = torch.load(folder / "best.ckpt", weights_only=False)
    prefix = "averaged.module."
    network.load_state_dict({k[len(prefix) :]: v for k, v in best["state_dict"].items() if k.startswith(prefix)})
    logits, embeddings = predict(network, examples, [*split.train, *split.validation, *split.test], labels)
    count = sum(p.numel() for p in network.parameters())
    history = pd.DataFrame(module.history).drop_duplicates(["epoch", "split"], keep="last")
    return FoldResult(logits, count, module.spent, embeddings, history, Details(epoch=int(best["epoch"]) + 1))


def check_training_device(device: str) -> None:
    """Raises IntoneError for a device that isn't there."""
    check_device(device)
    if device == CUDA and not torch.cuda.is_available():
        raise IntoneError("Nothing can be trained on a GPU, as torch finds none that it can use: take --device cpu.")


def _trainer(preset: TrainingPreset, folder: Path, callbacks: Sequence[Callback], device: str) -> lightning.Trainer:
    watched = "validation_loss" if preset.patience else None
    keep = ModelCheckpoint(
        folder, "best", watched, save_last=True, save_on_train_epoch_end=True, enable_version_counter=False
    )
    stop = [EarlyStopping("validation_loss", patience=preset.patience)] if preset.patience else []
    return lightning.Trainer(
        accelerator=device,
        devices=1,
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


@torch.inference_mode()
def predict(
    network: nn.Module, examples: Examples, files: Sequence[str], labels: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Logits [clips, labels] and embeddings [clips, D] of unchanged clips, indexed by `file`, in 32 bits."""
    network.eval()
    out = [(b.files, *network(*b.inputs)) for b in examples.batches(files, 64)]
    index = pd.Index([f for part, _, _ in out for f in part], name="file")
    logits = torch.cat([x.float() for _, x, _ in out]).numpy()
    embeddings = torch.cat([e.float() for _, _, e in out]).numpy()
    return pd.DataFrame(logits, index, list(labels)), pd.DataFrame(embeddings, index)
