"""`intone train` on clips: pretrained encoders by name or path, and what can't be learned from is refused before."""

import json
from pathlib import Path

import pytest
import soundfile
from conftest import RATE, voice

from intone.cli import main
from intone.data import csv_corpus
from intone.data.clip_source import ClipSource
from intone.data.csv_entries import Conventions
from intone.data.splits import check_learnable, folds
from intone.errors import IntoneError
from intone.export.origin import check_corpus
from intone.models import pretrained
from intone.training import train
from intone.training.finished_fold import FinishedFold
from intone.training.recipes import MODELS, in_precision
from intone.training.train import Order, prepared
from intone.training.train import trained as trained_folds


def trained(model, track, ravdess_folder, tmp_path, weights):
    return ordered(model, track, ClipSource(ravdess=ravdess_folder), tmp_path, weights)


def ordered(model, track, clips, runs, weights=None, protocol="speakers"):
    order = Order(model=model, track=track, protocol=protocol, clips=clips, runs=runs, epochs=1, weights=weights)
    space, name = prepared(order)
    return list(trained_folds(space, name, order))


@pytest.mark.parametrize(("model", "track"), [("audio_whisper_base-head", "none"), ("text_minilm-tuned", "simulated")])
def test_another_encoder_below_a_model(model, track, ravdess_folder, tiny_whisper, tiny_bert, tmp_path, monkeypatch):
    monkeypatch.setenv("INTONE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(train, "MODELS", in_precision(train.MODELS, "32-true"))  # bf16 is slow on many processors
    weights = tiny_whisper if track == "none" else tiny_bert
    done = trained(model, track, ravdess_folder, tmp_path / "runs", weights)
    name = f"{model}@{weights.split('/')[-1]}-{pretrained.digest(weights)[:8]}__{track}__speakers"
    assert {fold.folder.parent.name for fold in done} == {name}
    assert all(0 <= fold.uars()["validation"] <= 100 for fold in done)


def test_a_protocol_of_ravdess_takes_no_table_of_ones_own(tmp_path):
    with pytest.raises(IntoneError, match="give --protocol speakers"):
        ordered("audio_cnn", "none", ClipSource(tmp_path / "not read.csv"), tmp_path, protocol="luna5")


def test_a_network_from_scratch_takes_no_weights(ravdess_folder, tiny_whisper, tmp_path):
    with pytest.raises(IntoneError, match="from scratch: it takes no weights"):
        trained("audio_cnn", "none", ravdess_folder, tmp_path, tiny_whisper)


def own(folder: Path, *shown: str) -> Path:
    """A table of one clip for each letter of each speaker: a for angry, s for sad, h for happy."""
    lines, names = ["file,speaker,emotion"], {"a": "angry", "s": "sad", "h": "happy"}
    for number, letters in enumerate(shown):
        for letter in letters:
            file = f"{number}{letter}.wav"
            soundfile.write(folder / file, voice("ash".index(letter) + 1, number), RATE, subtype="PCM_16")
            lines.append(f"{file},{number},{names[letter]}")
    (folder / "mine.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder / "mine.csv"


@pytest.fixture
def _nothing_is_computed(monkeypatch):
    monkeypatch.setattr(train, "screened", lambda *_: pytest.fail("features before the refusal"))
    monkeypatch.setattr(train, "_workspace", lambda *_: pytest.fail("words before the refusal"))


@pytest.mark.usefixtures("_nothing_is_computed")
@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        ("a a a a a", "All 5 clips are angry: add clips of another emotion"),
        ("as as as", "need 4 speakers or more, and this table has 3: add clips of others"),
        ("a a as as a", "In fold 2 of speakers all training clips are angry: add clips of other emotions"),
    ],
)
def test_what_no_model_can_learn_from_is_refused_before_anything_is_computed(shown, reason, tmp_path):
    mine = own(tmp_path, *shown.split())
    for model, recipe in MODELS.items():
        track = "none" if recipe.modality == "audio" else "asr"
        with pytest.raises(IntoneError) as caught:
            ordered(model, track, ClipSource(mine), tmp_path / "runs")
        assert reason in str(caught.value) and str(caught.value).endswith(".")


@pytest.mark.usefixtures("_nothing_is_computed")
def test_a_probe_needs_two_training_speakers_and_says_so_before(tmp_path):
    mine = own(tmp_path, "as", "as", "as", "as")
    reason = "learns from 2 speakers or more, and fold 1 of speakers leaves 1 to train on"
    for model in ("audio_whisper_base-noisy", "audio_whisper_small", "ensemble_whisper"):
        with pytest.raises(IntoneError, match=reason):
            ordered(model, "none", ClipSource(mine), tmp_path / "runs")


