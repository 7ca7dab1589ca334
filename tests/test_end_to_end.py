"""The whole road on a tiny corpus: every kind of model, resumed, published."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import soundfile

from intone.audio.features import FeatureSettings
from intone.data.corpus import Corpus
from intone.data.splits import PARTS, folds
from intone.errors import IntoneError, Missing
from intone.evaluation.results import Experiment
from intone.experiments.publish import publish
from intone.models.cnn import AudioCnnPreset
from intone.models.cross_attention import AttentiveFusionPreset
from intone.models.rnn import TextRnnPreset
from intone.training.parallel import Task, make_all, waves
from intone.training.processor import processor
from intone.training.recipes import BRANCHES, FIRST_PHASE, MODELS, in_epochs, in_precision
from intone.training.recipes.early_fusion import AttentionRecipe
from intone.training.recipes.spectrogram import SpectrogramRecipe
from intone.training.recipes.text import RnnRecipe
from intone.training.spectrogram_views import screened
from intone.training.workspace import Workspace

SMALL = {
    **in_precision(MODELS, "32-true"),
    "audio_cnn": SpectrogramRecipe(network=AudioCnnPreset(width=8)),
    "text_lstm-glove": RnnRecipe(network=TextRnnPreset("lstm", "glove", hidden=8, learned=4)),
    "text_lstm-learned": RnnRecipe(network=TextRnnPreset("lstm", "learned", hidden=8, learned=4)),
    "fusion_attention": AttentionRecipe(BRANCHES, joint=False, network=AttentiveFusionPreset(width=8, heads=2)),
}


@pytest.fixture(scope="module")
def space(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("runs")
    heard = pd.DataFrame({"file": corpus.clips["file"], "text": corpus.clips["statement"].map(corpus.sentences)})
    glove = folder / "glove"
    glove.mkdir()
    (glove / "words.txt").write_text("kids\ndogs\ndoor\n")
    np.save(glove / "vectors.npy", np.eye(3, 50, dtype=np.float32))
    models = in_epochs(SMALL, {"audio_epochs": 2, "text_epochs": 2, "joint_epochs": 1})
    return Workspace(corpus, models, folder, heard.sample(frac=1, random_state=0), None, glove)


FUSIONS = [name for name, recipe in FIRST_PHASE.items() if recipe.modality == "fusion"]


@pytest.mark.parametrize("model", [*FUSIONS, "fusion_attention"])
def test_every_fusion_covers_every_clip_of_the_fold(space, corpus, model):
    split = folds(corpus.clips, "speakers")[0]
    done = space.fold(model, "asr", split)
    table = done.predictions
    assert set(table["file"]) == set(corpus.clips["file"])
    assert table.groupby("split")["file"].count().to_dict() == {p: len(getattr(split, p)) for p in PARTS}
    true = corpus.clips.set_index("file")["emotion"]
    assert (table["emotion"].to_numpy() == true.loc[table["file"]].to_numpy()).all()


def test_a_choice_takes_one_of_its_candidates_and_says_which(space, corpus):
    split = folds(corpus.clips, "speakers")[0]
    early = space.fold("fusion_early", "asr", split).record.details
    assert early.picked == min(early.validation_loss, key=early.validation_loss.get)
    done = space.fold("fusion_nested", "asr", split)
    details = done.record.details
    assert next(iter(details.validation_loss)) == "audio_cnn"
    picked = space.fold(details.picked, "asr", split)
    pd.testing.assert_frame_equal(done.logits, picked.logits)


def test_what_a_fusion_is_made_of_is_paid_for_once(space, corpus):
    split = folds(corpus.clips, "speakers")[0]
    nested = space.fold("fusion_nested", "asr", split)
    trained = ("audio_cnn", "text_lstm-glove", "text_lstm-learned", "fusion_early-frozen", "fusion_early-joint")
    own = [space.fold(model, "asr", split).record.spent[model] for model in trained]
    assert min(own) > 0 and nested.record.seconds == pytest.approx(sum(own))


def test_a_finished_fold_is_never_made_twice_and_other_settings_make_it_anew(space, corpus, monkeypatch, capsys):
    split = folds(corpus.clips, "speakers")[0]
    first = space.fold("audio_cnn", "none", split)
    monkeypatch.setattr(SpectrogramRecipe, "fit", lambda *_: pytest.fail("made twice"))
    assert space.fold("audio_cnn", "none", split).record == first.record
    assert first.record.corpus == {"name": "ravdess", "table": "", "flags": ""}
    assert first.record.processor == processor()
    monkeypatch.undo()
    other = replace(space, models=in_epochs(space.models, {"audio_epochs": 1}))
    assert other.fold("audio_cnn", "none", split).record.fingerprint != first.record.fingerprint
    assert "made anew" in capsys.readouterr().err
    space.fold("audio_cnn", "none", split)


def test_a_training_begun_with_other_settings_is_not_gone_on_with(space, corpus, tmp_path, monkeypatch):
    split = folds(corpus.clips, "speakers")[0]
    away = replace(space, runs=tmp_path)
    folder = away.where("audio_cnn", "none", split)

    def killed(recipe, space, task):
        (task.folder / "last.ckpt").write_bytes(b"of other settings")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(SpectrogramRecipe, "fit", killed)
        away.fold("audio_cnn", "none", split)
    other = replace(away, models=in_epochs(space.models, {"audio_epochs": 1}))
    assert other.fold("audio_cnn", "none", split).record.details.epoch == 1
    assert not (folder / "last.ckpt").exists()


def test_the_order_of_the_clip_table_changes_nothing(space, corpus, tmp_path):
    shuffled = replace(corpus, clips=corpus.clips.sample(frac=1, random_state=5).reset_index(drop=True))
    other = replace(space.bare(), corpus=shuffled, runs=tmp_path)
    for model in ("audio_cnn", "text_lstm-learned"):
        one = space.fold(model, "asr", folds(corpus.clips, "speakers")[0])
        same = other.fold(model, "asr", folds(shuffled.clips, "speakers")[0])
        # Threads may sum in another order: a last digit, which a few steps of training leave a small one.
        pd.testing.assert_frame_equal(one.logits, same.logits, atol=1e-3)


def test_workers_make_what_one_process_makes(space, corpus, tmp_path):
    split = folds(corpus.clips, "speakers")[1]
    away = replace(space, runs=tmp_path)
    assert [t.split.fold for t in make_all(away, [Task("audio_cnn", "none", split)], 1)] == ["2"]
    here, there = space.fold("audio_cnn", "none", split), away.fold("audio_cnn", "none", split)
    # A worker has one thread, and this process may have more: sums in another order, and no more than that.
    pd.testing.assert_frame_equal(here.logits, there.logits, atol=1e-2)


def test_folds_that_share_a_training_on_comments_wait_for_the_first(corpus):
    one, two, *_ = folds(corpus.clips, "speakers")
    text = [Task("text_lstm", "natural", split) for split in (one, two)]
    sound = [Task("audio_cnn", "none", split) for split in (one, two)]
    assert waves([*text, *sound]) == [[text[0], *sound], [text[1]]]
    own = [replace(task, recipe=SMALL["text_lstm-glove"]) for task in (*text, text[1])]
    assert waves(own) == [[task] for task in own] and waves([]) == [[]]
    seeded = replace(text[0], seed=1)
    assert waves([text[0], seeded]) == [[text[0], seeded]]


def test_a_whole_protocol_is_published(space, corpus, tmp_path):
    splits = folds(corpus.clips, "speakers")
    done = [space.fold("text_tfidf", "asr", s) for s in splits]
    publish(Experiment("text_tfidf", "text", "asr", "speakers"), done, tmp_path, "test")
    summary = pd.read_csv(tmp_path / "summary.csv").set_index("split")
    assert summary.loc["test", "clips"] == len(corpus.clips)
    assert set(pd.read_csv(tmp_path / "choices.csv")["processor"]) == {processor()}
    tested = pd.concat([fold.predictions.query("split == 'test'") for fold in done])
    right = tested["predicted"] == tested["emotion"]
    assert summary.loc["test", "uar"] == pytest.approx(100 * right.groupby(tested["emotion"]).mean().mean(), abs=1e-3)


def test_bad_clips_are_named_counted_and_left_out(corpus, tmp_path, capsys):
    paths = dict(corpus.paths)
    silent, cut, gone = list(paths)[:3]
    soundfile.write(tmp_path / "silent.wav", np.zeros(16_000), 16_000)
    (tmp_path / "cut.wav").write_bytes(paths[cut].read_bytes()[:2000])
    (tmp_path / "text.wav").write_text("this is no sound")
    paths |= {silent: tmp_path / "silent.wav", cut: tmp_path / "cut.wav", gone: tmp_path / "text.wav"}
    left = screened(replace(corpus, paths=paths), FeatureSettings(), 1)
    assert len(left.clips) == len(left.paths) == len(corpus.clips) - 3
    err = capsys.readouterr().err
    assert all(f"left out: {file}: " in err for file in (silent, cut, gone))
    assert "3 clips left out, 61 used." in err
    nothing = dict.fromkeys(paths, tmp_path / "silent.wav")
    with pytest.raises(IntoneError, match="No clip of ravdess can be used"):
        screened(replace(corpus, paths=nothing), FeatureSettings(), 1)


def test_missing_words_and_unknown_models_are_one_sentence(space, corpus, tmp_path):
    split = folds(corpus.clips, "speakers")[0]
    bare = replace(space, transcripts=None, glove=None, goemotions=None, runs=tmp_path)
    with pytest.raises(Missing, match="intone"):
        bare.fold("text_lstm-learned", "asr", split)
    with pytest.raises(Missing, match="intone data get goemotions"):
        bare.fold("text_tfidf", "natural", split)
    with pytest.raises(IntoneError, match="no model 'audio_gnn'"):
        space.fold("audio_gnn", "none", split)
