"""results/: what is published, that looks are logged, and that the README says just that."""

import gzip
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from test_evaluate import predictions

from intone.cache import digest
from intone.cli import BY_NAME
from intone.emotions import INDEX
from intone.errors import IntoneError
from intone.evaluation.catalogue import COLUMNS, Catalogue
from intone.evaluation.details import Details
from intone.evaluation.metrics import accuracy, calibration_error, confusion, macro_f1, score, uar
from intone.evaluation.results import SUMMARY_COLUMNS, Experiment, read_predictions
from intone.experiments.conversations import scores as conversation_scores
from intone.experiments.publish import packed, publish
from intone.models.rnn import TextRnn
from intone.report.page_data import PAGE, experiment_json
from intone.report.readme import END, START, front_table, readme_table, results_page, tried_page, write_readme
from intone.training.finished_fold import FinishedFold
from intone.training.recipes import MODELS
from intone.training.recipes.architectures import architectures, settings, stages
from intone.training.recipes.descriptions import DESCRIPTIONS, table
from intone.training.record import FoldRecord

ROOT = Path(__file__).parent.parent


def fold(folder: Path, number: int, seed: int = 0) -> FinishedFold:
    """A finished fold on disk: six speakers of its own, a third in each part."""
    table = predictions(0.8, 10 * seed + number)
    table["speaker"] = table["speaker"].str.replace("x-", f"x-{number}")
    table["file"] = f"{number}/" + table["file"]
    table["fold"] = str(number)
    table["split"] = table["speaker"].str[-1].astype(int).map(lambda i: ("train", "validation", "test")[i % 3])
    place = folder / f"fold-{number}"
    place.mkdir(parents=True, exist_ok=True)
    table.to_csv(place / "predictions.csv", index=False)
    (place / "history.csv").write_text("epoch,split,loss,accuracy,uar\n1,train,1.5,40.0,40.0\n")
    FoldRecord(
        fingerprint="f",
        settings={"model": "audio_cnn", "track": "none"},
        temperature=1.2,
        parameters=10,
        seconds=2.0,
        details=Details(epoch=1),
    ).write(place)
    return FinishedFold(place, {})


EXPERIMENT = Experiment("audio_cnn", "audio", "none", "luna5")


def test_what_is_published_can_be_recounted(tmp_path):
    folds = [fold(tmp_path / "run", n) for n in (1, 2)]
    publish(EXPERIMENT, folds, tmp_path, "test")
    summary = pd.read_csv(tmp_path / "summary.csv")
    assert list(summary.columns) == list(SUMMARY_COLUMNS)
    table = read_predictions(EXPERIMENT, tmp_path)
    for row in summary.itertuples():
        got = score(table[table["split"] == row.split])
        assert row.uar == pytest.approx(got.uar, abs=0.2)
        assert row.clips == got.clips
    assert (pd.read_csv(tmp_path / "history.csv.gz")["fold"] == [1, 2]).all()


def test_publishing_again_replaces_its_rows_and_logs_only_new_looks(tmp_path):
    folds = [fold(tmp_path / "run", n) for n in (1, 2)]
    publish(EXPERIMENT, folds, tmp_path, "first")
    once = (tmp_path / "summary.csv").read_bytes()
    publish(EXPERIMENT, folds, tmp_path, "again")
    assert (tmp_path / "summary.csv").read_bytes() == once
    assert len(pd.read_csv(tmp_path / "test_looks.csv")) == 1
    publish(EXPERIMENT, [fold(tmp_path / "run", n, seed=1) for n in (1, 2)], tmp_path, "other predictions")
    looks = pd.read_csv(tmp_path / "test_looks.csv")
    assert list(looks["why"]) == ["first", "other predictions"]
    publish(Experiment("audio_cnn_mfcc", "audio", "none", "luna5"), folds, tmp_path, "another model")
    assert len(pd.read_csv(tmp_path / "summary.csv")) == 6


def test_deliberate_leaks_are_kept_apart(tmp_path):
    leak = Experiment("audio_cnn", "audio", "none", "random")
    assert leak.path(tmp_path).parent.name == "leaks"
    assert Experiment("text_lstm", "text", "simulated", "luna5").path(tmp_path).parent.name == "leaks"
    assert EXPERIMENT.path(tmp_path).parent.name == "predictions"


def test_packed_predictions_are_the_same_bytes_for_the_same_table():
    table = predictions()
    assert packed(table) == packed(table.copy())
    assert b"e-" not in gzip.decompress(packed(table)).split(b"\n", 1)[1]  # plain decimals


