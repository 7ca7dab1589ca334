"""Network + preset -> a Lightning module: loss, optimizer, averaged weights, history, time spent (s).

Adam with decoupled weight decay, a one-cycle learning rate, and weights averaged over the steps; each epoch is judged
by the averaged weights' loss on the fold's validation actors, at the best temperature.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from intone.evaluation.calibration import log_loss, temperature
from intone.evaluation.metrics import accuracy, confusion, uar
from intone.models.auxiliary import SideHeads
from intone.models.batch import Batch

MAX_GRADIENT_NORM = 5.0
"""A gradient with a larger norm (over all trained parameters) is scaled down to this norm."""


@dataclass(frozen=True)
class TrainingPreset:
    """How a network is trained; the same for every fold."""

    epochs: int = 60
    """At most this many passes over the training clips."""
    patience: int = 25
    """Stop after this many epochs without a lower validation loss, and evaluate the one with the lowest; with 0, train
    to the end and evaluate the last one."""
    batch: int = 16
    """Clips in a step."""
    rate: float = 2e-3
    """Highest learning rate of the cycle."""
    decay: float = 0.02
    """Weight decay (Loshchilov & Hutter 2019)."""
    smoothing: float = 0.1
    """Label smoothing."""
    average: float = 0.998
    """Share of the averaged weights that each step keeps: an average over about 500 steps."""
    class_weights: tuple[float, ...] | None = None
    """Weight of each label in the loss, in their order; None counts every clip once."""
    precision: str = "32-true"
    """One of Lightning's. It never depends on the processor: another precision gives another network."""


class TrainingModule(lightning.LightningModule):
    """One network, its loss and its averaged copy; collects the run's history."""

    def __init__(
        self,
        network: nn.Module,
        preset: TrainingPreset,
        steps: int,
        seed: int = 0,
        side: SideHeads | None = None,
        shares: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        self.network, self.preset, self.steps, self.seed, self.side = network, preset, steps, seed, side
        self.shares = shares or {}
        self.averaged = AveragedModel(network, avg_fn=self._follow, use_buffers=True)
        weights = torch.tensor(preset.class_weights) if preset.class_weights else None
        self.loss = nn.CrossEntropyLoss(weights, label_smoothing=preset.smoothing)
        self.plain_loss = nn.CrossEntropyLoss(weights)
        self.seen: dict[str, list[tuple[float, Tensor, Tensor]]] = {"train": [], "validation": []}
        """Loss, logits and targets of each batch of the epoch."""
        self.history: list[dict[str, Any]] = []
        self.spent = 0.0

    def _follow(self, averaged: Tensor, current: Tensor, steps: Tensor | int) -> Tensor:
        """Moving average whose first steps count more, so that it forgets the random start. Counters are copied."""
        if not current.dtype.is_floating_point:
            return current
        return averaged.lerp(current, 1 - min(self.preset.average, (1 + int(steps)) / (10 + int(steps))))

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        """Loss of one batch."""
        logits, embedding = self.network(*batch.inputs)
        logits = logits.float()
        loss: Tensor = self.loss(logits, batch.targets)
        self.seen["train"].append((float(loss.detach()), logits.detach(), batch.targets))
        return loss if self.side is None else loss + self.side(embedding.float(), batch.files)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Make a step, then update the averaged weights."""
        super().optimizer_step(*args, **kwargs)
        self.averaged.update_parameters(self.network)

    def validation_step(self, batch: Batch, _index: int) -> None:
        """Keep the averaged weights' logits and loss of one batch."""
        logits = self.averaged(*batch.inputs)[0].float()
        self.seen["validation"].append((float(self.plain_loss(logits, batch.targets).detach()), logits, batch.targets))

    def on_train_epoch_start(self) -> None:
        """Seed by epoch, so that a resumed run draws the same dropout."""
        torch.manual_seed(self.seed * 100_003 + self.current_epoch)
        self.seen["train"].clear()

    def on_validation_epoch_start(self) -> None:
        """Clear the last epoch's batches."""
        self.seen["validation"].clear()

    def on_validation_epoch_end(self) -> None:
        """Log the loss by which the epoch is chosen: at its best temperature, since calibration follows anyway."""
        self._note("validation")
        logits = torch.cat([x for _, x, _ in self.seen["validation"]]).cpu().numpy()
        true = torch.cat([t for _, _, t in self.seen["validation"]]).cpu().numpy()
        weights = np.array(self.preset.class_weights)[true] if self.preset.class_weights else None
        self.log("validation_loss", log_loss(logits / temperature(logits, true, weights), true, weights))

    def on_train_epoch_end(self) -> None:
        """Log the training loss and add the training metrics to the history."""
        self.log("train_loss", self._note("train"))

    def _note(self, split: str) -> float:
        losses, logits, targets = zip(*self.seen[split], strict=True)
        sizes = [len(t) for t in targets]
        together = torch.cat(logits)
        table = confusion(torch.cat(targets).cpu().numpy(), together.argmax(1).cpu().numpy(), together.shape[1])
        loss = float(np.average(losses, weights=sizes))
        row = {"epoch": self.current_epoch + 1, "split": split, "loss": loss}
        self.history.append(row | {"accuracy": float(accuracy(table)), "uar": float(uar(table))})
        return loss

    def configure_gradient_clipping(self, optimizer: Any, *_args: Any, **_kwargs: Any) -> None:
        """Clip here: Lightning refuses to for a fused optimizer in mixed precision, as if the loss were scaled."""
        nn.utils.clip_grad_norm_([p for _, p in self._learning()], MAX_GRADIENT_NORM)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the history and the time spent with the weights."""
        checkpoint["history"] = self.history
        checkpoint["spent"] = self.spent

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the history and the time spent."""
        self.history = checkpoint["history"]
        self.spent = checkpoint["spent"]

    def configure_optimizers(self) -> Any:
        """AdamW (decay on matrices only) and a one-cycle learning rate (Smith & Topin 2019)."""
        groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
        for name, parameter in self._learning():
            share = next((s for start, s in self.shares.items() if name.startswith(start)), 1.0)
            for decayed in (True, False):  # both kinds, in this order, for whole networks and for parts of them
                groups.setdefault((share, decayed), [])
            groups[share, parameter.ndim > 1].append(parameter)
        settings = [{"params": of, "weight_decay": self.preset.decay * decayed} for (_, decayed), of in groups.items()]
        rates = [self.preset.rate * share for share, _ in groups]
        optimizer = torch.optim.AdamW(settings, lr=self.preset.rate, fused=True)  # four times as fast on a processor
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, self.steps, pct_start=0.15)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}

    def _learning(self) -> Iterator[tuple[str, nn.Parameter]]:
        """(name, parameter) of all that is trained."""
        modules = [self.network] if self.side is None else [self.network, self.side]
        yield from ((name, p) for module in modules for name, p in module.named_parameters() if p.requires_grad)


class Clock(Callback):
    """Adds each epoch's seconds to the time in the checkpoint."""

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Start."""
        self.started = time.perf_counter()

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Stop, before the checkpoint is written."""
        if isinstance(pl_module, TrainingModule) and not trainer.sanity_checking:
            pl_module.spent += time.perf_counter() - self.started
