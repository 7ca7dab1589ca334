"""Features [B, 1, rows, T] and their lengths [B] (frames) -> emotion logits [B, labels] and an embedding [B, 384].

A small residual network (He et al. 2016) in two dimensions with statistics pooling over the clip's own frames
(Snyder et al. 2018); 0.7M parameters, the same for log-mels, MFCCs and plain spectrograms.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from intone.audio.augment.spectrogram import SpectrogramAugmentation, spliced
from intone.audio.features import mean_and_deviation
from intone.emotions import EMOTIONS
from intone.models.batch import Batch, in_batches, inside
from intone.models.standardised import Standardised

REDUCTION = 16  # frames that become one: the stem and three blocks halve time four times


@dataclass(frozen=True)
class AudioCnnPreset:
    """Sizes of the network and how its training clips are augmented."""

    version: int = 2
    """Raised when the same sizes give another network, so that folds of the old one are trained again."""
    width: int = 24
    """Channels of the stem; the blocks have 2, 4 and 8 times as many."""
    depth: int = 1
    """Residual blocks at each of the three resolutions."""
    dropout: float = 0.3
    """Before the last layer."""
    augmentation: SpectrogramAugmentation = field(default_factory=SpectrogramAugmentation)

    def built(self, rows: int, classes: int = len(EMOTIONS)) -> "AudioCnn":
        """A new network for features of `rows` rows and for `classes` labels."""
        return AudioCnn(rows, self, classes)


class Residual(nn.Module):
    """[B, inward, H, W] -> [B, outward, H / stride, W / stride]; `own` [B, 1, 1, W / stride] are the clips' frames.

    Padding is set to zero before a convolution can reach it, so that no clip's output depends on the lengths of the
    other clips in its batch.
    """

    def __init__(self, inward: int, outward: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(inward, outward, 3, stride, 1, bias=False), nn.BatchNorm2d(outward), nn.ReLU(inplace=True)
        )
        self.second = nn.Sequential(nn.Conv2d(outward, outward, 3, 1, 1, bias=False), nn.BatchNorm2d(outward))
        self.stride = stride
        same = inward == outward and stride == 1
        self.short = (
            nn.Identity() if same else nn.Sequential(nn.Conv2d(inward, outward, 1, bias=False), nn.BatchNorm2d(outward))
        )

    def forward(self, x: Tensor, own: Tensor) -> Tensor:
        """Body and shortcut added."""
        # The backward pass of a strided 1 x 1 convolution over few channels writes beyond its memory in torch 2.13:
        # what it would skip is left out before it.
        skipped = x[..., :: self.stride, :: self.stride]
        return torch.relu(self.second(self.first(x) * own) + self.short(skipped)) * own


class Dynamics(nn.Module):
    """[B, 1, rows, T] -> [B, 4, rows, T]: the rows, their slope, the slope's slope, and the rows minus their mean.

    Slopes over 7 frames show how a voice changes (Chen et al. 2018); subtracting a row's mean over the clip's own
    frames removes what belongs to the speaker and the microphone. Beyond a clip's ends its first and last frame are
    repeated.
    """

    channels = 4

    def __init__(self, reach: int = 3, gain: float = 4.0) -> None:
        super().__init__()
        self.reach = reach
        self.gain = gain / (2 * sum(k * k for k in range(1, reach + 1)))

    def slope(self, x: Tensor) -> Tensor:
        """Regression slope over 2 * reach + 1 frames, scaled to about the rows' own size."""
        padded, last = nn.functional.pad(x, (self.reach, self.reach, 0, 0), "replicate"), x.shape[3]
        out = torch.zeros_like(x)
        for k in range(1, self.reach + 1):
            ahead, behind = padded[..., self.reach + k :], padded[..., self.reach - k :]
            out = out + (k * self.gain) * (ahead[..., :last] - behind[..., :last])
        return out

    def forward(self, x: Tensor, frames: Tensor) -> Tensor:
        """Four channels, zero after the clips' ends; `frames` [B] are the true lengths."""
        own = inside(frames, x.shape[3])[:, None, None]
        end = (frames - 1)[:, None, None, None].expand(-1, 1, x.shape[2], 1)

        def held(y: Tensor) -> Tensor:
            return torch.where(own, y, y.gather(3, end))

        slope = self.slope(held(x))
        bend = self.slope(held(slope))
        mean = (x * own).sum(3, keepdim=True) / frames.to(x.dtype)[:, None, None, None]
        return torch.cat([x, slope, bend, x - mean], 1) * own


def statistics(x: Tensor, frames: Tensor) -> Tensor:
    """[B, C, T] and true lengths [B] -> mean and standard deviation over the true frames, [B, 2C]."""
    own = inside(frames, x.shape[2]).to(x.dtype)[:, None]
    share = own / own.sum(2, keepdim=True)
    mean = (x * share).sum(2)
    variance = ((x - mean[..., None]) ** 2 * share).sum(2)
    return torch.cat([mean, variance.clamp_min(1e-5).sqrt()], 1)


