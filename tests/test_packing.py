"""From folds to the model that learnt from everyone, and from any of them to a file that says what they said."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
import soundfile
import torch
from conftest import RATE, voice
from torch import nn

from intone.audio.clip import read_clip
from intone.audio.features import FeatureSettings, extract_trimmed
from intone.data import ravdess
from intone.data.corpus import Corpus
from intone.data.splits import folds
from intone.data.texts import sentences
from intone.emotions import EMOTIONS
from intone.errors import IntoneError
from intone.evaluation.calibration import temperature, unsure_below
from intone.export.pack import found, pack, parts
from intone.inference.card import LEARNED, Card, Reading
from intone.inference.fusion import softmax
from intone.inference.model import Model
from intone.models.ast import AudioAstPreset
from intone.models.cnn import AudioCnn, AudioCnnPreset
from intone.models.cross_attention import AttentiveFusion, AttentiveFusionPreset
from intone.models.encoder_head import AudioTransformerPreset
from intone.models.graph import FileGraph, FusionGraph, SpectrogramGraph
from intone.models.graph import SentenceGraph as ReadingNetwork
from intone.models.linear_probe import LinearProbePreset
from intone.models.rnn import TextRnn, TextRnnPreset
from intone.models.text_encoder import TextTransformerPreset
from intone.training.finished_fold import FinishedFold
from intone.training.recipes import in_epochs
from intone.training.recipes.choice import AudioChoice, FusionChoice
from intone.training.recipes.early_fusion import AttentionRecipe, EarlyRecipe
from intone.training.recipes.encoder_head import HeadRecipe, TunedRecipe
from intone.training.recipes.fusion import Ensemble, LateRecipe
from intone.training.recipes.linear_probe import LinearProbeRecipe, NoisyProbeRecipe
from intone.training.recipes.spectrogram import AstRecipe, SpectrogramRecipe
from intone.training.recipes.text import RnnRecipe
from intone.training.recipes.text_encoder import TextTransformerRecipe
from intone.training.refit import check, train_everyone
from intone.training.workspace import Workspace

PAIR = ("voice", "words")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Corpus:
    """Six actors, so that a fold's training clips have three; a clip an emotion."""
    folder = tmp_path_factory.mktemp("six")
    for actor in range(1, 7):
        (folder / f"Actor_{actor:02d}").mkdir()
        for emotion in range(1, 9):
            path = folder / f"Actor_{actor:02d}" / f"03-01-{emotion:02d}-01-01-01-{actor:02d}.wav"
            soundfile.write(path, voice(emotion, actor), RATE, subtype="PCM_16")
    return ravdess.load(folder)


@pytest.fixture(scope="module")
def space(corpus, tiny_whisper, tiny_bert, tmp_path_factory) -> Workspace:
    """Every kind of model, as small as it gets, over a corpus of four actors and comments of its words."""
    small = AudioTransformerPreset(hidden=8)
    quick = LinearProbePreset(widest=2, inner=2)
    hearing = AttentiveFusionPreset(width=8, heads=2)
    models = {
        "voice": LinearProbeRecipe(weights=tiny_whisper, layers=(1, 2), probe=quick),
        "head": HeadRecipe(weights=tiny_whisper, layers=(1, 2), network=small),
        "tuned": TunedRecipe(weights=tiny_whisper, layers=(1,), blocks=1, network=small),
        "lower": NoisyProbeRecipe(weights=tiny_whisper, layers=(1,), probe=quick),
        "choice": AudioChoice(("voice", "lower")),
        "cnn": SpectrogramRecipe(network=AudioCnnPreset(width=8)),
        "words": RnnRecipe(network=TextRnnPreset("lstm", "learned", hidden=8, learned=4)),
        "bert": TextTransformerRecipe(network=TextTransformerPreset(tiny_bert, frozen=True)),
        "sum": LateRecipe("fusion_late_logits", PAIR),
        "weighted": LateRecipe("fusion_late_weighted", ("cnn", "bert")),
        "vote": LateRecipe("fusion_late_vote", PAIR),
        "mean": LateRecipe("fusion_late_mean", PAIR),
        "together": Ensemble("fusion_late_logits", ("voice", "head")),
        "prominent": Ensemble("fusion_late_logits", ("lower", "head")),
        "apart": Ensemble("fusion_late_logits", ("voice", "cnn")),
        "early": EarlyRecipe(("cnn", "words"), joint=False),
        "joint": EarlyRecipe(("cnn", "words"), joint=True),
        "attention": AttentionRecipe(("head", "bert"), joint=False, network=hearing),
        "attention_joint": AttentionRecipe(("head", "bert"), joint=True, network=hearing),
        "early_choice": FusionChoice(("early", "joint")),
        "two_that_hear": LateRecipe("fusion_late_logits", ("voice", "cnn")),
        "ast": AstRecipe(network=AudioAstPreset(width=16, layers=1, heads=2)),
    }
    rows = [
        (f"{part}{i}{e}", f"kids {e} {i}", e, part)
        for part in ("train", "dev", "test")
        for i in range(40)
        for e in EMOTIONS
    ]
    comments = pd.DataFrame(rows, columns=["id", "text", "emotion", "part"])
    folder = tmp_path_factory.mktemp("runs")
    heard = pd.DataFrame({"file": corpus.clips["file"], "text": "kids are talking"})
    return Workspace(corpus, in_epochs(models, 1), folder, heard, comments)


