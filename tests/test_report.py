"""The report: built from a results folder alone, worded by its tests, and the committed one up to date."""

import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from intone.cli import main
from intone.data.splits import PARTS, folds
from intone.emotions import EMOTIONS
from intone.errors import IntoneError
from intone.evaluation.comparisons import write_evidence
from intone.evaluation.groups import ravdess_clips
from intone.evaluation.information import mutual_information, tells
from intone.evaluation.metrics import PREDICTION_COLUMNS, score
from intone.evaluation.results import Experiment
from intone.experiments.publish import packed, summary_rows
from intone.report import APPENDICES, SECTIONS, document, edition, model_card, report
from intone.report.documents import MANY, TEXT_WIDTH
from intone.report.figures import cost_figure
from intone.report.findings import inferences
from intone.report.markdown import Gallery, verdict
from intone.report.model_tests import comparisons
from intone.report.sections.answer import standing
from intone.report.sections.other_models import others
from intone.report.sections.saliency import shares
from intone.report.source import Source
from intone.training.finished_fold import FinishedFold
from intone.training.record import FoldRecord
from intone.version import __version__

ROOT = Path(__file__).parent.parent
FILES = [
    f"Actor_{a:02d}/03-01-{e:02d}-{1 + (e > 1) * (s - 1):02d}-{s:02d}-01-{a:02d}.wav"
    for a in range(1, 25)
    for e in range(1, 9)
    for s in (1, 2)
]


def predicted(skill: float, protocol: str, seed: int) -> pd.DataFrame:
    """All folds of a protocol over a small RAVDESS: `skill` is the share of clips whose emotion is made likely."""
    clips = ravdess_clips(FILES)
    assert clips is not None
    draw = np.random.default_rng(seed)
    parts = []
    for split in folds(clips, protocol):
        table = clips.assign(split=clips["file"].map(split.part_of()), fold=split.fold)
        p = draw.dirichlet(np.ones(8), len(table))
        known = draw.random(len(table)) < np.where(table["split"] == "train", (1 + skill) / 2, skill)
        p[known] = (p[known] + 2 * np.eye(8)[table["emotion"].map(EMOTIONS.index)][known]) / 3
        table[list(EMOTIONS)] = p.round(4)
        table["predicted"] = [EMOTIONS[i] for i in p.argmax(1)]
        parts.append(table)
    return pd.concat(parts, ignore_index=True)[list(PREDICTION_COLUMNS)]


