"""Speech encoders through the whole road of one fold: cached states, nested choice, predictions of every clip."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from intone.data.splits import Split
from intone.errors import IntoneError
from intone.models import speech_encoder
from intone.models.cross_attention import AttentiveFusionPreset
from intone.models.encoder_head import AudioTransformerPreset
from intone.models.linear_probe import LinearProbe, LinearProbePreset
from intone.models.speech_encoder import SpeechStates
from intone.models.text_encoder import TextTransformerPreset
from intone.training.encoder_states import EncoderStates
from intone.training.recipes import in_epochs
from intone.training.recipes.choice import AudioChoice
from intone.training.recipes.early_fusion import AttentionRecipe
from intone.training.recipes.encoder_head import HeadRecipe, TunedRecipe
from intone.training.recipes.fusion import Ensemble
from intone.training.recipes.linear_probe import LinearProbeRecipe, NoisyProbeRecipe
from intone.training.recipes.text_encoder import TextTransformerRecipe
from intone.training.trainer import predict
from intone.training.workspace import Workspace

QUICK = LinearProbePreset(widest=2, inner=2)


@pytest.fixture
def split(corpus, tmp_path, monkeypatch):
    """Two actors to learn from, one to choose on, one to be judged on; a cache of its own."""
    monkeypatch.setenv("INTONE_CACHE", str(tmp_path / "cache"))
    by_speaker = corpus.clips.groupby("speaker")["file"].apply(tuple)
    return Split("speakers", "1", by_speaker.iloc[0] + by_speaker.iloc[1], by_speaker.iloc[2], by_speaker.iloc[3])


def test_a_probe_chooses_among_layers_and_hears_every_clip_once(corpus, split, tiny_whisper, tmp_path, monkeypatch):
    recipe = LinearProbeRecipe(weights=tiny_whisper, layers=(1, 2, 3), speeds=(1.0, 0.9), probe=QUICK)
    done = Workspace(corpus, {"probe": recipe}, tmp_path / "runs").fold("probe", "none", split)
    assert set(done.predictions["file"]) == set(corpus.clips["file"])
    layers = done.record.details.layers
    assert set(layers) <= {1, 2, 3}
    assert done.record.parameters == SpeechStates(tiny_whisper, (max(layers),)).parameters() + len(layers) * 8 * 33

    def never(*_: object) -> None:
        raise AssertionError("heard again")

    monkeypatch.setattr(speech_encoder.SpeechStates, "__call__", never)
    again = Workspace(corpus, {"probe": recipe}, tmp_path / "other").fold("probe", "none", split)
    # From the same states; how far the regressions' solver goes may hang on the order of sums.
    np.testing.assert_allclose(again.logits.to_numpy(), done.logits.to_numpy(), atol=1e-3)


def test_a_probe_learns_from_noisier_copies_that_hold_its_own_speaker_alone(
    corpus, split, tiny_whisper, tmp_path, monkeypatch
):
    recipe = NoisyProbeRecipe(weights=tiny_whisper, layers=(1, 2), probe=QUICK)
    space = Workspace(corpus, {"probe": recipe}, tmp_path / "runs")
    speaker, name_of = space.speakers, {path: file for file, path in corpus.paths.items()}
    for file, clip in recipe.states._clips(corpus).items():
        assert name_of[clip[0]] == file and len(clip) > 2 and file not in [name_of[p] for p in clip[1:]]
        assert {speaker[name_of[p]] for p in clip} == {speaker[file]}
    learnt = []
    fit = LinearProbe.fit

    def counted(self, x, true, speakers, targets=None, unchanged=None):
        assert targets is None  # the clips are of one corpus
        learnt.append((len(x), sum(unchanged), len(set(speakers))))
        return fit(self, x, true, speakers, targets, unchanged)

    monkeypatch.setattr(LinearProbe, "fit", counted)
    done = space.fold("probe", "none", split)
    assert learnt == [(3 * len(split.train), len(split.train), 2)]
    assert len(done.logits) == len(corpus.clips)
    clean, noise, babble = next(iter(recipe.states.computed(space.corpus).values()))
    plain = next(iter(EncoderStates(tiny_whisper, (1, 2), pooled=True, prominent=True).computed(space.corpus).values()))
    np.testing.assert_array_equal(clean, plain[0])
    assert not np.allclose(clean, noise, atol=1e-3) and not np.allclose(noise, babble, atol=1e-3)


def test_other_weights_of_the_same_name_make_another_fold(corpus, tiny_whisper, tmp_path, monkeypatch):
    recipe = LinearProbeRecipe(weights=tiny_whisper, layers=(1,), probe=QUICK)
    space = Workspace(corpus, {"probe": recipe}, tmp_path)
    before = space.settings("probe", "none")
    monkeypatch.setattr("intone.models.pretrained.digest", lambda where: "other")
    assert before["weights"][tiny_whisper] != "other" == space.settings("probe", "none")["weights"][tiny_whisper]


SMALL = AudioTransformerPreset(hidden=8)


@pytest.mark.parametrize("kind", ["head", "tuned"])
def test_a_network_over_states_learns_and_says_the_same_when_it_is_read_back(
    kind, corpus, split, tiny_whisper, tmp_path
):
    recipe = (
        HeadRecipe(weights=tiny_whisper, layers=(1, 3), network=SMALL)
        if kind == "head"
        else TunedRecipe(weights=tiny_whisper, layers=(1,), blocks=1, network=SMALL, share=1.0)
    )
    space = Workspace(corpus, in_epochs({"audio_net": recipe}, 2), tmp_path / "runs")
    done = space.fold("audio_net", "none", split)
    assert set(done.predictions["file"]) == set(corpus.clips["file"])
    network, examples = done.recipe.network_of(done), done.recipe.examples(space, done, split)
    again, _ = predict(network, examples, list(done.logits.index), space.labels)
    np.testing.assert_allclose(again.to_numpy(), done.logits.to_numpy(), atol=1e-4)
    below = SpeechStates(tiny_whisper, (3 if kind == "head" else 1,)).parameters()
    assert done.record.parameters == below + sum(p.numel() for p in network.parameters())
    if kind == "tuned":
        encoder = SpeechStates(tiny_whisper, (3,))
        start = encoder.network.blocks[1].fc1.weight
        assert not torch.equal(start, network.blocks[0].fc1.weight)


def test_what_is_made_of_speech_and_words_counts_everything_that_runs(corpus, split, tiny_whisper, tiny_bert, tmp_path):
    models = {
        "head": HeadRecipe(weights=tiny_whisper, layers=(1, 2), network=SMALL),
        "probe": LinearProbeRecipe(weights=tiny_whisper, layers=(1, 2), probe=QUICK),
        "choice": AudioChoice(("probe", "head")),
        "several": Ensemble("fusion_late_logits", ("probe", "head")),
        "words": TextTransformerRecipe(network=TextTransformerPreset(tiny_bert, frozen=True)),
        "attention": AttentionRecipe(("head", "words"), joint=False, network=AttentiveFusionPreset(width=8, heads=2)),
    }
    heard = pd.DataFrame({"file": corpus.clips["file"], "text": corpus.clips["statement"].map(corpus.sentences)})
    space = Workspace(corpus, in_epochs(models, 1), tmp_path / "runs", heard)
    made = {name: space.fold(name, "asr", split) for name in models}
    count = {name: fold.record.parameters for name, fold in made.items()}
    assert count["several"] == count["probe"] + count["head"]
    fusion = models["attention"].fused([made[n].recipe.network_of(made[n]) for n in ("head", "words")], 8)
    own = sum(
        p.numel() for part in (fusion.project, fusion.listen, fusion.gate, fusion.head) for p in part.parameters()
    )
    assert count["attention"] == count["head"] + count["words"] + own + fusion.nothing.numel()
    picked = made["choice"].record.details.picked
    pd.testing.assert_frame_equal(made["choice"].logits, made[picked].logits)
    both = (made["probe"].calibrated + made["head"].calibrated) / 2
    pd.testing.assert_frame_equal(made["several"].logits, both.loc[made["several"].logits.index], atol=1e-3)
    with pytest.raises(IntoneError, match="made of probe, head: give the weights to one"):
        models["choice"].on("other")


def test_the_network_that_learnt_from_goemotions_is_made_anew_over_other_weights(
    corpus, split, tiny_bert, tmp_path, monkeypatch
):
    recipe = TextTransformerRecipe(network=TextTransformerPreset(tiny_bert, frozen=True))
    emotions = corpus.clips["emotion"].unique()
    rows = [
        (f"{part}{i}{e}", f"kids {e} {i}", e, part)
        for part in ("train", "dev", "test")
        for i in range(40)
        for e in emotions
    ]
    comments = pd.DataFrame(rows, columns=["id", "text", "emotion", "part"])
    space = Workspace(corpus, in_epochs({"words": recipe}, 1), tmp_path, goemotions=comments)
    learnt = []
    learn = TextTransformerRecipe._learn
    monkeypatch.setattr(TextTransformerRecipe, "_learn", lambda *given: learnt.append(1) or learn(*given))
    done = space.fold("words", "natural", split)
    assert set(done.predictions["file"]) == set(corpus.clips["file"])
    space.fold("words", "natural", replace(split, fold="2"))
    assert len(learnt) == 1
    monkeypatch.setattr("intone.models.pretrained.digest", lambda where: "0" * 64)
    space.fold("words", "natural", split)
    assert len(learnt) == 2


def test_encoders_of_the_wrong_kind_are_one_sentence(tiny_whisper, tiny_bert):
    with pytest.raises(IntoneError, match="is no audio encoder"):
        HeadRecipe(weights="any", layers=(1,)).on(tiny_bert)
    with pytest.raises(IntoneError, match="is an audio encoder"):
        TextTransformerRecipe().on(tiny_whisper)
    with pytest.raises(IntoneError, match="too few to tune"):
        TunedRecipe(weights="any", layers=(3,), blocks=4).on(tiny_whisper)


def test_blocks_learn_more_slowly_the_lower_they_are():
    recipe = TunedRecipe(weights="any", layers=(3,), blocks=3, share=0.1, fall=0.5)
    assert recipe.shares() == pytest.approx({"blocks.0.": 0.025, "blocks.1.": 0.05, "blocks.2.": 0.1})


def test_blocks_above_several_layers_are_refused(tiny_whisper):
    with pytest.raises(IntoneError, match="Blocks stand above one layer"):
        TunedRecipe(weights=tiny_whisper, layers=(1, 2), blocks=1).built(8)
