"""Late fusion without a training library says what the one that is judged says."""

import numpy as np
import pytest

from intone.joining import RULES
from intone.model_file import softmax
from intone.models.fusion import LATE, WeightedLogits


@pytest.mark.parametrize("name", LATE)
def test_each_rule_joins_as_the_fusion_of_its_name_does(name):
    draw = np.random.default_rng(0)
    heard, read = draw.normal(0, 2, (2, 50, 8))
    fusion = LATE[name]()
    weight = 0.5
    if isinstance(fusion, WeightedLogits):
        weight = fusion.weight = 0.3
    joined = [RULES[name](a, b, weight) for a, b in zip(softmax(heard), softmax(read), strict=True)]
    np.testing.assert_allclose(softmax(np.stack(joined)), softmax(fusion([heard, read])), atol=1e-9)
