"""The training loop: it learns, resumes to the same weights after a kill, and its files are whole."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path

import lightning
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from intone.audio.augment.spectrogram import SpectrogramAugmentation
from intone.data.corpus import Corpus
from intone.data.splits import Split
from intone.emotions import EMOTIONS
from intone.models.auxiliary import SideHeads, SideTasks
from intone.models.batch import Batch
from intone.models.checkpoint import load_network_file, save_network
from intone.models.cnn import REDUCTION, AudioCnn, AudioCnnPreset, AudioExamples, Dynamics, padded, statistics
from intone.training.finished_fold import FinishedFold
from intone.training.module import MAX_GRADIENT_NORM, TrainingModule, TrainingPreset
from intone.training.recipe import FoldResult
from intone.training.recipes import MODELS, in_precision
from intone.training.record import FoldRecord
from intone.training.runs import COMMITTED_PRECISION, RunName, fingerprint, finished, fold_folder, write_fold
from intone.training.trainer import fit
from intone.training.workspace import Workspace

FILES = {part: tuple(f"{part}/{i}" for i in range(n)) for part, n in (("train", 64), ("validation", 16), ("test", 16))}
SPLIT = Split("speakers", "1", **FILES)
EVERYTHING = [f for part in FILES.values() for f in part]


class Points:
    """Eight noisy points in ten dimensions, one an emotion."""

    def batches(self, files: Sequence[str], size: int, epoch: int | None = None) -> Iterator[Batch]:
        if epoch is not None:
            files = np.random.default_rng(epoch).permutation(np.array(files)).tolist()
        for start in range(0, len(files), size):
            part = tuple(files[start : start + size])
            target = torch.tensor([int(f.split("/")[1]) % 8 for f in part])
            draws = [np.random.default_rng([*f.encode(), epoch or 0]).normal(0, 0.3, 10) for f in part]
            x = torch.tensor(np.array(draws), dtype=torch.float32)
            x[torch.arange(len(part)), target] += 1
            yield Batch((x,), target, part)


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(10, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2))
        self.head = nn.Linear(16, 8)
        self.size = 16

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        embedding = self.body(x)
        return self.head(embedding), embedding


PRESET = TrainingPreset(epochs=6, rate=0.05, average=0.8, precision="32-true")


def network() -> Small:
    torch.manual_seed(1)
    return Small()


class Kill(lightning.Callback):
    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_epoch_start(self, trainer, pl_module) -> None:
        if trainer.current_epoch == self.epoch:
            raise RuntimeError("killed")


def test_it_learns_and_says_so_for_every_clip(tmp_path):
    got = fit(network(), Points(), SPLIT, PRESET, tmp_path, EMOTIONS)
    assert list(got.logits.index) == EVERYTHING
    assert list(got.logits.columns) == list(EMOTIONS)
    right = got.logits.to_numpy().argmax(1) == [int(f.split("/")[1]) % 8 for f in EVERYTHING]
    assert right.mean() > 0.8
    assert set(got.history["split"]) == {"train", "validation"}
    assert 1 <= got.details.epoch <= 6


def test_a_killed_training_goes_on_to_the_same_logits(tmp_path):
    whole = fit(network(), Points(), SPLIT, PRESET, tmp_path / "whole", EMOTIONS)
    with pytest.raises(RuntimeError, match="killed"):
        fit(network(), Points(), SPLIT, PRESET, tmp_path / "cut", EMOTIONS, callbacks=[Kill(3)])
    resumed = fit(network(), Points(), SPLIT, PRESET, tmp_path / "cut", EMOTIONS)
    # To a last digit of 32 bits: threads may sum in another order.
    pd.testing.assert_frame_equal(resumed.logits, whole.logits, atol=1e-4)
    pd.testing.assert_frame_equal(resumed.history, whole.history, atol=1e-4)
    assert resumed.details.epoch == whole.details.epoch


def test_a_part_learns_at_its_share_of_the_rate():
    lesson = TrainingModule(Small(), TrainingPreset(rate=1e-2), 10, shares={"body.": 0.1})
    groups = lesson.configure_optimizers()["optimizer"].param_groups
    rates = {id(p): group["max_lr"] for group in groups for p in group["params"]}
    decays = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    for name, p in lesson.network.named_parameters():
        assert rates[id(p)] == pytest.approx(1e-3 if name.startswith("body.") else 1e-2)
        assert (decays[id(p)] > 0) == (p.ndim > 1)
    assert len(rates) == len(list(lesson.network.parameters()))


def test_the_last_epoch_is_judged_where_that_is_asked_for(tmp_path):
    class Misled(Points):  # what is validated has other labels: the more is learned, the worse
        def batches(self, files: Sequence[str], size: int, epoch: int | None = None) -> Iterator[Batch]:
            for batch in super().batches(files, size, epoch):
                yield batch if epoch is not None else Batch(batch.inputs, (batch.targets + 1) % 8, batch.files)

    preset = TrainingPreset(epochs=4, patience=1, batch=16, rate=1e-2, average=0.0, precision="32-true")
    best = fit(network(), Misled(), SPLIT, preset, tmp_path / "best", EMOTIONS)
    last = fit(network(), Misled(), SPLIT, replace(preset, patience=0), tmp_path / "last", EMOTIONS)
    assert best.details.epoch < last.details.epoch == 4 == last.history["epoch"].max()


def test_a_long_gradient_is_cut_before_the_step(tmp_path):
    lengths = []

    class Watch(lightning.Callback):
        def on_before_zero_grad(self, trainer, lesson, optimizer):  # after the first step: what it was taken with
            grads = [p.grad for p in lesson.network.parameters() if p.grad is not None]
            lengths.append(float(torch.stack([g.norm() for g in grads]).norm()) if grads else 0.0)

    steep = network()
    steep.head.weight.data.mul_(1e4)
    fit(
        steep,
        Points(),
        SPLIT,
        TrainingPreset(epochs=1, batch=16, precision="32-true"),
        tmp_path,
        EMOTIONS,
        callbacks=[Watch()],
    )
    assert 4.9 < max(lengths) <= MAX_GRADIENT_NORM + 1e-3


def test_patience_ends_a_training_that_gets_no_better(tmp_path):
    class Still(nn.Module):  # nothing in it changes, not even a running mean: each epoch's loss is the first one's
        def __init__(self) -> None:
            super().__init__()
            self.head, self.size = nn.Linear(10, 8), 10

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return self.head(x), x

    hopeless = TrainingPreset(epochs=9, rate=0.0, patience=2, average=0.5)
    got = fit(Still(), Points(), SPLIT, hopeless, tmp_path, EMOTIONS)
    assert got.history["epoch"].max() == 3 and got.details.epoch == 1


def clip_table() -> pd.DataFrame:
    rows = [(f, f.split("/")[0], EMOTIONS[int(f.split("/")[1]) % 8]) for f in EVERYTHING]
    return pd.DataFrame(rows, columns=["file", "speaker", "emotion"])


def test_a_fold_comes_back_from_its_folder_calibrated_on_validation(tmp_path):
    clips = clip_table()
    true = clips.set_index("file")["emotion"].map(EMOTIONS.index)
    draw = np.random.default_rng(0)
    loud = 20 * (np.eye(8)[true.to_numpy()] + draw.normal(0, 0.6, (len(clips), 8)))  # far too sure of itself
    logits = pd.DataFrame(loud, pd.Index(clips["file"]), list(EMOTIONS)).sample(frac=1, random_state=0)
    mark = fingerprint({"model": "m"}, SPLIT, clips)
    folder = fold_folder(tmp_path, RunName("m"), "1")
    assert not finished(folder, mark)
    record = FoldRecord(fingerprint=mark, settings={"model": "m", "track": "none"}, temperature=1.0)
    write_fold(folder, SPLIT, clips, FoldResult(logits, 5, 1.5, built_on={"n": 2.0}), record)
    assert finished(folder, mark)
    assert not finished(folder, fingerprint({"model": "o"}, SPLIT, clips))
    back = FinishedFold(folder, {})
    assert back.record.spent == {"n": 2.0, "m": 1.5} and back.record.seconds == 3.5
    assert back.record.temperature > 5
    table = back.predictions.set_index("file")
    assert (table.loc[logits.index, "predicted"] == [EMOTIONS[i] for i in logits.to_numpy().argmax(1)]).all()
    assert "test" not in (folder / "metrics.json").read_text()


def test_fingerprints_ignore_the_order_of_rows():
    clips = clip_table()
    assert fingerprint({}, SPLIT, clips) == fingerprint({}, SPLIT, clips.sample(frac=1, random_state=1))
    other = clips.assign(emotion="calm")
    assert fingerprint({}, SPLIT, clips) != fingerprint({}, SPLIT, other)


def test_the_projects_models_learn_in_one_precision_and_in_another_are_others():
    """What `auto` took hung on the processor, and so did the networks."""
    presets = [v for recipe in MODELS.values() for v in vars(recipe).values() if isinstance(v, TrainingPreset)]
    assert len(presets) > 9 and {preset.precision for preset in presets} == {COMMITTED_PRECISION}
    clips, space = clip_table(), Workspace(Corpus("small", clip_table(), {}), MODELS, Path("nowhere"))
    other = replace(space, models=in_precision(MODELS, "32-true"))
    marks = [fingerprint(one.settings("audio_cnn", "none"), SPLIT, clips) for one in (space, other)]
    assert marks[0] != marks[1]


@pytest.fixture
def examples() -> AudioExamples:
    draw = np.random.default_rng(0)
    views = {f: [draw.normal(5, 2, (16, 30 + 3 * i)).astype(np.float16)] * 2 for i, f in enumerate(FILES["train"][:9])}
    targets = {f: i % 8 for i, f in enumerate(views)}
    return AudioExamples(views, targets, list(views), SpectrogramAugmentation(), by_row=True)


def test_training_clips_have_mean_0_and_deviation_1(examples):
    rows = np.concatenate([examples.standard(f) for f in examples.views], 1)
    assert np.allclose(rows.mean(1), 0, atol=1e-2)
    assert np.allclose(rows.std(1), 1, atol=1e-2)


def test_augmentation_is_the_same_for_the_same_epoch_and_another_for_the_next(examples):
    file = next(iter(examples.views))
    assert np.array_equal(examples.changed(file, 3), examples.changed(file, 3))
    assert not np.array_equal(examples.changed(file, 3), examples.changed(file, 4))


def test_padding_changes_nothing():
    torch.manual_seed(0)
    net = AudioCnn(16, AudioCnnPreset(width=8)).eval()
    arrays = [np.random.default_rng(i).normal(size=(16, REDUCTION * (3 + i))).astype(np.float32) for i in range(3)]
    together = statistics(torch.ones(2, 3, 5), torch.tensor([2, 5]))
    assert torch.allclose(together[:, :3], torch.ones(2, 3))
    with torch.inference_mode():
        batch = net(*padded(arrays))[0]
        alone = torch.cat([net(*padded([a]))[0] for a in arrays])
    assert torch.allclose(batch[2], alone[2], atol=1e-4)  # the longest has no padding: the same to the last digits
    assert (batch - alone).abs().max() < 0.5 * alone.abs().max()  # convolutions see the border of the others


@pytest.mark.parametrize("width", [4, 12])
def test_narrow_networks_learn(width):
    """With a strided shortcut, torch's backward pass wrote beyond its memory at such widths on some processors."""
    net = AudioCnn(16, AudioCnnPreset(width=width))
    net(*padded([np.ones((16, 60), np.float32)] * 4))[0].sum().backward()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in net.parameters())


