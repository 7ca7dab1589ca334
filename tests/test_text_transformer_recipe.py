"""A pretrained text encoder through one fold: it learns, is kept whole, and says the same when it is read back."""

import numpy as np
import pandas as pd
import pytest
import torch
import transformers as hub

from intone.data.splits import folds
from intone.models.text_encoder import TextTransformerPreset
from intone.training.recipes import in_epochs
from intone.training.recipes.text_encoder import TextTransformerRecipe
from intone.training.trainer import predict
from intone.training.workspace import Workspace


@pytest.mark.parametrize("frozen", [True, False])
def test_one_fold(corpus, tiny_bert, tmp_path, frozen):
    recipe = TextTransformerRecipe(network=TextTransformerPreset(tiny_bert, frozen))
    heard = pd.DataFrame({"file": corpus.clips["file"], "text": corpus.clips["statement"].map(corpus.sentences)})
    space = Workspace(corpus, in_epochs({"text": recipe}, 2), tmp_path, heard)
    split = folds(corpus.clips, "speakers")[0]
    done = space.fold("text", "asr", split)
    assert set(done.predictions["file"]) == set(corpus.clips["file"])
    network, examples = done.recipe.network_of(done), done.recipe.examples(space, done, split)
    again, _ = predict(network, examples, list(done.logits.index), space.labels)
    np.testing.assert_allclose(again.to_numpy(), done.logits.to_numpy(), atol=1e-4)
    start = hub.BertModel.from_pretrained(tiny_bert).state_dict()["encoder.layer.1.output.dense.weight"]
    same = torch.equal(start, network.encoder.state_dict()["encoder.layer.1.output.dense.weight"])
    assert same is frozen