def test_the_table_tells_ensembles_from_single_models_and_shows_every_ear_and_protocol(tmp_path):
    rows = [
        (
            model,
            model.split("_")[0].replace("ensemble", "audio"),
            track,
            protocol,
            split,
            10,
            50.04,
            uar,
            50.0,
            40.0,
            60.0,
            2_500_000,
            1.0,
            0.1,
        )
        for model, track, protocol, uar in (
            ("audio_a", "none", "luna5", 50.0),
            ("audio_a", "none", "loso24", 51.26),
            ("audio_a-frozen", "none", "luna5", 1.0),
            ("ensemble_b", "none", "luna5", 55.0),
            ("text_c", "natural", "luna5", 44.0),
            ("text_c-learned", "natural", "luna5", 45.0),
        )
        for split in ("train", "validation", "test")
    ]
    described = [
        ("audio_a", "The first", "audio", "CNN", "", ""),
        ("audio_a-frozen", "The first, frozen", "audio", "CNN", "", "audio_a"),
        ("ensemble_b", "The second", "audio", "ensemble", "", ""),
        ("text_c", "The third", "text", "RNN", "", ""),
        ("text_c-learned", "The third, learned", "text", "RNN", "", "text_c"),
    ]
    pd.DataFrame(described, columns=list(COLUMNS)).to_csv(tmp_path / "models.csv", index=False)
    pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS)).to_csv(tmp_path / "summary.csv", index=False)
    single, together, natural, protocols = readme_table(tmp_path).split("**")[2::2]
    assert "| `audio_a` | 2.50M | 50.0 | 50.0 | 50.0 | 50.0 [40.0, 60.0] |" in single
    assert "ensemble_b" in together and "ensemble_b" not in single + protocols
    assert "audio_a-frozen" in single and "audio_a-frozen" not in together + protocols
    assert "`text_c`" in natural and "text_c-learned" not in natural
    assert "| `audio_a` | 50.0 [40.0, 60.0] | 51.3 [40.0, 60.0] |" in protocols


def test_readme_without_its_markers_is_refused(tmp_path):
    (tmp_path / "README.md").write_text("hello")
    with pytest.raises(IntoneError, match="no place for the table"):
        write_readme(tmp_path / "README.md", tmp_path)


@pytest.mark.skipif(
    not (ROOT / "results" / "summary.csv").exists(), reason="no results/summary.csv yet: make reproduce"
)
def test_the_readme_says_what_the_results_say():
    text = (ROOT / "README.md").read_text()
    shown = text.split(START)[1].split(END)[0].strip()
    assert shown == front_table(ROOT / "results").strip(), "run `intone results readme`"
    assert sum(line.startswith("|") for line in shown.splitlines()) <= 12
    assert (ROOT / "docs" / "results.md").read_text() == results_page(ROOT / "results"), "run `intone results readme`"
    assert (ROOT / "docs" / "tried.md").read_text() == tried_page(ROOT / "results"), "run `intone results readme`"


def test_what_was_tried_stands_in_a_table(tmp_path):
    rows = "a,first,1 2,60,50.04\na,first,3 4,60,51\nb,then,3 4,0,52\n"
    (tmp_path / "development.csv").write_text("setting,change,held_out_actors,epochs,uar\n" + rows)
    page = tried_page(tmp_path)
    assert "| name | what | epochs | actors 1 2 | actors 3 4 |" in page
    assert "| a | first | 60 | 50.0 | 51.0 |\n| b | then | – |  | 52.0 |" in page
    assert "held out in its turn" not in page


def test_actors_held_out_in_turn_have_a_table_of_their_own_with_losses(tmp_path):
    rows = 'a,first,1 2,60,50,\nall,later,"1 2, 3 4",0,61.26,0.6644\n'
    (tmp_path / "development.csv").write_text("setting,change,held_out_actors,epochs,uar,loss\n" + rows)
    before, after = tried_page(tmp_path).split("held out in its turn")
    assert "| a | first | 60 | 50.0 |" in before and "later" not in before
    assert "| name | what | epochs | UAR, actors 1 2, 3 4 | loss, actors 1 2, 3 4 |" in after
    assert "| all | later | – | 61.3 | 0.664 |" in after


@pytest.mark.skipif(
    not (ROOT / "results" / "summary.csv").exists(), reason="no results/summary.csv yet: make reproduce"
)
def test_the_summary_is_what_the_committed_predictions_give():
    summary = pd.read_csv(ROOT / "results" / "summary.csv")
    keys = summary[["model", "modality", "track", "protocol"]].drop_duplicates()
    for key in keys.itertuples(index=False):
        table = read_predictions(Experiment(*key), ROOT / "results")
        mine = (summary[["model", "track", "protocol"]] == [key.model, key.track, key.protocol]).all(axis=1)
        for _, row in summary[mine].iterrows():
            part = table[table["split"] == row["split"]]
            counts = confusion(part["emotion"].map(INDEX).to_numpy(), part["predicted"].map(INDEX).to_numpy())
            found = (len(part), accuracy(counts), uar(counts), macro_f1(counts), calibration_error(part))
            told = row[["clips", "accuracy", "uar", "macro_f1", "ece"]].tolist()
            assert told == pytest.approx(found, abs=2e-4), (key, row["split"])