def write_results(folder: Path, fused: float = 0.95, more: Mapping[Experiment, float] | None = None) -> Path:
    """A results folder with audio, text on two tracks, a fusion on both, a random split, and `more`."""
    made = {
        Experiment("audio_cnn", "audio", "none", "luna5"): 0.6,
        Experiment("audio_cnn", "audio", "none", "random"): 0.95,
        Experiment("text_lstm", "text", "asr", "luna5"): 0.0,
        Experiment("text_lstm", "text", "natural", "luna5"): 0.5,
        Experiment("fusion_nested", "fusion", "natural", "luna5"): fused,
        **(more or {}),
    }
    rows, choices = [], []
    tables = {e: predicted(skill, e.protocol, k) for k, (e, skill) in enumerate(made.items())}
    twin = Experiment("fusion_nested", "fusion", "asr", "luna5")  # chooses audio alone
    tables[twin] = tables[next(iter(made))]
    for experiment, table in tables.items():
        path = experiment.path(folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(packed(table))
        fold = FinishedFold(folder, {})
        record = FoldRecord(fingerprint="f", settings={"model": "m"}, temperature=1.0, parameters=1000, seconds=3.0)
        fold.__dict__["record"] = record
        rows.append(summary_rows(experiment, table, [fold]))
        for k in table["fold"].unique():
            details = {"picked": "audio_cnn"} if experiment == twin else {"epoch": 2}
            choices.append((experiment.model, experiment.track, experiment.protocol, k, 1.25, json.dumps(details)))
    pd.concat(rows).to_csv(folder / "summary.csv", index=False)
    columns = ["model", "track", "protocol", "fold", "temperature", "details"]
    pd.DataFrame(choices, columns=columns).to_csv(folder / "choices.csv", index=False)
    history = [
        ("audio_cnn", "none", "luna5", e, part, 2 / e, 20.0 * e, 20.0 * e, k)
        for e in (1, 2)
        for part in PARTS[:2]
        for k in "12345"
    ]
    columns = ["model", "track", "protocol", "epoch", "split", "loss", "accuracy", "uar", "fold"]
    pd.DataFrame(history, columns=columns).to_csv(folder / "history.csv.gz", index=False)
    heard = ["Kids are talking by the door." if f[-9] == "1" else "Dogs are sitting by the door." for f in FILES]
    pd.DataFrame({"file": FILES, "text": heard}).to_csv(folder / "transcripts.csv", index=False)
    chosen = {
        "audio": "audio_cnn",
        "audio_single": "audio_big",
        "fusion_asr": "fusion_nested",
        "fusion_natural": "fusion_nested",
    }
    (folder / "chosen.json").write_text(json.dumps(chosen))
    write_evidence(folder, {"fusion_nested": ("audio_cnn", "text_lstm")}, chosen, {"fusion_nested": ("audio_cnn",)})
    return folder


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_results(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def built(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    main(["report", "--results", str(results), "--out", str(out), "--card", str(out / "MODEL_CARD.md")])
    return out


def test_three_documents_hold_all_sections(built):
    html = (built / "intone-report.html").read_text()
    with zipfile.ZipFile(built / "intone-report.docx") as docx:
        words = docx.read("word/document.xml").decode()
    for name, (heading, _) in {**SECTIONS, **APPENDICES}.items():
        there = name not in ("voice", "cases", "protocols", "variation")  # these need tables that are not there
        assert (heading.replace("'", "’") in html) is there
        assert (heading.replace("'", "’") in words) is there
    assert (built / "intone-report.pdf").read_bytes().startswith(b"%PDF")
    assert "<svg" in html or "data:image/svg+xml" in html
    assert {p.name for p in built.iterdir()} == {
        "figures",
        "MODEL_CARD.md",
        *(f"intone-report.{e}" for e in ("md", "html", "docx", "pdf")),
    }


def test_columns_of_the_word_file_are_as_wide_as_their_words(built):
    with zipfile.ZipFile(built / "intone-report.docx") as docx:
        tables = re.findall(r"<w:tbl>.*?</w:tbl>", docx.read("word/document.xml").decode(), flags=re.DOTALL)
    assert len(tables) > 10
    for table in tables:
        columns = [int(width) for width in re.findall(r'<w:gridCol w:w="(\d+)"', table)]
        assert sum(columns) <= TEXT_WIDTH and 'w:val="Compact"' not in table
        small = len(columns) > MANY
        for row in re.findall(r"<w:tr>.*?</w:tr>", table, flags=re.DOTALL):
            cells = re.findall(r"<w:tc>.*?</w:tc>", row, flags=re.DOTALL)
            for width, cell in zip(columns, cells, strict=True):
                words = "".join(re.findall(r"<w:t[^>]*>([^<]*)</w:t>", cell)).split(" ")
                longest = max(map(len, words))
                assert width >= longest * (60 if small else 68), (width, words)  # letters of 7 or 8 points


def test_the_title_says_what_the_report_was_made_of(built, results):
    assert edition(results).startswith(f"intone {__version__}")
    assert edition(results) in (built / "intone-report.html").read_text()


def test_no_number_is_missing_and_none_is_hidden(built, results):
    text = (built / "intone-report.md").read_text()
    assert not re.search(r"\bnan\b|\bNone\b(?! of these)|\{\{|\}\}", text)
    table = Source(results).tested(Experiment("audio_cnn", "audio", "none", "luna5"))
    got = score(table)
    assert f"{got.uar:.1f}\u00a0[{got.uar_low:.1f},\u00a0{got.uar_high:.1f}]" in text
    assert f"{got.accuracy:.1f}" in text


def test_what_is_not_there_names_the_command_that_makes_it(built):
    text = (built / "intone-report.md").read_text()
    notes = re.findall(r"Not measured yet:.*", text)
    commands = {command for note in notes for command in re.findall(r"Run `((?:intone|make) \w+)`\.", note)}
    assert {"make reproduce", "intone leaks", "intone robustness", "intone explain", "intone cost"} <= commands
    assert any("audio_big" in note for note in notes)


def test_pages_of_a_model_that_only_repeats_another_are_not_repeated(built):
    text = (built / "intone-report.md").read_text()
    assert "predictions on the test clips are those of `audio_cnn`" in text
    assert len(list((built / "figures").glob("confusion-*.svg"))) == 4  # audio, text twice, the other fusion


def test_every_model_without_a_page_stands_with_the_others(tmp_path):
    ast, gru = Experiment("audio_ast", "audio", "none", "luna5"), Experiment("text_gru", "text", "natural", "luna5")
    source = Source(write_results(tmp_path, more={ast: 0.3, gru: 0.4}))
    sound, paired = others(source, Gallery(tmp_path, keep=False))
    assert not sound["note"] and "not RAVDESS" in paired["note"]
    for part, experiment in ((sound, ast), (paired, gru)):
        named = re.findall(r"^\| `(\w+)` \|(.*)\|$", part["recalls"], flags=re.MULTILINE)
        assert [model for model, _ in named] == [experiment.model]
        tested = source.tested(experiment)
        right = tested["predicted"] == tested["emotion"]
        expected = 100 * right.groupby(tested["emotion"]).mean()[list(EMOTIONS)]
        told = [float(cell) for cell in named[0][1].split("|")]
        assert told[: len(EMOTIONS)] == pytest.approx(expected.tolist(), abs=0.051)
        assert told[-1] == pytest.approx(100 * right.groupby(tested["speaker"]).mean().min(), abs=0.051)


def test_pictures_that_the_report_did_not_draw_stay(results, tmp_path):
    figures = tmp_path / "figures"
    figures.mkdir()
    (figures / "mine.png").write_bytes(b"mine")
    (figures / ".drawn").write_text("stale\n")
    (figures / "stale.svg").write_bytes(b"drawn by an earlier report")
    report(results, tmp_path)
    assert (figures / "mine.png").read_bytes() == b"mine" and not (figures / "stale.svg").exists()


def test_words_follow_the_tests(results, tmp_path):
    def said(folder: Path) -> str:
        return next(i for i in inferences(Source(folder)) if "ords" in i.head and "compared with" in i.text).text

    assert "shows no gain" in said(results).split(". On")[0]
    assert "shows a gain" in said(results).split(". On")[1]
    worse = write_results(tmp_path / "worse", fused=0.1)
    assert "shows a loss" in said(worse).split(". On")[1]
    assert verdict(3.0, 0.2) == verdict(-3.0, 0.2) == "no gain"


def test_all_paired_tests_are_corrected_together(results):
    tests = comparisons(Source(results))
    assert len(tests) == 4
    assert (tests["holm"] >= tests["p"] - 1e-12).all()
    assert set(tests["verdict"]) == {"a gain", "no gain"}


def test_words_chosen_by_the_label_never_stand_beside_published_figures(results):
    rows = standing(Source(results))
    natural = Source(results).row(Experiment("fusion_nested", "fusion", "natural", "luna5"))["uar"]
    assert not np.isclose(rows.loc[rows["ours"], "value"], natural).any()
    assert rows["ours"].any() and not rows["ours"].all()


def test_every_published_figure_has_its_source():
    published = Source(Path()).published
    assert (published["source"] != "").all()
    assert ((published["metric"] == "ece") | published["value"].between(1, 100)).all()
    assert set(published["topic"]) >= {"standing", "leak", "listeners", "calibration"}


def test_without_results_it_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(IntoneError, match=r"chosen\.json is not there: `intone reproduce`"):
        report(tmp_path, tmp_path / "report")


def test_names_in_the_cost_figure_do_not_overlap():
    draw = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "model": [f"audio_model_{k}" for k in range(14)],
            "uar": draw.uniform(60, 64, 14),
            "parameters": 10 ** draw.uniform(5, 6, 14),
        }
    )
    front = rows.sort_values("parameters")
    front = set(front.loc[front["uar"] == front["uar"].cummax(), "model"])
    assert {t.get_text() for t in cost_figure(rows, {"parameters": "parameters"}).axes[0].texts} <= front
    figure = cost_figure(rows, {"parameters": "parameters"}, list(rows["model"]))
    figure.draw_without_rendering()
    boxes = [t.get_window_extent() for t in figure.axes[0].texts]
    assert len(boxes) >= 4
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_mutual_information_agrees_with_scikit_learn_and_knows_chance():
    from sklearn.metrics import mutual_info_score

    draw = np.random.default_rng(0)
    one, other = draw.integers(0, 4, 300), draw.integers(0, 8, 300)
    assert mutual_information(one, other) == pytest.approx(mutual_info_score(one, other) / np.log(2))
    speakers = pd.Series(draw.integers(0, 6, 300))
    words, labels = pd.Series(one).astype(str), pd.Series(other).astype(str)
    assert tells(words, labels, speakers).p > 0.05
    told = tells(labels, labels, speakers)
    assert told.p < 0.01 and told.bits > told.by_chance + 1


@pytest.mark.skipif(not (ROOT / "report").exists(), reason="no report/ yet: make report")
def test_the_committed_report_says_what_the_results_say(tmp_path):
    text = (ROOT / "report" / "intone-report.md").read_text()
    assert text == document(ROOT / "results", Gallery(tmp_path, keep=False)), "run `make report`"


def test_shares_of_two_modalities_add_up_to_what_the_fusion_says(results):
    source = Source(results)
    fusion = Experiment("fusion_nested", "fusion", "natural", "luna5")
    rows = shares(source, fusion).set_index("emotion")
    table = source.tested(fusion)
    chances = table[list(EMOTIONS)].to_numpy()
    whole = np.log(8 * chances.max(1))
    expected = pd.Series(whole).groupby(table["predicted"].to_numpy()).mean()
    np.testing.assert_allclose((rows["audio"] + rows["text"]).loc[expected.index], expected, atol=1e-6)
    assert (rows["text"] > 0).all()


def test_the_model_card_has_the_hub_s_metadata_and_the_same_figures(built, results):
    text = (built / "MODEL_CARD.md").read_text()
    _, front, body = text.split("---\n", 2)
    meta = yaml.safe_load(front)
    row = Source(results).row(Experiment("audio_cnn", "audio", "none", "luna5"))
    entry = next(m for m in meta["model-index"] if m["name"] == "audio_cnn")
    values = {m["type"]: m["value"] for m in entry["results"][0]["metrics"]}
    assert values["recall"] == pytest.approx(row["uar"], abs=0.06)
    assert meta["license"] == "cc-by-nc-sa-4.0"
    for heading in ("## Use", "## Not for", "## Limits", "## By group", "## Training data and licences"):
        assert heading in body


@pytest.mark.skipif(not (ROOT / "MODEL_CARD.md").exists(), reason="no MODEL_CARD.md yet: make report")
def test_the_committed_model_card_says_what_the_results_say():
    assert (ROOT / "MODEL_CARD.md").read_text() == model_card(ROOT / "results"), "run `make report`"
