"""The small spectrogram Transformer: neither padding nor neighbours change what it says, and order does."""

import numpy as np
import torch

from intone.models.ast import AudioAst, AudioAstPreset, positions
from intone.models.cnn import padded

PRESET = AudioAstPreset(width=16, layers=2, heads=2)


def clip(frames: int) -> np.ndarray:
    return np.random.default_rng(frames).normal(0, 1, (32, frames)).astype(np.float32)


def network() -> AudioAst:
    torch.manual_seed(0)
    return PRESET.built(32).eval()


@torch.inference_mode()
def test_a_clip_says_the_same_alone_and_beside_a_longer_one():
    one = network()
    together, alone = one(*padded([clip(20), clip(160)])), one(*padded([clip(20)]))
    torch.testing.assert_close(together[0][:1], alone[0], atol=1e-5, rtol=1e-4)
    assert together[1].shape == (2, 16)
    assert not torch.allclose(together[0][0], together[0][1])


@torch.inference_mode()
def test_it_hears_in_which_order_things_come():
    one, parts = network(), np.split(clip(128), 2, axis=1)
    forth, back = (one(*padded([np.concatenate(p, 1)]))[0] for p in (parts, parts[::-1]))
    assert not torch.allclose(forth, back, atol=1e-4)  # rounding is a hundredth of that
    assert len(positions(40, 16).unique(dim=0)) == 40


def test_it_learns():
    one = network().train()
    x, frames = padded([clip(n) for n in (24, 40, 56)])
    one(x, frames)[0].sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in one.parameters())