def test_who_is_made_of_a_probe_needs_what_it_needs():
    needs = {name: recipe.least_speakers(MODELS) for name, recipe in MODELS.items()}
    assert needs["audio_cnn"] == needs["fusion_nested"] == needs["text_tfidf"] == 1
    assert needs["audio_whisper_small"] == needs["ensemble_whisper"] == needs["audio_whisper_base-frozen"] == 2


def test_an_emotion_that_training_speakers_lack_is_said(tmp_path):
    clips = csv_corpus.load(own(tmp_path, "as", "ash", "as", "as", "as")).clips
    said = check_learnable(clips, folds(clips, "speakers"))
    assert said == [f"Fold {k}: no training clip is happy, so it can't be learned there." for k in (1, 3)]


def test_too_few_clips_for_random_folds_are_refused(tmp_path):
    clips = csv_corpus.load(own(tmp_path, *["as"] * 6)).clips
    with pytest.raises(IntoneError, match="12 clips are too few for random folds: add some, 13 at the least"):
        folds(clips, "random")


def finished(folder: Path, **corpus: str) -> Path:
    folder.mkdir(parents=True)
    kept = {
        "fingerprint": "f",
        "temperature": 1.0,
        "settings": {"model": "audio_cnn"},
        "details": {},
        **({"corpus": corpus} if corpus else {}),
    }
    (folder / "config.json").write_text(json.dumps(kept))
    return folder


def test_export_asks_for_the_table_that_a_run_learnt_from(tmp_path, capsys):
    run = finished(tmp_path / "fold-1", name="mine", table="/data/my own.csv", flags="--map x=sad")
    with pytest.raises(SystemExit) as stop:
        main(["export", str(run), "--out", str(tmp_path / "m.onnx")])
    assert stop.value.code == 1
    told = f"{run} learnt from the clips of a table, my own.csv: give --table '/data/my own.csv' --map x=sad."
    assert capsys.readouterr().err == f"intone: {told}\n"
    for other, names in (("/data/other.csv", "x=sad"), ("/data/my own.csv", "")):
        with pytest.raises(IntoneError, match="give --table"):
            check_corpus(FinishedFold(run, MODELS), ClipSource(Path(other), names=names))
    check_corpus(FinishedFold(run, MODELS), ClipSource(Path("/moved/my own.csv"), names="x=sad"))


def test_export_asks_for_the_corpora_that_a_run_learnt_from(tmp_path):
    both = ("ravdess", "nemo")
    run = FinishedFold(finished(tmp_path / "a", name="ravdess+nemo", table="", flags="--corpora ravdess nemo"), MODELS)
    check_corpus(run, ClipSource(corpora=both))
    for other in (ClipSource(), ClipSource(corpora=("nemo",)), ClipSource(Path("mine.csv"))):
        with pytest.raises(IntoneError, match=r"learnt from ravdess\+nemo: give --corpora ravdess nemo"):
            check_corpus(run, other)


def test_export_of_other_runs(tmp_path):
    published = FinishedFold(finished(tmp_path / "a", name="ravdess", table="", flags=""), MODELS)
    check_corpus(published, ClipSource())
    with pytest.raises(IntoneError, match=r"learnt from RAVDESS, and not from mine\.csv: leave --table out"):
        check_corpus(published, ClipSource(Path("mine.csv")))
    with pytest.raises(IntoneError, match=r"learnt from RAVDESS, and not from nemo: leave --corpora out"):
        check_corpus(published, ClipSource(corpora=("nemo",)))
    older = finished(tmp_path / "b")
    check_corpus(FinishedFold(older, MODELS), ClipSource())  # what it learnt from, nothing says
    for speaker, refused in (("ravdess-01", Path("mine.csv")), ("mine-Al", None)):
        (older / "predictions.csv").write_text(f"file,speaker\na.wav,{speaker}\n")
        with pytest.raises(IntoneError, match="--table"):
            check_corpus(FinishedFold(older, MODELS), ClipSource(refused))
        check_corpus(FinishedFold(older, MODELS), ClipSource(None if refused else Path("mine.csv")))


def test_the_flags_of_a_table_are_what_is_typed():
    assert Conventions().flags == "" and Conventions("a b=sad,c=", "file").flags == "--map 'a b=sad,c=' --speaker file"
