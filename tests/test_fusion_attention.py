"""Attentive fusion: no padding leaks, frozen branches stay, a lost modality leaves the other one speaking."""

import numpy as np
import torch

from intone.models.cnn import AudioCnn, AudioCnnPreset
from intone.models.cnn import padded as padded_clips
from intone.models.cross_attention import AttentiveFusion, AttentiveFusionPreset
from intone.models.rnn import TextRnn, TextRnnPreset
from intone.text import padded as padded_words

PRESET = AttentiveFusionPreset(width=16, heads=2, dropout=0.0, hide=0.5)


def fusion(frozen: bool = True) -> AttentiveFusion:
    torch.manual_seed(0)
    branches = [AudioCnn(16, AudioCnnPreset(width=8)), TextRnn(20, TextRnnPreset(embedding="learned", hidden=8))]
    return AttentiveFusion(branches, (2, 2), frozen, PRESET)


def inputs(sizes: list[tuple[int, int]]) -> tuple[torch.Tensor, ...]:
    sounds = [np.random.default_rng(n).normal(0, 1, (16, n)).astype(np.float32) for n, _ in sizes]
    words = [np.random.default_rng(n).integers(2, 20, n) for _, n in sizes]
    return (*padded_clips(sounds), *map(torch.from_numpy, padded_words(words)))


@torch.inference_mode()
def test_a_clip_says_the_same_alone_and_beside_longer_ones():
    one = fusion().eval()
    together, alone = one(*inputs([(32, 3), (160, 9)]))[0], one(*inputs([(32, 3)]))[0]
    torch.testing.assert_close(together[:1], alone, atol=1e-5, rtol=1e-4)


def test_frozen_branches_stay_and_free_ones_learn():
    for frozen in (True, False):
        one = fusion(frozen).train()
        one(*inputs([(64, 5), (48, 4)]))[0].sum().backward()
        assert all((p.grad is None) == frozen for p in one.branches[0].blocks.parameters())
        norms = [m for m in one.branches.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        assert norms and all(m.training is not frozen for m in norms)
        assert all(m.training for m in one.branches.modules() if isinstance(m, torch.nn.Dropout))
        assert one.gate.weight.grad is not None


@torch.inference_mode()
def test_with_its_words_hidden_a_clip_says_the_same_whatever_they_were():
    one = fusion().eval()
    one.hidden = lambda like: torch.ones(len(like), dtype=torch.long)
    sound, frames, words, counts = inputs([(64, 5)])
    torch.testing.assert_close(one(sound, frames, words, counts)[0], one(sound, frames, words.flip(1), counts)[0])
    del one.hidden
    assert not torch.allclose(one(sound, frames, words, counts)[0], one(sound, frames, words.flip(1), counts)[0])


def test_modalities_are_hidden_in_training_alone():
    one = fusion()
    drawn = one.train().hidden(torch.zeros(4000, 2))
    assert {int(x) for x in drawn.unique()} == {-1, 0, 1}
    assert abs(float((drawn >= 0).float().mean()) - PRESET.hide) < 0.05
    assert (one.eval().hidden(torch.zeros(100, 2)) == -1).all()
