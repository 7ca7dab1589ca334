"""A probe of each layer, and of sentences that are not in training."""

import numpy as np
import pandas as pd
import pytest

from intone.data.corpus import Corpus
from intone.data.splits import folds
from intone.emotions import EMOTIONS
from intone.experiments import layers
from intone.experiments.layers import Clips, _half, by_layer, by_sentence


@pytest.fixture(scope="module")
def clips() -> Clips:
    """24 actors, eight emotions, two sentences, two takes; the second of two layers tells the emotions apart, and each
    sentence has a sound of its own."""
    rows = [
        (f"{a:02d}/{e}-{s}-{r}.wav", "ravdess", f"ravdess-{a:02d}", e, "normal", s, str(r))
        for a in range(1, 25)
        for e in EMOTIONS
        for s in ("kids", "dogs")
        for r in (1, 2)
    ]
    table = pd.DataFrame(rows, columns=["file", "corpus", "speaker", "emotion", "intensity", "statement", "repetition"])
    draw = np.random.default_rng(0)
    ways = {name: draw.normal(size=10) for name in (*EMOTIONS, "kids", "dogs")}
    states = {
        row.file: np.stack([draw.normal(size=10), ways[row.emotion] + 2 * ways[row.statement] + draw.normal(size=10)])
        for row in table.itertuples()
    }
    return Clips(Corpus("small", table, {}), states)


def test_the_layer_that_tells_emotions_apart_is_seen_and_chosen(clips, monkeypatch):
    monkeypatch.setattr(layers, "LAYERS", (1, 2))
    found = by_layer(clips).set_index("layer")
    assert found.loc[1, "uar"] < 25 < 50 < found.loc[2, "uar"]
    assert found["chosen"].tolist() == [0, 5]


def test_the_sentence_control_learns_from_as_many_clips_of_the_same_actors(clips):
    for split in folds(clips.corpus.clips, "luna5_sentence"):
        half = list(_half(clips, split))
        assert len(half) == len(split.train) and set(clips.speakers(half)) == set(clips.speakers(split.train))
        facts = clips.corpus.clips.set_index("file").loc[half]
        assert (facts.groupby(["speaker", "emotion"])["statement"].nunique() == 2).all()
    found = by_sentence(clips).set_index("trained_on")
    assert found["clips"].nunique() == 1
    assert found.loc["both sentences", "uar"] > found.loc["the other sentence", "uar"]
