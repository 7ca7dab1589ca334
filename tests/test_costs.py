"""What inference costs: a row a trained model, measured in a process of its own."""

import pytest

from intone.data.splits import folds
from intone.errors import IntoneError
from intone.experiments.cost import COLUMNS, inference, measured
from intone.models.cnn import AudioCnnPreset
from intone.training.recipes import in_epochs
from intone.training.recipes.spectrogram import SpectrogramRecipe
from intone.training.workspace import Workspace


def test_a_row_a_trained_model(corpus, tmp_path, capsys):
    recipe = SpectrogramRecipe(network=AudioCnnPreset(width=8), speeds=(1.0,))
    space = Workspace(corpus, in_epochs({"audio_cnn": recipe, "other": recipe}, 1), tmp_path)
    split = folds(corpus.clips, "speakers")[0]
    with pytest.raises(IntoneError, match="None of audio_cnn"):
        measured(space, ["audio_cnn"], split, 2)
    space.fold("audio_cnn", "none", split)
    table = measured(space, ["audio_cnn", "other"], split, 3)
    assert list(table.columns) == COLUMNS and table["model"].tolist() == ["audio_cnn"]
    assert table["clips"].item() == 3 and table["ms_per_second"].item() > 0 and table["memory_mb"].item() > 50
    assert "left out: other" in capsys.readouterr().err
    assert inference(space, "audio_cnn", split, 2)[1] == 2
