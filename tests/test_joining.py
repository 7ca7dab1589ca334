"""Late fusion in a model file says what the one that is judged says; its softmax is the usual one."""

import numpy as np
import pytest
import scipy.special

from intone.inference.card import Reading
from intone.inference.fusion import RULES, log_softmax, softmax


@pytest.mark.parametrize("name", RULES)
def test_probabilities_are_joined_as_the_logits_behind_them_are(name):
    heard, read = np.random.default_rng(0).normal(0, 2, (2, 50, 8))
    reading = Reading(rule=name, weight=0.3, fused_temperature=1.7)
    joined = [reading.joined(a, b) for a, b in zip(softmax(heard), softmax(read), strict=True)]
    np.testing.assert_allclose(np.stack(joined), softmax(RULES[name]([heard, read], 0.3) / 1.7), atol=1e-9)


def test_softmax_is_scipy_s_however_large_the_logits():
    logits = np.random.default_rng(0).normal(0, 300, (20, 8)).astype(np.float32)
    np.testing.assert_allclose(softmax(logits), scipy.special.softmax(logits.astype(float), axis=1), atol=1e-12)
    np.testing.assert_allclose(log_softmax(logits), scipy.special.log_softmax(logits.astype(float), axis=1))
