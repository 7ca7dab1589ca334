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
from intone.models.linear_probe import SpeechProbe, SpeechProbePreset
from intone.models.speech_encoder import SpeechStates
from intone.models.text_encoder import TextTransformerPreset
from intone.training.encoder_states import Hearing
from intone.training.recipes.encoder_head import SpeechHeadRecipe, SpeechTunedRecipe
from intone.training.recipes.fusion import AttentionRecipe, AudioChoice, Ensemble
from intone.training.recipes.linear_probe import NoisyProbeRecipe, SpeechProbeRecipe
from intone.training.recipes.text_encoder import TextTransformerRecipe
from intone.training.trainer import listen
from intone.training.workspace import Effort, Lab

QUICK = SpeechProbePreset(widest=2, inner=2)


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
    layers = done.config["details"]["layers"]
    assert set(layers) <= {1, 2, 3}
    assert done.config["parameters"] == SpeechStates(tiny_whisper, (max(layers),)).parameters() + len(layers) * 8 * 33

    def never(*_: object) -> None:
        raise AssertionError("heard again")

    monkeypatch.setattr(speech_encoder.SpeechStates, "__call__", never)
    again = Lab(corpus, {"probe": recipe}, tmp_path / "other").fold("probe", "none", split)
    # From the same states; how far the regressions' solver goes may hang on the order of sums.
    np.testing.assert_allclose(again.logits.to_numpy(), done.logits.to_numpy(), atol=1e-3)


def test_a_probe_learns_from_noisier_copies_that_hold_its_own_speaker_alone(
    corpus, split, tiny_whisper, tmp_path, monkeypatch
):
    recipe = NoisyProbeRecipe(weights=tiny_whisper, layers=(1, 2), probe=QUICK)
    lab = Lab(corpus, {"probe": recipe}, tmp_path / "runs")
    speaker, name_of = lab.speakers, {path: file for file, path in corpus.paths.items()}
    for file, clip in recipe.hearing._clips(lab).items():
        assert name_of[clip[0]] == file and len(clip) > 2 and file not in [name_of[p] for p in clip[1:]]
        assert {speaker[name_of[p]] for p in clip} == {speaker[file]}
    learnt = []
    fit = SpeechProbe.fit

    def counted(self, x, true, speakers):
        learnt.append((len(x), len(set(speakers))))
        return fit(self, x, true, speakers)

    monkeypatch.setattr(SpeechProbe, "fit", counted)
    done = lab.fold("probe", "none", split)
    assert learnt == [(3 * len(split.train), 2)]
    assert len(done.logits) == len(corpus.clips)
    clean, noise, babble = next(iter(recipe.hearing.of_all(lab).values()))
    plain = next(iter(Hearing(tiny_whisper, (1, 2), pooled=True, prominent=True).of_all(lab).values()))
    np.testing.assert_array_equal(clean, plain[0])
    assert not np.allclose(clean, noise, atol=1e-3) and not np.allclose(noise, babble, atol=1e-3)


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
    below = SpeechStates(tiny_whisper, (3 if kind == "head" else 1,)).parameters()
    assert done.config["parameters"] == below + sum(p.numel() for p in network.parameters())
    if kind == "tuned":
        encoder = SpeechStates(tiny_whisper, (3,))
        start = encoder.network.blocks[1].fc1.weight
        assert not torch.equal(start, network.blocks[0].fc1.weight)


def test_what_is_made_of_speech_and_words_counts_everything_that_runs(corpus, split, tiny_whisper, tiny_bert, tmp_path):
    models = {
        "head": SpeechHeadRecipe(weights=tiny_whisper, layers=(1, 2), network=SMALL),
        "probe": SpeechProbeRecipe(weights=tiny_whisper, layers=(1, 2), probe=QUICK),
        "choice": AudioChoice(("probe", "head")),
        "several": Ensemble("fusion_late_logits", ("probe", "head")),
        "words": TextTransformerRecipe(network=TextTransformerPreset(tiny_bert, frozen=True)),
        "attention": AttentionRecipe(("head", "words"), joint=False, network=AttentiveFusionPreset(width=8, heads=2)),
    }
    heard = pd.DataFrame({"file": corpus.clips["file"], "text": corpus.clips["statement"].map(corpus.sentences)})
    effort = Effort(text_epochs=1, joint_epochs=1, head_epochs=1)
    lab = Lab(corpus, models, tmp_path / "runs", heard, effort=effort)
    made = {name: lab.fold(name, "asr", split) for name in models}
    count = {name: fold.config["parameters"] for name, fold in made.items()}
    assert count["several"] == count["probe"] + count["head"]
    fusion = models["attention"].fused([lab.network(n, "asr", split) for n in ("head", "words")])
    own = sum(
        p.numel() for part in (fusion.project, fusion.listen, fusion.gate, fusion.head) for p in part.parameters()
    )
    assert count["attention"] == count["head"] + count["words"] + own + fusion.nothing.numel()
    picked = made["choice"].config["details"]["picked"]
    pd.testing.assert_frame_equal(made["choice"].logits, made[picked].logits)
    both = made["probe"].calibrated + made["head"].calibrated
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
    lab = Lab(corpus, {"words": recipe}, tmp_path, goemotions=comments, effort=Effort(goemotions_epochs=1))
    learnt = []
    learn = TextTransformerRecipe._learn
    monkeypatch.setattr(TextTransformerRecipe, "_learn", lambda *given: learnt.append(1) or learn(*given))
    done = lab.fold("words", "natural", split)
    assert set(done.predictions["file"]) == set(corpus.clips["file"])
    lab.fold("words", "natural", replace(split, fold="2"))
    assert len(learnt) == 1
    monkeypatch.setattr("intone.models.pretrained.digest", lambda where: "0" * 64)
    lab.fold("words", "natural", split)
    assert len(learnt) == 2


def test_encoders_of_the_wrong_kind_are_one_sentence(tiny_whisper, tiny_bert):
    with pytest.raises(IntoneError, match="is no audio encoder"):
        SpeechHeadRecipe(weights="any", layers=(1,)).on(tiny_bert)
    with pytest.raises(IntoneError, match="is an audio encoder"):
        TextTransformerRecipe().on(tiny_whisper)
    with pytest.raises(IntoneError, match="too few to tune"):
        SpeechTunedRecipe(weights="any", layers=(3,), blocks=4).on(tiny_whisper)


def test_blocks_learn_more_slowly_the_lower_they_are():
    recipe = SpeechTunedRecipe(weights="any", layers=(3,), blocks=3, share=0.1, fall=0.5)
    assert recipe.shares() == pytest.approx({"blocks.0.": 0.025, "blocks.1.": 0.05, "blocks.2.": 0.1})


def test_blocks_above_several_layers_are_refused(tiny_whisper):
    with pytest.raises(IntoneError, match="Blocks stand above one layer"):
        SpeechTunedRecipe(weights=tiny_whisper, layers=(1, 2), blocks=1).built()