def test_saved_weights_rebuild_the_network_and_foreign_ones_are_refused(tmp_path):
    net = AudioCnn(16, AudioCnnPreset(width=8))
    save_network(net, Path(tmp_path / "m.safetensors"), {"rows": 16})
    other = AudioCnn(16, AudioCnnPreset(width=8))
    load_network_file(other, tmp_path / "m.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), other.state_dict().values(), strict=True))
    with pytest.raises(RuntimeError):
        load_network_file(AudioCnn(16, AudioCnnPreset(width=16)), tmp_path / "m.safetensors")


def test_dynamics_of_a_ramp():
    ramp = torch.arange(20.0).expand(1, 1, 3, 20).clone()
    out = Dynamics(gain=1.0)(ramp, torch.tensor([20]))
    assert out.shape == (1, 4, 3, 20)
    assert torch.allclose(out[0, 1, :, 3:-3], torch.ones(3, 14))
    assert torch.allclose(out[0, 2, :, 6:-6], torch.zeros(3, 8), atol=1e-5)
    assert torch.allclose(out[0, 3].mean(1), torch.zeros(3), atol=1e-5)


def test_dynamics_take_the_mean_over_the_clips_own_frames():
    x = torch.cat([torch.full((1, 1, 2, 10), 3.0), torch.zeros(1, 1, 2, 6)], 3)
    assert (Dynamics()(x, torch.tensor([10]))[0, 3] == 0).all()


def test_side_tasks_are_those_that_tell_training_clips_apart():
    clips = pd.DataFrame(
        {
            "file": ["a", "b", "c", "d"],
            "intensity": ["normal", "strong", "normal", "strong"],
            "statement": ["kids", "kids", "kids", "dogs"],
            "repetition": [1, None, 1, 2],
        }
    )
    tasks = SideTasks.of(clips, ("intensity", "statement", "repetition"), ("c", "b", "a"), 0.5)
    assert tasks.labels == {"intensity": {"c": 0, "b": 1, "a": 0}}
    heads = SideHeads(3, tasks)
    nn.init.zeros_(heads.heads[0].weight), nn.init.zeros_(heads.heads[0].bias)
    assert heads(torch.ones(2, 3), ("a", "b")).item() == pytest.approx(0.5 * np.log(2))


def test_a_side_task_shapes_the_network_and_is_not_part_of_it(tmp_path):
    tasks = SideTasks({"half": {f: int(f.split("/")[1]) % 2 for f in EVERYTHING}}, 1.0)
    one, other = network(), network()
    with_it = fit(one, Points(), SPLIT, PRESET, tmp_path / "side", EMOTIONS, side=tasks)
    without = fit(other, Points(), SPLIT, PRESET, tmp_path / "plain", EMOTIONS)
    assert with_it.parameters == without.parameters
    assert set(one.state_dict()) == set(other.state_dict())
    assert not np.allclose(with_it.logits, without.logits)


def test_spliced_clips_are_of_one_kind_and_from_training(tmp_path):
    views = {
        name: [np.full((4, 20), level, np.float32)] for name, level in zip("abcd", (1.0, 2.0, 3.0, 9.0), strict=True)
    }
    emotions = dict(zip("abcd", ("sad", "sad", "happy", "sad"), strict=True))
    off = {f.name: 0 for f in fields(SpectrogramAugmentation)} | {"crop": 100, "splice": 1.0}
    examples = AudioExamples(views, emotions, ["a", "b", "c"], SpectrogramAugmentation(**off))
    heard = [
        set(np.unique(examples.changed("a", e) * examples.deviation[0] + examples.mean[0]).round(3)) for e in range(20)
    ]
    assert set().union(*heard) == {1.0, 2.0}
    assert {1.0, 2.0} in heard


@pytest.mark.parametrize("frames", [16, 21, 48])
@torch.inference_mode()
def test_a_clips_answer_does_not_depend_on_its_neighbours_or_on_what_stands_behind_it(frames):
    torch.manual_seed(0)
    network = AudioCnn(16, AudioCnnPreset(width=8))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):  # else zeros stay zeros by themselves
            module.running_mean.normal_(), module.bias.normal_()
    network.eval()
    clip, longer = (np.random.default_rng(n).normal(0, 1, (16, n)).astype(np.float32) for n in (frames, 111))
    alone = network(*padded([clip]))
    beside = network(*padded([longer, clip]))
    for one, other in zip(alone, beside, strict=True):
        torch.testing.assert_close(one[0], other[1], atol=1e-5, rtol=1e-5)
    x, lengths = padded([clip, longer])
    x[0, :, :, frames:] = 7.0
    torch.testing.assert_close(network(x, lengths)[0][0], alone[0][0], atol=1e-5, rtol=1e-5)


def test_folding_the_normalisations_changes_no_answer():
    torch.manual_seed(0)
    network = AudioCnn(16, AudioCnnPreset(width=8))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):  # as after training: neither 0 nor 1
            module.running_mean.normal_(), module.running_var.uniform_(0.5, 2), module.bias.data.normal_()
    x, frames = padded([np.random.default_rng(i).normal(0, 1, (16, 40 + i)).astype(np.float32) for i in range(3)])
    folded = network.folded()
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    with torch.inference_mode():
        torch.testing.assert_close(folded(x, frames), network.eval()(x, frames), atol=1e-4, rtol=1e-3)