class AudioCnn(Standardised):
    """Residual CNN over a clip's features."""

    def __init__(self, rows: int, preset: AudioCnnPreset = AudioCnnPreset(), classes: int = len(EMOTIONS)) -> None:
        super().__init__(rows)
        width = preset.width
        blocks, inward = [], width
        for multiple in (2, 4, 8):
            for i in range(preset.depth):
                blocks.append(Residual(inward, width * multiple, 2 if i == 0 else 1))
                inward = width * multiple
        self.dynamics = Dynamics()
        self.stem = nn.Sequential(
            nn.Conv2d(Dynamics.channels, width, 5, 2, 2, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        )
        self.blocks = nn.ModuleList(blocks)
        self.embed = nn.BatchNorm1d(2 * inward)
        self.head = nn.Sequential(nn.Dropout(preset.dropout), nn.Linear(2 * inward, classes))
        self.width, self.size = inward, 2 * inward
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from torch's stubs

    def folded(self) -> "AudioCnn":
        """A copy for inference alone, in evaluation mode: each batch normalisation is folded into its convolution."""
        twin = deepcopy(self).eval()
        for part in [m for m in twin.modules() if isinstance(m, nn.Sequential)]:
            for i in range(len(part) - 1):
                conv, norm = part[i], part[i + 1]
                if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    part[i], part[i + 1] = fuse_conv_bn_eval(conv, norm), nn.Identity()
        return twin.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def sequence(self, x: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 1, rows, T] standardised features, [B] frames -> states [B, T / 16, width], their lengths [B]."""
        x = self.stem(self.dynamics(x, frames))
        frames = (frames + 1) // 2
        x = x * inside(frames, x.shape[3])[:, None, None]
        for block in self.blocks:
            assert isinstance(block, Residual)
            frames = (frames + block.stride - 1) // block.stride
            x = block(x, inside(frames, (x.shape[3] + block.stride - 1) // block.stride)[:, None, None])
        return x.mean(2).float().transpose(1, 2), frames

    def forward(self, x: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 1, rows, T] standardised features, [B] frames -> logits [B, labels], embedding [B, size]."""
        states, lengths = self.sequence(x, frames)
        embedding = self.embed(statistics(states.transpose(1, 2), lengths))
        return self.head(embedding), embedding


class AudioExamples:
    """Features of clips and their views as padded batches; standardised with the training clips' statistics."""

    def __init__(
        self,
        views: Mapping[str, Sequence[np.ndarray]],
        targets: Mapping[str, int],
        train: Sequence[str],
        augmentation: SpectrogramAugmentation,
        by_row: bool = False,
        seed: int = 0,
        kinds: Mapping[str, Hashable] | None = None,
    ) -> None:
        """`by_row` standardises each row on its own: MFCCs need it, a spectrogram's rows are of one kind.

        `targets`: `file` -> index of its label. Two training clips of the same kind (`kinds`: `file` -> kind; else of
        the same label) may be spliced.
        """
        self.views, self.targets, self.augmentation, self.seed = views, targets, augmentation, seed
        self.kinds: Mapping[str, Hashable] = kinds or targets
        self.alike: dict[Hashable, list[str]] = {}
        for file in train:
            self.alike.setdefault(self.kinds[file], []).append(file)
        self.mean, self.deviation = mean_and_deviation((views[file][0] for file in train), by_row)

    def standard(self, file: str, view: int = 0) -> np.ndarray:
        """One view of a clip, [rows, frames] float32, at the training clips' mean 0 and deviation 1."""
        return (self.views[file][view].astype(np.float32) - self.mean) / self.deviation

    def changed(self, file: str, epoch: int) -> np.ndarray:
        """An augmented copy of the clip, the same for the same seed and epoch, in any order of calls."""
        draw = np.random.default_rng([self.seed, epoch, *file.encode()])
        rows = self._any_view(file, draw)
        if draw.random() < self.augmentation.splice:
            others = self.alike[self.kinds[file]]
            rows = spliced(rows, self._any_view(others[int(draw.integers(len(others)))], draw), draw)
        return self.augmentation(rows, draw)

    def _any_view(self, file: str, draw: np.random.Generator) -> np.ndarray:
        return self.standard(file, int(draw.integers(len(self.views[file]))))

    def batches(self, files: Sequence[str], size: int, epoch: int | None = None) -> Iterator[Batch]:
        """Padded batches: shuffled and augmented for a training epoch; unchanged, in order, when it is None."""
        for part in in_batches(files, size, self.seed, epoch):
            arrays = [self.standard(f) if epoch is None else self.changed(f, epoch) for f in part]
            target = torch.tensor([self.targets[f] for f in part])
            yield Batch(padded(arrays), target, part)


def padded(arrays: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """[rows, frames] arrays -> [B, 1, rows, T] with zeros (the mean) after short ones, and their frames [B]."""
    frames = torch.tensor([a.shape[1] for a in arrays])
    longest = -(-int(frames.max()) // REDUCTION) * REDUCTION  # few different lengths: fewer kernels to prepare
    out = np.zeros((len(arrays), 1, arrays[0].shape[0], longest), np.float32)
    for i, a in enumerate(arrays):
        out[i, 0, :, : a.shape[1]] = a
    return torch.from_numpy(out).to(memory_format=torch.channels_last), frames