def model_of(run: FinishedFold, corpus, tmp_path) -> Model:
    pack(run, corpus, tmp_path / "m.onnx", eight_bits=False, window=1.0)
    return Model(tmp_path / "m.onnx", 1)


@pytest.mark.parametrize("model", ["voice", "lower", "head", "tuned", "cnn", "ast", "together"])
def test_a_folds_file_says_what_the_fold_said(space, corpus, tmp_path, model):
    done = space.fold(model, "none", folds(corpus.clips, "speakers")[0])
    file = model_of(found(done.folder, space.models), corpus, tmp_path)
    for clip in list(corpus.clips["file"])[::9]:
        said = file.predict(read_clip(corpus.paths[clip])).audio
        # States and features are kept in 16 bits on the way to a fold, and a random encoder's states hardly vary.
        off = 0.1 if model in ("voice", "lower", "together") else 0.02
        np.testing.assert_allclose(said, softmax(done.calibrated.loc[clip].to_numpy()), atol=off)
    card = file.card
    assert card.licence.startswith("CC BY-NC-SA") and "48 clips" in card.trained_on
    assert set(card.known) == {"level", "bandwidth", "snr", "distance"} and card.scores["clips"] == 16


def test_an_ensemble_takes_the_row_that_one_of_its_parts_wants(space, corpus, tmp_path):
    done = space.fold("prominent", "none", folds(corpus.clips, "speakers")[0])
    features = model_of(found(done.folder, space.models), corpus, tmp_path).card.features
    assert (features.kind, features.rows) == ("whisper_prominence", features.bands + 1)


def test_everyones_model_learns_from_all_and_is_calibrated_by_its_folds(space, corpus, tmp_path):
    folder = train_everyone(space, "choice", "none", "speakers")
    picked = {space.fold("choice", "none", s).record.details.picked for s in folds(corpus.clips, "speakers")}
    config = json.loads((folder / "config.json").read_text())
    assert config["corpus"] == {"name": "ravdess", "table": "", "flags": ""}
    assert config["settings"]["model"] in picked and "everyone" in folder.parent.name
    assert config["scores"]["clips"] == len(corpus.clips) and 0 <= config["unsure"] < 1
    assert config["unsure"] == unsure_of_strangers(space, config, corpus)
    before = (folder / "config.json").stat().st_mtime_ns
    assert train_everyone(space, "choice", "none", "speakers") == folder
    assert (folder / "config.json").stat().st_mtime_ns == before


def unsure_of_strangers(space, config, corpus):
    """The threshold at the temperature that the file has, counted once more."""
    right, sure = [], []
    for split in folds(corpus.clips, "speakers"):
        logits = space.fold(config["settings"]["model"], "none", split).logits.loc[list(split.test)]
        chances = softmax(logits.to_numpy() / config["temperature"])
        right.append(chances.argmax(1) == space.true(split.test))
        sure.append(chances.max(1))
    return unsure_below(np.concatenate(sure), np.concatenate(right))


