"""Speech encoders through the whole road of one fold: cached states, nested choice, predictions of every clip."""

import numpy as np
import pytest
import torch

from intone.errors import IntoneError
from intone.lab import Effort, Lab
from intone.models import speech_states
from intone.models.audio_transformer import AudioTransformerPreset
from intone.models.speech_probe import SpeechProbePreset
from intone.models.speech_states import SpeechStates
from intone.recipes.speech_network import SpeechHeadRecipe, SpeechTunedRecipe
from intone.recipes.speech_probe import SpeechProbeRecipe
from intone.splits import Split
from intone.train import listen

QUICK = SpeechProbePreset(strengths=(1e-2,), widest=2, inner=2)


@pytest.fixture
def split(corpus, tmp_path, monkeypatch):
    """Two actors to learn from, one to choose on, one to be judged on; a cache of its own."""
    monkeypatch.setenv("INTONE_CACHE", str(tmp_path / "cache"))
    by_speaker = corpus.clips.groupby("speaker")["file"].apply(tuple)
    return Split("speakers", "1", by_speaker.iloc[0] + by_speaker.iloc[1], by_speaker.iloc[2], by_speaker.iloc[3])


def test_a_probe_chooses_among_layers_and_hears_every_clip_once(corpus, split, tiny_whisper, tmp_path, monkeypatch):
    recipe = SpeechProbeRecipe(weights=tiny_whisper, layers=(1, 2, 3), speeds=(1.0, 0.9), probe=QUICK)
    done = Lab(corpus, {"probe": recipe}, tmp_path / "runs").fold("probe", "none", split)
    assert set(done.predictions["file"]) == set(corpus.clips["file"])
    details = done.config["details"]
    assert set(details["layers"]) <= {1, 2, 3}
    whole = SpeechStates(tiny_whisper, (3,)).parameters
    assert 0 < done.config["parameters"] <= whole + 2 * 8 * 33

    def never(*_: object) -> None:
        raise AssertionError("heard again")

    monkeypatch.setattr(speech_states.SpeechStates, "__call__", never)
    again = Lab(corpus, {"probe": recipe}, tmp_path / "other").fold("probe", "none", split)
    np.testing.assert_allclose(again.logits.to_numpy(), done.logits.to_numpy(), atol=1e-5)


def test_other_weights_of_the_same_name_make_another_fold(corpus, tiny_whisper, tmp_path, monkeypatch):
    recipe = SpeechProbeRecipe(weights=tiny_whisper, layers=(1,), probe=QUICK)
    lab = Lab(corpus, {"probe": recipe}, tmp_path)
    before = lab.settings("probe", "none")
    monkeypatch.setattr("intone.models.pretrained.digest", lambda where: "other")
    assert before["weights"][tiny_whisper] != "other" == lab.settings("probe", "none")["weights"][tiny_whisper]


SMALL = AudioTransformerPreset(hidden=8)


@pytest.mark.parametrize("kind", ["head", "tuned"])
def test_a_network_over_states_learns_and_says_the_same_when_it_is_read_back(
    kind, corpus, split, tiny_whisper, tmp_path
):
    recipe = (
        SpeechHeadRecipe(weights=tiny_whisper, layers=(1, 3), network=SMALL)
        if kind == "head"
        else SpeechTunedRecipe(weights=tiny_whisper, layers=(1,), blocks=1, network=SMALL, share=1.0)
    )
    effort = Effort(head_epochs=2, tuned_epochs=2)
    lab = Lab(corpus, {"audio_net": recipe}, tmp_path / "runs", effort=effort)
    done = lab.fold("audio_net", "none", split)
    assert set(done.predictions["file"]) == set(corpus.clips["file"])
    network, examples = lab.network("audio_net", "none", split), lab.examples("audio_net", "none", split)
    again, _ = listen(network, examples, list(done.logits.index))
    np.testing.assert_allclose(again.to_numpy(), done.logits.to_numpy(), atol=1e-4)
    encoder = SpeechStates(tiny_whisper, (3,))
    assert done.config["parameters"] <= encoder.parameters + sum(p.numel() for p in network.parameters())
    if kind == "tuned":
        start = encoder.network.blocks[1].fc1.weight
        assert not torch.equal(start, network.blocks[0].fc1.weight)


def test_blocks_learn_more_slowly_the_lower_they_are():
    recipe = SpeechTunedRecipe(weights="any", layers=(3,), blocks=3, share=0.1, fall=0.5)
    assert recipe.shares() == pytest.approx({"blocks.0.": 0.025, "blocks.1.": 0.05, "blocks.2.": 0.1})


def test_blocks_above_several_layers_are_refused(tiny_whisper):
    with pytest.raises(IntoneError, match="Blocks above one layer"):
        SpeechTunedRecipe(weights=tiny_whisper, layers=(1, 2), blocks=1).built()