def test_every_experiment_was_logged_when_its_test_was_read():
    looks = pd.read_csv(ROOT / "results" / "test_looks.csv", dtype=str)
    logged = set(looks[["model", "track", "protocol", "predictions"]].itertuples(index=False, name=None))
    summary = pd.read_csv(ROOT / "results" / "summary.csv")
    for key in summary[["model", "modality", "track", "protocol"]].drop_duplicates().itertuples(index=False):
        experiment = Experiment(*key)
        read = digest(experiment.path(ROOT / "results").read_bytes())[:16]
        assert (key.model, key.track, key.protocol, read) in logged


def test_every_model_is_described_and_the_committed_table_says_so():
    assert set(DESCRIPTIONS) == set(MODELS)
    made = table()
    assert not made["title"].duplicated().any() and set(made["variant_of"]) <= {"", *MODELS}
    kept = pd.read_csv(ROOT / "results" / "models.csv", dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(made, kept)


@pytest.mark.parametrize(("name", "made"), [("architectures", architectures), ("settings", settings)])
def test_the_committed_drawings_and_settings_are_those_of_the_presets(name, made):
    kept = (ROOT / "results" / f"{name}.csv").read_text()
    assert made().to_csv(index=False, lineterminator="\n") == kept


def test_models_are_shown_by_their_titles(tmp_path):
    table().to_csv(tmp_path / "models.csv", index=False)
    catalogue = Catalogue.read(tmp_path)
    told = catalogue.titled("`audio_cnn` beats `text_lstm`, and `results/x.csv` stays, as `made_up` does")
    assert told == "CNN on log-mel spectrograms beats LSTM, and `results/x.csv` stays, as `made_up` does"
    assert catalogue.title("text_minilm-tuned@mine-0123") == "MiniLM, fine-tuned on mine-0123"
    assert catalogue.glossary("`audio_cnn`").count("\n") == 2 and not catalogue.glossary("none")
    assert Catalogue.read(tmp_path / "nowhere").titled("`audio_cnn`") == "`audio_cnn`"


def test_drawings_have_the_sizes_of_the_built_networks():
    drawn = architectures().set_index(["model", "stage"])["detail"]
    cnn = MODELS["audio_cnn"].network.built(64, 8)
    assert cnn.stem[0].kernel_size == (5, 5) and drawn["audio_cnn", "convolution 5 x 5, stride 2"].startswith(
        f"{cnn.stem[0].out_channels} "
    )
    widths = [block.second[0].out_channels for block in cnn.blocks]
    assert drawn["audio_cnn", "3 residual stages, stride 2"] == ", ".join(map(str, widths)) + " channels"
    assert drawn["audio_cnn", "mean and deviation over time"] == str(cnn.size)
    rnn = TextRnn(10, MODELS["text_lstm-glove"].network)
    assert drawn["text_lstm-glove", "attention and maximum over words"] == str(rnn.size)
    with pytest.raises(TypeError, match="TfidfRecipe has no drawing"):
        stages(MODELS["text_tfidf"])


def test_every_results_file_names_the_command_that_makes_it():
    told = (ROOT / "results" / "README.md").read_text()
    for path in (ROOT / "results").iterdir():
        assert path.name == "README.md" or f"`{path.name}`" in told or f"`{path.name}/" in told, path.name
    assert set(re.findall(r"`intone (\w+)`", told)) <= set(BY_NAME)


@pytest.mark.parametrize("path", sorted(Path("results/conversations").glob("*__*.csv.gz")), ids=lambda path: path.stem)
def test_the_sentences_of_conversations_give_the_committed_table(path):
    model, protocol = path.name.removesuffix(".csv.gz").split("__")
    found = conversation_scores(pd.read_csv(path))
    table = pd.read_csv("results/conversations.csv")
    mine = table[(table["model"] == model) & (table["protocol"] == protocol)].reset_index(drop=True)
    pd.testing.assert_frame_equal(found[list(mine.columns[3:])], mine[mine.columns[3:]], atol=1e-3, check_dtype=False)


def test_the_page_shows_what_the_results_say():
    assert PAGE.read_text(encoding="utf-8") == experiment_json(Path("results")), "run `intone results readme`"
    shown = json.loads(PAGE.read_text(encoding="utf-8"))
    assert len(shown["models"]) > 15 and len(shown["matrices"]) >= 4 and shown["noise"] and shown["known_voice"]
    assert all(abs(sum(row) - 100) < 0.5 for matrix in shown["matrices"] for row in matrix["rows"])
    # What knows the voice stands by itself, and what was tested with chosen sentences says so.
    assert not [model for model in shown["models"] if "adaptive" in model["title"]]
    paired = "sentences paired by label"
    assert {model["words"] for model in shown["models"]} == {"sound alone", "the words really said", paired}
    assert [matrix["words"] for matrix in shown["matrices"]].count(paired) == 1
