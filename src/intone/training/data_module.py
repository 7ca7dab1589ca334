"""Examples + one fold -> batches for Lightning: new ones in each training epoch, always the same for validation."""

from collections.abc import Iterator, Sequence

import lightning
import torch

from intone.data.splits import Split
from intone.models.batch import Batch, Examples


class EpochBatches:
    """The batches of one epoch for Lightning: an iterable with a length."""

    def __init__(self, examples: Examples, files: Sequence[str], size: int, epoch: int | None) -> None:
        self.examples, self.files, self.size, self.epoch = examples, files, size, epoch

    def __len__(self) -> int:
        return -(-len(self.files) // self.size)

    def __iter__(self) -> Iterator[Batch]:
        return self.examples.batches(self.files, self.size, self.epoch)


class FoldData(lightning.LightningDataModule):
    """Training batches, new in each epoch, and validation batches of one fold."""

    def __init__(self, examples: Examples, split: Split, size: int) -> None:
        super().__init__()
        self.examples, self.split, self.size = examples, split, size

    def train_dataloader(self) -> EpochBatches:
        """The batches of the epoch that is about to start."""
        assert self.trainer is not None
        return EpochBatches(self.examples, self.split.train, self.size, self.trainer.current_epoch)

    def val_dataloader(self) -> EpochBatches:
        """Validation clips, without augmentation."""
        return EpochBatches(self.examples, self.split.validation, 64, None)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, _index: int) -> Batch:
        """Move the tensors to the device; keys stay."""
        return Batch(tuple(x.to(device) for x in batch.inputs), batch.targets.to(device), batch.files)
