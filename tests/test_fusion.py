"""Fusions: by hand where that is possible, and what each must never do."""

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn

from intone.inference.fusion import RULES, WEIGHTED, mean, summed, vote
from intone.models.fusion import EarlyFusion, first_weight
from intone.models.rnn import TextRnn, TextRnnPreset
from intone.training.recipes.choice import simplest

DRAW = np.random.default_rng(0)
TRUE = DRAW.integers(0, 8, 200)


def branch(skill: float, seed: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return skill * np.eye(8)[TRUE] + draw.normal(0, 1, (200, 8))


def right(logits: np.ndarray) -> float:
    return float((logits.argmax(1) == TRUE).mean())


@pytest.mark.parametrize("name", RULES)
def test_two_good_branches_are_better_than_one_and_probabilities_stay_probabilities(name):
    one, other = branch(2.5, 1), branch(2.5, 2)
    weight = first_weight([one[:100], other[:100]], TRUE[:100]) if name == WEIGHTED else 0.5
    fused = RULES[name]([one, other], weight)
    assert fused.shape == (200, 8)
    assert np.isfinite(fused).all()
    assert right(fused) >= max(right(one), right(other)) - 0.005
    if name != "fusion_late_vote":  # two voters who differ fall back on the mean
        assert right(fused) > max(right(one), right(other)) + 0.03


def test_mean_and_sum_by_hand():
    a, b = np.log([[0.7, 0.2, 0.1]]), np.log([[0.2, 0.5, 0.3]])
    assert np.allclose(softmax(mean([a, b]), axis=1), [[0.45, 0.35, 0.2]])
    product = np.array([[0.14, 0.10, 0.03]])
    assert np.allclose(softmax(summed([a, b]), axis=1), product / product.sum())


def certain(*emotions: int, p: float = 0.6) -> list[np.ndarray]:
    rest = (1 - p) / 7
    return [np.log(np.where(np.arange(8) == e, p, rest))[None] for e in emotions]


def test_a_majority_outvotes_any_confidence():
    fused = vote([*certain(2, 2, p=0.3), *certain(5, p=0.999)])
    assert fused.argmax() == 2


def test_a_tie_goes_to_the_higher_mean_probability():
    assert vote([*certain(2, p=0.5), *certain(5, p=0.9)]).argmax() == 5
    # the third class has the highest mean and no vote: it can't win
    a, b = np.full((1, 8), 1e-3), np.full((1, 8), 1e-3)
    a[0, [0, 1]], b[0, [2, 1]] = [0.50, 0.49], [0.51, 0.48]
    assert vote([np.log(a), np.log(b)]).argmax() == 2


def test_weights_learn_which_branch_to_trust():
    good, noise = branch(4, 3), branch(0, 4)
    assert first_weight([good, noise], TRUE) > 0.8
    with pytest.raises(ValueError, match="two branches"):
        first_weight([good, noise, good], TRUE)


class Pass(nn.Module):
    size = 4

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x: torch.Tensor, _lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, self.norm(x)


@pytest.mark.parametrize("begun", [True, False], ids=["train() called", "as Lightning takes it"])
@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_branches_do_not_change_and_joint_ones_do(frozen, begun):
    torch.manual_seed(0)
    fusion = EarlyFusion([Pass(), Pass()], [2, 2], frozen)
    before = {k: v.clone() for k, v in fusion.branches.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in fusion.parameters() if p.requires_grad], 0.1)
    if begun:
        fusion.train()
    x, n = torch.randn(16, 4) + 3, torch.ones(16)
    fusion(x, n, x, n)[0].square().sum().backward()
    optimizer.step()
    same = [torch.equal(v, before[k]) for k, v in fusion.branches.state_dict().items()]
    assert all(same) if frozen else not any(same)


def test_modality_dropout_hides_at_most_one_branch_of_a_clip():
    fusion = EarlyFusion([Pass(), Pass()], [2, 2], True, hide=1.0)
    seen: list[torch.Tensor] = []
    fusion.body.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    x, n = torch.randn(500, 4), torch.ones(500)
    fusion.train()(x, n, x, n)
    gone = torch.stack([(part == 0).all(1) for part in seen[0].chunk(2, 1)])
    assert (gone.sum(0) == 1).all()
    assert 0.3 < gone[0].float().mean() < 0.7
    fusion.eval()(x, n, x, n)
    assert not (seen[1] == 0).all(1).any() and torch.equal(*seen[1].chunk(2, 1))


def test_joint_training_leaves_still_what_a_branch_holds_still():
    branch = TextRnn(9, TextRnnPreset("lstm", "glove", hidden=4, learned=2))
    still = {name for name, p in branch.named_parameters() if not p.requires_grad}
    assert still
    EarlyFusion([branch], [2], frozen=False)
    assert {name for name, p in branch.named_parameters() if not p.requires_grad} == still


def test_a_choice_takes_the_simplest_within_an_error_of_the_best():
    noise = np.tile([0.5, -0.5], 50)
    near, best, far = 1.02 + noise, np.full(100, 1.0), np.full(100, 1.2) + noise
    costs = {"far": far, "near": near, "best": best}
    assert simplest(costs, 1.0) == "near"  # 0.02 worse, with an error of 0.05
    assert simplest(costs, 0.0) == "best"
    assert simplest(costs, 5.0) == "far"
