"""A pretrained text encoder through one fold: it learns, is kept whole, and says the same when it is read back."""

import numpy as np
import pandas as pd
import pytest
import torch
import transformers as hub

from intone.data.splits import folds
from intone.models.text_encoder import TextTransformerPreset
from intone.training.recipes.text_encoder import TextTransformerRecipe
from intone.training.trainer import listen
from intone.training.workspace import Effort, Lab


@pytest.mark.parametrize("frozen", [True, False])
def test_one_fold(corpus, tiny_bert, tmp_path, frozen):
    recipe = TextTransformerRecipe(network=TextTransformerPreset(tiny_bert, frozen))
    heard = pd.DataFrame({"file": corpus.clips["file"], "text": corpus.clips["statement"].map(corpus.sentences)})
    lab = Lab(corpus, {"text": recipe}, tmp_path, heard, effort=Effort(text_epochs=2))
    split = folds(corpus.clips, "speakers")[0]
    done = lab.fold("text", "asr", split)
    assert set(done.predictions["file"]) == set(corpus.clips["file"])
    network, examples = lab.network("text", "asr", split), lab.examples("text", "asr", split)
    again, _ = listen(network, examples, list(done.logits.index))
    np.testing.assert_allclose(again.to_numpy(), done.logits.to_numpy(), atol=1e-4)
    start = hub.BertModel.from_pretrained(tiny_bert).state_dict()["encoder.layer.1.output.dense.weight"]
    same = torch.equal(start, network.encoder.state_dict()["encoder.layer.1.output.dense.weight"])
    assert same is frozen
