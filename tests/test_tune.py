"""Settings are searched on a fold's training speakers alone, go on after a kill, and are what `train` then takes."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import RATE, voice
from test_new_kind import MeanRecipe

from intone import cli
from intone.data import ravdess
from intone.data.corpus import Corpus
from intone.data.inner_folds import inner_folds, training_clips
from intone.data.splits import PARTS, folds
from intone.errors import Diverged, IntoneError, Missing
from intone.inference.cluster import Cluster
from intone.models.cnn import AudioCnnPreset
from intone.models.rnn import TextRnnPreset
from intone.training import fold_search, study
from intone.training.module import TrainingPreset
from intone.training.parallel import Task
from intone.training.recipe_fields import changed, restored, searchable
from intone.training.recipes import MODELS
from intone.training.recipes.choice import AudioChoice
from intone.training.recipes.spectrogram import SpectrogramRecipe
from intone.training.recipes.text import RnnRecipe
from intone.training.search_space import Range, SearchSpace, Values
from intone.training.train import Order, trained
from intone.training.tune import Search, rows, searched
from intone.training.tuned import Tuned
from intone.training.workspace import Workspace

CNN = SpectrogramRecipe(
    network=AudioCnnPreset(width=8), training=TrainingPreset(epochs=1, patience=0, precision="32-true"), speeds=(1.0,)
)
RATES = Search(model="mean", space=SearchSpace({"strength": Range(0.01, 10.0, log=True)}), trials=12, inner=3)


@pytest.fixture(scope="module")
def eight(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """8 actors x 4 emotions x 2 sentences."""
    folder = tmp_path_factory.mktemp("eight")
    for actor in range(1, 9):
        (folder / f"Actor_{actor:02d}").mkdir()
        for emotion in (1, 3, 5, 6):
            for sentence in (1, 2):
                name = f"03-01-{emotion:02d}-01-{sentence:02d}-01-{actor:02d}.wav"
                sound = voice(emotion, actor, 0.4 + 0.1 * sentence, seed=sentence)
                soundfile.write(folder / f"Actor_{actor:02d}" / name, sound, RATE, subtype="PCM_16")
    return replace(ravdess.load(folder), labels=("neutral", "happy", "angry", "fearful"))


@pytest.fixture
def space(eight: Corpus, tmp_path: Path) -> Workspace:
    models = {"mean": MeanRecipe(), "cnn": CNN}
    return Workspace(eight, models, tmp_path / "runs")


@pytest.fixture
def serial(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """Inner folds are trained in this process, one after the other; all of them, as they were asked for."""
    asked: list[Task] = []

    def make(space: Workspace, tasks: Sequence[Task], workers: int, cluster: Cluster | None = None) -> Iterator[Task]:
        for task in tasks:
            asked.append(task)
            task.done(space)
            yield task

    monkeypatch.setattr(fold_search, "make_all", make)
    return asked


@pytest.mark.parametrize("count", [3, 4, 9])
def test_inner_folds_hold_training_speakers_alone(eight, count):
    speaker = dict(zip(eight.clips["file"], eight.clips["speaker"], strict=True))
    for split in folds(eight.clips, "speakers"):
        inner = inner_folds(eight.clips, split, count)
        assert len(inner) == min(count, 5)
        for each in inner:
            speakers = [{speaker[file] for file in getattr(each, part)} for part in PARTS]
            assert all(speakers) and sum(map(len, speakers)) == len(set.union(*speakers))
            assert set(each.part_of()) == set(split.train)
            others = {speaker[file] for file in (*split.validation, *split.test)}
            assert not set.union(*speakers) & others
        assert sorted(file for each in inner for file in each.test) == sorted(split.train)
        assert inner == inner_folds(eight.clips.sample(frac=1, random_state=1), split, count)


def test_on_ravdess_groups_have_both_sexes(eight):
    rows = [
        eight.clips.iloc[[0]].assign(file=f"{k}.wav", speaker=f"ravdess-{k:02d}", sex="mf"[k % 2]) for k in range(1, 25)
    ]
    clips = pd.concat(rows, ignore_index=True)
    sex = dict(zip(clips["file"], clips["sex"], strict=True))
    for split in folds(clips, "luna5"):
        for inner in inner_folds(clips, split, 4):
            assert all({sex[file] for file in getattr(inner, part)} == {"m", "f"} for part in PARTS)


def test_a_search_never_reads_another_speakers_clip(space, serial, monkeypatch):
    split = folds(space.corpus.clips, "speakers")[1]
    inside = training_clips(space.corpus, split)
    assert set(inside.paths) == set(inside.clips["file"]) == set(split.train)
    seen: set[str] = set()
    fit = MeanRecipe.fit

    def watched(recipe, space, task):
        seen.update(space.corpus.clips["file"], space.corpus.paths, task.split.part_of())
        return fit(recipe, space, task)

    monkeypatch.setattr(MeanRecipe, "fit", watched)
    searched(space, replace(RATES, trials=2), [split])
    assert seen == set(split.train)
    assert {file for task in serial for file in task.split.part_of()} == set(split.train)


def test_each_fold_has_a_choice_of_its_own_in_a_whole_file(space, serial):
    splits = folds(space.corpus.clips, "speakers")
    one = searched(space, replace(RATES, trials=4), splits[:1])
    assert one.path == space.runs / "tuned" / "mean__none__speakers.json"
    both = searched(space, replace(RATES, trials=3), splits[1:2])
    assert set(both.folds) == {"1", "2"} and both.folds["1"] == one.folds["1"]
    assert both == Tuned.read(both.path)
    fold = both.folds["1"]
    assert fold.trials == len(fold.table) == 4 and fold.search == "strength=0.01..10.0:log"
    assert fold.table[0]["strength"] == 1.0, "the preset comes first"
    assert fold.loss == min(row["loss"] for row in fold.table) > 0
    assert [row["trial"] for row in fold.table] == [1, 2, 3, 4]
    assert not set(fold.speakers) & {space.speakers[file] for file in (*splits[0].test, *splits[0].validation)}
    assert rows(both)[0].startswith("fold 1: loss ") and rows(both)[-1] == str(both.path)


def test_the_loss_is_that_of_held_out_clips_at_the_inner_temperature(space, serial):
    split = folds(space.corpus.clips, "speakers")[0]
    fold = fold_search.FoldSearch.of(replace(RATES, trials=1), space, split)
    loss = fold.loss({"strength": 2.0})
    losses = []
    for task in serial:
        done = task.done(replace(fold.workspace, models={**space.models, task.model: MeanRecipe(strength=2.0)}))
        table = done.predictions.query("split == 'test'").set_index("file")
        losses += [-np.log(table.loc[file, table.loc[file, "emotion"]]) for file in table.index]
    assert len(losses) == len(split.train) and loss == pytest.approx(np.mean(losses), abs=0.01)


def test_after_kills_the_study_is_the_one_that_it_would_have_been(space, serial, tmp_path, monkeypatch):
    split = folds(space.corpus.clips, "speakers")[0]
    whole = searched(space, RATES, [split])
    trained_once = len(serial)
    assert trained_once == 3 * RATES.trials
    away, fit = replace(space, runs=tmp_path / "away"), MeanRecipe.fit
    made: list[object] = []
    lives = [0, 1, 5, 9, 32, 99]

    def dying(recipe, space, task):
        if len(made) == lives[0]:
            raise KeyboardInterrupt
        made.append(task)
        return fit(recipe, space, task)

    monkeypatch.setattr(MeanRecipe, "fit", dying)
    while len(lives) > 1:
        with pytest.raises(KeyboardInterrupt):
            searched(away, RATES, [split])
        lives.pop(0)
    resumed = searched(away, RATES, [split])
    assert resumed.path.read_bytes() == whole.path.read_bytes()
    assert len(made) == trained_once, "what was finished was not trained again"
    lives[0] = len(made)
    assert searched(away, replace(RATES, trials=3), [split]) == resumed


def test_another_seed_is_another_study_and_file(space, serial):
    split = folds(space.corpus.clips, "speakers")[0]
    few = replace(RATES, trials=3)
    one, other = (searched(space.with_seed(seed), few, [split]) for seed in (0, 1))
    assert other.path.name == "mean__none__speakers__seed1.json"
    assert one.folds["1"].table[0] == other.folds["1"].table[0] and one.folds["1"].table[1] != other.folds["1"].table[1]


def test_more_trials_go_on_and_another_search_is_another_study(space, serial):
    split = folds(space.corpus.clips, "speakers")[0]
    three = searched(space, replace(RATES, trials=3), [split]).folds["1"]
    five = searched(space, replace(RATES, trials=5), [split]).folds["1"]
    assert five.table[:3] == three.table and five.trials == 5
    listed = replace(RATES, space=SearchSpace({"strength": Values((0.5, 5.0))}), trials=2)
    found = searched(space, listed, [split]).folds["1"]
    assert found.trials == 2 and {row["strength"] for row in found.table} <= {0.5, 5.0}


def test_a_trial_that_diverges_counts_as_the_worst(space, serial, monkeypatch):
    split = folds(space.corpus.clips, "speakers")[0]
    monkeypatch.setattr(
        fold_search.FoldSearch, "loss", lambda _, values: float("nan") if values["strength"] < 1 else 1.5
    )
    fold = searched(space, RATES, [split]).folds["1"]
    assert fold.loss == 1.5 and fold.trials == 12 and None in [row["loss"] for row in fold.table]
    monkeypatch.setattr(fold_search.FoldSearch, "loss", lambda *_: float("inf"))
    with pytest.raises(IntoneError, match="Every trial of fold 2 diverged"):
        searched(space, RATES, folds(space.corpus.clips, "speakers")[1:2])


def test_a_training_without_numbers_is_such_a_trial(space, serial):
    split = folds(space.corpus.clips, "speakers")[0]
    wild = Search(model="cnn", space=SearchSpace({"training.rate": Values((2e-3, 1e30))}), trials=6, inner=3)
    fold = searched(space, wild, [split]).folds["1"]
    assert fold.best == {"training.rate": 2e-3}
    assert {(row["training.rate"], row["loss"] is None) for row in fold.table} == {(2e-3, False), (1e30, True)}
    with pytest.raises(Diverged, match="diverged, and predicts no numbers: give it a lower rate"):
        Task("cnn", "none", split, 0, changed(CNN, {"training.rate": 1e30})).done(space)


def test_train_takes_each_folds_own_choice(space, serial):
    splits = folds(space.corpus.clips, "speakers")
    plain = space.fold("mean", "none", splits[0])
    tuned = searched(space, replace(RATES, trials=3), splits[:2])
    order = Order(model="mean", protocol="speakers", tuned=tuned)
    done = list(trained(space, "mean", order))
    assert [fold.fold for fold in done] == ["1", "2"]
    for fold in done:
        assert fold.record.settings["recipe"]["strength"] == tuned.folds[fold.fold].best["strength"]
        assert fold.recipe == MeanRecipe(strength=tuned.folds[fold.fold].best["strength"])
        assert fold.record.fingerprint != plain.record.fingerprint
    assert space.fold("mean", "none", splits[0]).record == plain.record, "the untuned run stays"


def test_a_tuned_network_is_built_again_as_it_was(space):
    split = folds(space.corpus.clips, "speakers")[0]
    recipe = changed(CNN, {"network.width": 12, "training.rate": 0.01})
    fold = Task("cnn@tuned", "none", split, 0, recipe).done(space)
    assert fold.recipe.network.width == 12
    network = fold.recipe.network_of(fold)
    assert sum(p.numel() for p in network.parameters()) == fold.record.parameters


def test_what_a_model_is_made_of_is_trained_once_for_all_trials(eight, space, serial):
    split = folds(eight.clips, "speakers")[0]
    space = replace(space, models={**space.models, "choice": AudioChoice(("mean", "cnn"))})
    searched(
        space, Search(model="choice", space=SearchSpace({"tolerance": Values((0.0, 1.0))}), inner=3, trials=4), [split]
    )
    made = sorted(path.name.split("__")[0].split("-")[0] for path in (space.runs / "tuned" / "folds").iterdir())
    assert made == ["choice@tuned", "choice@tuned", "cnn", "mean"]


def test_a_text_model_is_tuned_on_its_words(eight, space, serial):
    words = pd.DataFrame({"file": eight.clips["file"], "text": eight.clips["statement"].map(eight.sentences)})
    reader = RnnRecipe(
        network=TextRnnPreset("lstm", "learned", hidden=8, learned=4),
        training=TrainingPreset(epochs=1, precision="32-true"),
    )
    space = replace(space, models={"text": reader}, transcripts=words)
    cells = Search(
        model="text", track="asr", space=SearchSpace({"network.cell": Values(("gru", "lstm"))}), trials=1, inner=3
    )
    found = searched(space, cells, folds(eight.clips, "speakers")[:1])
    assert found.path.name == "text__asr__speakers.json" and found.folds["1"].best == {"network.cell": "lstm"}
    (fold,) = trained(space, "text", Order(model="text", track="asr", protocol="speakers", tuned=found))
    assert fold.record.track == "asr" and fold.recipe.network.cell == "lstm"


def test_a_folder_may_have_any_name(space, serial, tmp_path):
    odd = replace(space, runs=tmp_path / "a?b#c%20{d} é")
    searched(odd, replace(RATES, trials=1), folds(space.corpus.clips, "speakers")[:1])
    assert (odd.runs / "tuned" / "mean__none__speakers.sqlite").exists()


def test_workers_train_the_inner_folds(space):
    split = folds(space.corpus.clips, "speakers")[0]
    found = searched(space, replace(RATES, trials=1, workers=1), [split])
    assert found.folds["1"].trials == 1


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("network.wide=1,2", "There is no field 'network.wide' to search: audio_cnn has .*network.width, .*"),
        ("training.rate", "'training.rate' is not FIELD=LOW..HIGH, .*training.rate, .*"),
        ("training.rate=fast", "training.rate takes a number, and not fast: audio_cnn has .*"),
        ("training.rate=nan", "training.rate takes a number, and not nan: .*"),
        ("network.width=16.5,32", "network.width takes a whole number, and not 16.5,32: .*"),
        ("network.width=16..32.5", "network.width takes a whole number, and not 16..32.5: .*"),
        ("network.width=32..16", "The range network.width=32..16 is empty: .*audio_cnn has .*"),
        ("training.rate=0.1..0.1", "The range training.rate=0.1..0.1 is empty: .*"),
        ("training.decay=0..1:log", "The range training.decay=0..1:log has no logarithm: .*"),
        ("training.decay=0.1..1:lin", "training.decay takes a number, and not 0.1..1:lin: .*"),
        ("features.kind=mfcc..logmel", "features.kind takes logmel or mfcc or .*, and not mfcc..logmel: .*"),
        ("features.kind=sound", "features.kind takes logmel or .*"),
    ],
)
def test_what_cannot_be_searched_is_one_sentence(word, sentence):
    with pytest.raises(IntoneError, match=f"^{sentence}\\.$") as problem:
        SearchSpace.parse([word], MODELS["audio_cnn"], "audio_cnn")
    assert "\n" not in str(problem.value) and "training.rate" in str(problem.value)


def test_searches_are_read():
    cnn = MODELS["audio_cnn"]
    words = ["training.rate=1e-4..1e-2:log", "network.dropout=0.0..0.5", "network.width=16,32,16", "network.depth=1..3"]
    found = SearchSpace.parse(words, cnn, "audio_cnn")
    assert found == SearchSpace.parse(words[::-1], cnn, "audio_cnn")
    assert found.of == {
        "network.depth": Range(1, 3),
        "network.dropout": Range(0.0, 0.5),
        "network.width": Values((16, 32)),
        "training.rate": Range(1e-4, 1e-2, log=True),
    }
    with pytest.raises(IntoneError, match="twice"):
        SearchSpace.parse(["network.width=16,32", "network.width=8"], cnn, "audio_cnn")
    assert str(SearchSpace.parse((), cnn, "audio_cnn")) == "training.rate=0.0002..0.02:log"
    probe = SearchSpace.parse((), MODELS["audio_whisper_small-noisy"], "audio_whisper_small-noisy")
    assert list(probe.of) == ["probe.strength"]
    reader = MODELS["text_minilm-tuned"]
    assert list(SearchSpace.parse((), reader, "", "natural").of) == ["on_goemotions.rate"]
    assert list(SearchSpace.parse((), reader, "", "asr").of) == ["training.rate"]
    with pytest.raises(IntoneError, match="no usual search for text_tfidf"):
        SearchSpace.parse((), MODELS["text_tfidf"], "text_tfidf")


@pytest.mark.parametrize("model", MODELS)
def test_fields_are_found_changed_and_restored(model):
    recipe = MODELS[model]
    for name, field in searchable(recipe).items():
        other = changed(recipe, {name: field.value})
        assert other == recipe
    assert restored(recipe, json.loads(json.dumps(recipe.settings()))) == recipe


def test_files_of_something_else_are_refused(space, serial, tmp_path):
    splits = folds(space.corpus.clips, "speakers")
    tuned = searched(space, replace(RATES, trials=1), splits[:1])
    for wanted in (("cnn", "none", "speakers"), ("mean", "asr", "speakers"), ("mean", "none", "luna5")):
        with pytest.raises(IntoneError, match=r"and not of (cnn|asr|luna5): give the file"):
            tuned.check(*wanted)
    tuned.check("mean", "none", "speakers")
    (tmp_path / "other.json").write_text('{"model": 1}')
    with pytest.raises(IntoneError, match="not a file of `intone tune`"):
        Tuned.read(tmp_path / "other.json")
    with pytest.raises(IntoneError, match="is not there"):
        Tuned.read(tmp_path / "none.json")
    with pytest.raises(IntoneError, match="has no fold of this corpus"):
        tuned.tasks(space, "mean", "none", splits[1:])
    moved = replace(splits[0], train=splits[0].train[8:], test=(*splits[0].test, *splits[0].train[:8]))
    with pytest.raises(IntoneError, match="who is not for training there"):
        tuned.tasks(space, "mean", "none", [moved])
    older = replace(tuned, folds={"1": replace(tuned.folds["1"], best={"gone": 1})})
    with pytest.raises(IntoneError, match="has no field gone"):
        older.tasks(space, "mean", "none", splits)


def test_too_few_speakers_or_folds(space):
    split = folds(space.corpus.clips, "speakers")[0]
    with pytest.raises(IntoneError, match="2 inner folds are too few"):
        inner_folds(space.corpus.clips, split, 2)
    with pytest.raises(IntoneError, match="has 2 training speakers, and inner folds need 3"):
        inner_folds(space.corpus.clips, replace(split, train=split.train[:16]), 4)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["audio_gnn"], "no model 'audio_gnn'"),
        (["audio_cnn", "--protocol", "random"], "random shares speakers"),
        (["audio_cnn", "--trials", "0"], "0 trials choose nothing"),
        (["audio_cnn", "--search", "network.widht=1,2"], "no field 'network.widht'"),
        (["audio_cnn", "--folds", "9"], "no fold '9' of luna5: choose of 1, 2, 3, 4, 5"),
    ],
)
def test_the_command_refuses_in_one_sentence(words, sentence, monkeypatch, capsys):
    if "--folds" in words:
        clips = type("Corpus", (), {"clips": None})
        monkeypatch.setattr("intone.training.tune.prepared", lambda order: (type("Space", (), {"corpus": clips}), "x"))
        named = [type("Split", (), {"fold": str(k), "protocol": "luna5"}) for k in range(1, 6)]
        monkeypatch.setattr("intone.training.tune.folds_of", lambda *_: named)
    with pytest.raises(SystemExit) as end:
        cli.main(["tune", *words])
    said = capsys.readouterr().err
    assert end.value.code == 1 and sentence in said and said.count("\n") == 1


def test_train_refuses_a_tuned_file_before_anything_is_read(space, serial, capsys):
    path = searched(space, replace(RATES, trials=1), folds(space.corpus.clips, "speakers")[:1]).path
    for words, sentence in (
        (["audio_cnn"], "is of the model mean, and not of audio_cnn"),
        (["audio_cnn", "--everyone"], "leave --everyone out"),
    ):
        with pytest.raises(SystemExit):
            cli.main(["train", *words, "--protocol", "speakers", "--tuned", str(path)])
        assert sentence in capsys.readouterr().err


def test_two_searches_of_the_same_are_refused(space, serial):
    from filelock import FileLock

    (space.runs / "tuned").mkdir(parents=True)
    with (
        FileLock(space.runs / "tuned" / "mean__none__speakers.lock"),
        pytest.raises(IntoneError, match="Another process"),
    ):
        searched(space, replace(RATES, trials=1), folds(space.corpus.clips, "speakers")[:1])


def test_a_damaged_file_is_one_sentence(space, serial):
    path = space.runs / "tuned" / "mean__none__speakers.sqlite"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database at all, but some text" * 100)
    with pytest.raises(IntoneError, match="is damaged, or of another version of Optuna: move it away"):
        searched(space, replace(RATES, trials=1), folds(space.corpus.clips, "speakers")[:1])


def test_without_optuna_it_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(Missing, match=r"needs optuna: `pip install \"\.\[tune\]\"`"):
        study.library()


def test_optuna_is_imported_by_tuning_alone():
    code = (
        "import sys, intone, intone.training, intone.training.train, intone.training.tuned, intone.training.tune; "
        "intone.training.MODELS; sys.exit('optuna' in sys.modules or 'sqlalchemy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