def test_everyones_probe_differs_from_its_folds_and_fits_in_one_file(space, corpus, tmp_path):
    folder = train_everyone(space, "voice", "none", "speakers")
    run = found(folder.parent, space.models)
    card = pack(run, corpus, tmp_path / "m.onnx", eight_bits=False, window=1.0)
    strangers = [space.fold("voice", "none", s).logits.loc[list(s.test)] for s in folds(corpus.clips, "speakers")]
    logits = pd.concat(strangers)
    expected = temperature(logits.to_numpy(), space.true(list(logits.index)))
    assert card.temperature == run.record.temperature == pytest.approx(expected)
    assert Model(tmp_path / "m.onnx").card == card


@pytest.mark.parametrize(("model", "everyone"), [("sum", True), ("sum", False), ("weighted", False)])
def test_a_fusions_file_hears_and_reads(space, corpus, tmp_path, model, everyone):
    split = folds(corpus.clips, "speakers")[0]
    done = space.fold(model, "natural", split)
    folder = train_everyone(space, model, "natural", "speakers") if everyone else done.folder
    run = found(folder, space.models)
    file = model_of(run, corpus, tmp_path)
    assert file.card.reading is not None and file.card.reading.track == "natural"
    assert file.card.scores != file.card.reading.scores and file.card.parity < 1e-4
    assert any("measures fusion, not RAVDESS" in line for line in file.card.facts())
    assert (file.card.reading.weight == 0.5) == (model == "sum")
    clip = read_clip(corpus.paths[corpus.clips["file"][0]])
    alone, both, other = (file.predict(clip, words) for words in ("", "kids angry 3", "kids"))
    assert alone.sentence is None and not np.allclose(both.sentence, other.sentence)
    np.testing.assert_array_equal(alone.audio, both.audio)
    np.testing.assert_allclose(both.probabilities, file.card.reading.joined(both.audio, both.sentence))


@pytest.mark.parametrize("model", ["weighted", "mean", "vote"])
def test_a_fused_fold_says_in_a_file_what_it_said_in_its_table(space, corpus, tmp_path, model):
    split = folds(corpus.clips, "speakers")[0]
    done = space.fold(model, "natural", split)
    words = sentences("natural", split, corpus.clips, space.transcripts, space.goemotions)
    file = model_of(found(done.folder, space.models), corpus, tmp_path)
    for clip in list(words.index)[::13]:
        said = file.predict(read_clip(corpus.paths[clip]), words[clip]).probabilities
        off = 0.02 if model == "weighted" else 0.1
        np.testing.assert_allclose(said, softmax(done.calibrated.loc[clip].to_numpy()), atol=off)


@pytest.fixture(scope="module")
def learned(space, corpus, tmp_path_factory) -> Callable[[str], tuple[FinishedFold, Path]]:
    """A learned fusion's first fold, and its file."""

    @cache
    def made(model: str) -> tuple[FinishedFold, Path]:
        run = found(space.fold(model, "natural", folds(corpus.clips, "speakers")[0]).folder, space.models)
        path = tmp_path_factory.mktemp(model) / "m.onnx"
        pack(run, corpus, path, eight_bits=False, window=1.0)
        return run, path

    return made


@pytest.mark.parametrize("model", ["early", "joint", "attention", "attention_joint"])
def test_a_learned_fusions_file_says_what_the_fold_and_its_branches_said(space, corpus, learned, model):
    split = folds(corpus.clips, "speakers")[0]
    words = sentences("natural", split, corpus.clips, space.transcripts, space.goemotions)
    (run, path), done = learned(model), space.fold(model, "natural", split)
    (sound, text), file = run.parts, Model(path, 1)
    reading = file.card.reading
    assert file.card.parity < 1e-4 and reading.rule == "learned" and reading.temperature == text.record.temperature
    for clip in list(words.index)[::13]:
        signal = read_clip(corpus.paths[clip])
        said, alone = file.predict(signal, words[clip]), file.predict(signal)
        np.testing.assert_allclose(said.probabilities, softmax(done.calibrated.loc[clip].to_numpy()), atol=0.02)
        np.testing.assert_array_equal(alone.probabilities, said.audio)
        for branch, probabilities in ((sound, said.audio), (text, said.sentence)):
            own = space.fold(branch.model, "natural", split).calibrated.loc[clip]
            np.testing.assert_allclose(probabilities, softmax(own.to_numpy()), atol=0.02)


def test_a_choice_that_picked_a_learned_fusion_becomes_it(space, corpus):
    run = found(space.fold("early_choice", "natural", folds(corpus.clips, "speakers")[0]).folder, space.models)
    whole, card = parts(run, 1.0)
    assert card.name in ("early", "joint") and whole.fusing is not None


