"""A model of several corpora: trained on all of them, calibrated on those held out, and put into a file that adapts."""

from dataclasses import replace

import pandas as pd
import pytest
import soundfile
from conftest import RATE, voice

from intone.cli import main
from intone.data import corpora
from intone.data.corpus import Corpus, Skipped
from intone.data.splits import folds
from intone.errors import IntoneError
from intone.experiments.cross_corpus import elsewhere
from intone.export.pack import found, pack
from intone.export.voices import learned, sentences, told, write
from intone.inference.model import Model
from intone.models.linear_probe import LinearProbePreset
from intone.models.voice_probe import VoiceProbePreset
from intone.training.recipes.linear_probe import LinearProbeRecipe
from intone.training.refit import judged, train_everyone
from intone.training.spectrogram_views import _told
from intone.training.workspace import Workspace

NAMES = ("ravdess", "nemo")
SAID = ("anger", "fear", "happiness", "neutral", "sadness", "surprised")


@pytest.fixture(scope="module")
def joint(ravdess_folder, tmp_path_factory) -> Corpus:
    folder = tmp_path_factory.mktemp("nemo")
    for speaker in ("EB0", "EC0", "KS0", "TP0"):
        for k, emotion in enumerate(SAID):
            for sentence in (1, 2):
                sound = voice(k + 1, k, seconds=0.4 + 0.1 * sentence)
                soundfile.write(folder / f"{speaker}_{emotion}_{sentence}.wav", sound, RATE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTONE_RAVDESS", str(ravdess_folder))
        patch.setenv("INTONE_NEMO", str(folder))
        return corpora.together(NAMES)


@pytest.fixture(scope="module")
def space(joint, tiny_whisper, tmp_path_factory) -> Workspace:
    probe = LinearProbeRecipe(weights=tiny_whisper, layers=(1, 2), probe=LinearProbePreset(widest=2, inner=2))
    return Workspace(joint, {"probe": probe}, tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def folder(space):
    return train_everyone(space, "probe", "none", "corpora")


def test_it_is_judged_on_corpora_held_out_and_only_by_what_could_be_learned(space, folder, joint):
    made = [space.fold("probe", "none", split) for split in folds(joint.clips, "corpora")]
    by_name = {fold.fold: fold for fold in made}
    assert set(by_name) == set(NAMES)
    counts = joint.clips.groupby(["corpus", "emotion"]).size()
    unknown = counts["ravdess"]["calm"] + counts["ravdess"]["disgust"]  # nEMO has neither
    record = found(folder, space.models).record
    assert record.scores["clips"] == len(joint.clips) - unknown
    # Most predictions for a corpus held out may be wrong: a threshold below which that holds would leave none.
    assert record.unsure == judged(space, made).unsure
    scores = judged(space, made).scores
    assert scores == record.scores and 0 < scores["ece"] < 1
    logits = by_name["ravdess"].logits
    assert (logits["disgust"] < logits["sad"]).all()


def test_its_file_names_its_corpora_and_their_licences_and_adapts(space, folder, joint, tmp_path):
    card = pack(found(folder, space.models), joint, tmp_path / "plain.onnx", eight_bits=False, window=1.0)
    assert card.corpora == NAMES and card.trained_on.startswith("ravdess+nemo, 112 clips")
    assert card.languages == ("en", "pl")
    assert card.licence == "CC BY-NC-SA 4.0 (RAVDESS); CC BY-NC-SA 4.0 (nEMO)"
    parts = [replace(joint, name=name, clips=joint.clips[joint.clips["corpus"] == name]) for name in NAMES]
    layers = len(found(folder, space.models).record.details.layers or ())
    preset = VoiceProbePreset(inner=2, draws=1)
    write(
        tmp_path / "plain.onnx",
        learned(tmp_path / "plain.onnx", parts, layers, preset),
        tmp_path / "m.onnx",
        told(parts),
    )
    model = Model(tmp_path / "m.onnx")
    assert model.voices is not None and model.voices.temperature(2) > 0
    assert "nemo (48 clips, CC BY-NC-SA 4.0 (nEMO))" in model.voice_facts


def test_a_file_is_not_tested_on_a_corpus_that_it_learned_from(model_file, tmp_path, monkeypatch):
    soundfile.write(tmp_path / "03a01Wa.wav", voice(1, 1), RATE)
    card = replace(Model(model_file).card, trained_on="ravdess+emodb, 3 clips")
    monkeypatch.setattr("intone.inference.model.Card.of_json", lambda _: card)
    with pytest.raises(IntoneError, match="learned from EMO-DB, which can't test it"):
        elsewhere(tmp_path, str(model_file), tmp_path)


def test_leaving_a_corpus_out_takes_two(capsys):
    with pytest.raises(SystemExit):
        main(["train", "audio_cnn", "--protocol", "corpora"])
    assert "takes two or more: name them with --corpora" in capsys.readouterr().err


def test_sentences_know_where_calm_is_neutral(joint):
    clips = pd.DataFrame({"speaker": ["a", "b"], "emotion": ["neutral", "calm"]})
    x = joint.clips[["duration"]].to_numpy()[:4].reshape(2, 1, 1, 2)
    known = sentences([(x[:1], clips[:1], "nemo"), (x[1:], clips[1:], "ravdess")], joint.labels)
    assert list(known.coarse) == [True, False] and known.corpora is not None
    assert known.corpora.tolist() == ["nemo", "ravdess"]


def test_many_clips_that_are_left_out_for_one_reason_are_one_line():
    few = [Skipped(f"{k}.wav", "it is silent") for k in range(2)]
    many = [Skipped(f"b{k}.wav", "bored") for k in range(9)]
    assert list(_told([*few, *many])) == [
        "left out: 0.wav: it is silent",
        "left out: 1.wav: it is silent",
        "left out: 9 clips, b0.wav the first: bored",
    ]