def test_each_window_of_a_long_segment_is_joined_to_the_whole_sentence(corpus, learned):
    file = Model(learned("attention")[1], 1)
    ids, reading = file.card.reading.encoder.encode("kids are talking"), file.card.reading
    signal = np.concatenate([read_clip(corpus.paths[clip]) for clip in corpus.clips["file"][:3]])
    features = np.stack([extract_trimmed(window, file.card.features, 0.0) for window in file.windows(signal)[1]])
    fused = np.concatenate([file.logits(window[None], ids)[3] for window in features])
    assert len(fused) > 2 and np.ptp(fused, axis=0).max() > 1e-4
    expected = softmax(fused / reading.fused_temperature).mean(0)
    np.testing.assert_allclose(file.predict_tokens(signal, ids).probabilities, expected, atol=1e-5)


def test_what_a_fusion_shares_with_its_branches_stands_in_the_file_once_and_works_once(learned):
    graph = onnx.load(learned("attention")[1]).graph
    weights = [x.SerializeToString().replace(x.name.encode(), b"") for x in graph.initializer if math.prod(x.dims) > 99]
    assert len(weights) == len(set(weights)) > 20
    work = [(n.op_type, *n.input, *(a.SerializeToString() for a in n.attribute)) for n in graph.node]
    assert len(work) == len(set(work)) > 99


def test_what_cannot_be_packed_is_one_sentence(space, corpus, tmp_path):
    split = folds(corpus.clips, "speakers")[0]
    with pytest.raises(IntoneError, match="cnn doesn't read in a way that a file can hold"):
        parts(space.fold("two_that_hear", "natural", split), 1.0)
    with pytest.raises(IntoneError, match="apart take different features"):
        parts(space.fold("apart", "none", split), 1.0)
    with pytest.raises(IntoneError, match="hears 1 s at once"):
        parts(space.fold("voice", "none", split), 5.0)
    with pytest.raises(IntoneError, match="words can't be put into a file"):
        parts(space.fold("words", "natural", split), 5.0)
    with pytest.raises(IntoneError, match="name one of them"):
        _ = found(space.fold("voice", "none", split).folder.parent, space.models)
    with pytest.raises(IntoneError, match="not a finished run"):
        _ = found(tmp_path, space.models)
    with pytest.raises(IntoneError, match="chooses its epoch on validation speakers"):
        train_everyone(space, "cnn", "none", "speakers")
    with pytest.raises(IntoneError, match="chooses its epoch on validation speakers"):
        train_everyone(space, "early", "natural", "speakers")
    with pytest.raises(IntoneError, match="take --track natural"):
        train_everyone(space, "words", "asr", "speakers")


def test_eight_bits_are_kept_only_where_they_hold(space, corpus, tmp_path, monkeypatch, capsys):
    run = found(space.fold("voice", "none", folds(corpus.clips, "speakers")[0]).folder, space.models)
    monkeypatch.setattr("intone.export.pack.SMALLER", 9.9)
    monkeypatch.setattr("intone.export.pack.holds", lambda found: True)
    card = pack(run, corpus, tmp_path / "a.onnx", window=1.0)
    assert card.quantization["clips"] == len(corpus.clips) and "sentences" not in card.quantization
    monkeypatch.setattr("intone.export.pack.holds", lambda found: False)
    assert pack(run, corpus, tmp_path / "b.onnx", window=1.0).quantization == {}
    assert "32 bits are kept" in capsys.readouterr().err


@torch.no_grad()
def off_the_grid(linear: nn.Linear, answers: int) -> np.ndarray:
    """Gives a last layer weights of which 8 bits lose a known part -> what its logits [8] lose for states of 1.

    Each emotion has a weight of 1 and one of -1, which cancel and make a step of its 8-bit weights 1/127. The first
    emotion's others are 0.4 of a step: 8 bits round them to nothing. `answers` is the likeliest emotion by far.
    """
    linear.weight.zero_()
    linear.weight[:, 0], linear.weight[:, 1] = 1.0, -1.0
    linear.weight[0, 2:] = 0.4 / 127
    linear.bias.zero_()
    linear.bias[answers] = 1.0
    return np.eye(8)[0] * 0.4 / 127 * (linear.in_features - 2)


@torch.no_grad()
def by_hand(words: int) -> tuple[FileGraph, np.ndarray, np.ndarray]:
    """A whole whose reader and fusion say the same of everything -> it, and what 8 bits take from their logits [8].

    The reader's gates let in 1 and forget everything, so that each of its states is tanh(1) at every word; what the
    fusion's branches hear of one another is normalised to nothing but a bias, so that each of its states is 2.
    """
    torch.manual_seed(0)
    cnn, rnn = AudioCnn(16, AudioCnnPreset(width=8)), TextRnn(words, TextRnnPreset("lstm", "learned", 8, 4))
    for layer in (rnn.layer.on, rnn.layer.back):
        for name, weight in layer.named_parameters():
            weight.zero_()
            if name.startswith("bias_ih"):  # the gates: input, forget, cell, output
                weight.view(4, -1).add_(torch.tensor([[99.0], [-99.0], [99.0], [99.0]]))
    fusion = AttentiveFusion([cnn, rnn], (2, 2), True, AttentiveFusionPreset(width=8, heads=2))
    for heard in fusion.listen:
        heard.norm.weight.zero_(), heard.norm.bias.fill_(2.0)
    lost = math.tanh(1) * off_the_grid(rnn.head[-1], 3), 2 * off_the_grid(fusion.head[-1], 5)
    hearing, reading = SpectrogramGraph(cnn.eval()), ReadingNetwork(rnn.eval())
    return FileGraph(hearing, reading, FusionGraph(fusion.eval(), hearing, reading)), *lost


def test_reading_and_fusing_in_eight_bits_are_checked_on_every_word_that_is_known(corpus, tmp_path, monkeypatch):
    words = ("<pad>", "<unknown>", *(f"word{i}" for i in range(48)))
    whole, read, fused = by_hand(len(words))
    reading = Reading(words, rule=LEARNED)
    card = Card("tiny", "0", FeatureSettings(bands=16), 1.0, "f" * 64, "noise", "none", reading=reading, window=1.0)
    monkeypatch.setattr("intone.export.pack.parts", lambda run, window: (whole, card))
    monkeypatch.setattr("intone.export.pack.SMALLER", 9.9)
    monkeypatch.setattr("intone.export.pack.holds", lambda found: True)
    found = pack(None, corpus, tmp_path / "a.onnx", window=1.0).quantization
    assert found["sentences"] == -(-(len(words) - 1) // 16) == 4 and found["clips"] == len(corpus.clips)
    for kind, lost, answer in (("sentences", read, 3), ("both", fused, 5)):
        plain = np.eye(8)[answer] + lost
        gap = np.abs(softmax(plain) - softmax(plain - lost))
        assert gap.max() > 0.002  # of a probability: twenty times what is told of it
        assert found[f"{kind}_largest_difference"] == pytest.approx(gap.max(), abs=1e-4)
        assert found[f"{kind}_mean_difference"] == pytest.approx(gap.mean(), abs=1e-5)
        assert found[f"{kind}_same_answers"] == 100


def test_the_threshold_is_where_answers_are_wrong_as_often_as_right():
    confidence = np.linspace(0.2, 1, 801)
    draw = np.random.default_rng(0).random(801)
    assert unsure_below(confidence, draw < confidence) == pytest.approx(0.8, abs=0.08)
    assert unsure_below(confidence, np.ones(801, bool)) == 0.0
    assert unsure_below(np.array([0.9, 0.95]), np.array([False, False])) == 0.99


def test_a_corpus_that_lacks_an_emotion_makes_no_file(space, corpus, tmp_path):
    few = replace(corpus, clips=corpus.clips[corpus.clips["emotion"] != "calm"].reset_index(drop=True))
    poor = replace(space, corpus=few, runs=tmp_path)
    done = poor.fold("voice", "none", folds(few.clips, "speakers")[0])
    with pytest.raises(IntoneError, match="lack an emotion"):
        parts(done, 1.0)
    for model in ("voice", "choice", "sum"):
        check(space, model, "natural")
        with pytest.raises(IntoneError, match="can't be put into a file where no clip is calm: leave --everyone out"):
            check(poor, model, "natural")
    check(poor, "words", "natural")
    for model in ("cnn", "together"):
        with pytest.raises(IntoneError, match="chooses its epoch on validation speakers"):
            check(space, model, "none")
