"""Another corpus: EMO-DB's names are understood, a model's answers to it judged, and the report tells them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import voice
from test_report import write_results

from intone.cli import main
from intone.data import corpora
from intone.data.corpus import Corpus
from intone.errors import Missing
from intone.evaluation.metrics import check_predictions
from intone.experiments.cross_corpus import COLUMNS, judged
from intone.inference.model import Model
from intone.report.markdown import Gallery
from intone.report.sections.cross_corpus import calm_is_neutral, elsewhere
from intone.report.source import Source

NAMES = ("03a01Wa", "03a02Nc", "08b01Fa", "08b09Tb", "16a04Ea", "16a07Ab", "16a07La")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for k, name in enumerate(NAMES):
        soundfile.write(tmp_path / f"{name}.wav", voice(k, k), 16_000)
    (tmp_path / "notes.wav").write_bytes(b"no clip of it")
    return tmp_path


@pytest.fixture
def corpus(folder: Path) -> Corpus:
    return corpora.load("emodb", folder)


def test_names_say_speaker_sex_and_emotion(corpus):
    clips = corpus.clips.set_index("file")
    assert list(clips["emotion"]) == ["angry", "neutral", "happy", "sad", "disgust", "fearful"]
    facts = clips.loc["08b01Fa.wav", ["speaker", "sex", "statement", "repetition"]]
    assert facts.tolist() == ["emodb-08", "female", "b01", "a"]
    assert clips.loc["03a01Wa.wav", "sex"] == "male" and (clips["duration"] > 0.5).all()
    (bored,) = corpus.skipped
    assert bored.file == "16a07La.wav" and "no name" in bored.reason


def test_a_folder_without_it_is_refused(tmp_path):
    with pytest.raises(Missing, match="There is no EMO-DB in"):
        corpora.load("emodb", tmp_path)


def test_a_clip_that_cannot_be_heard_costs_no_other(corpus, model_file, folder, capsys):
    soundfile.write(folder / "03a01Wa.wav", np.zeros(16_000), 16_000)
    answers = judged(Model(model_file), corpus)
    assert list(answers.columns) == list(COLUMNS) and "03a01Wa.wav" not in set(answers["file"]) and len(answers) == 5
    assert "left out" in capsys.readouterr().err
    check_predictions(answers.round(4))


def test_calm_and_neutral_are_one_answer():
    p = {
        "neutral": 0.2,
        "calm": 0.25,
        "happy": 0.3,
        "sad": 0.25,
        "angry": 0,
        "fearful": 0,
        "disgust": 0,
        "surprised": 0,
    }
    row = pd.DataFrame([{"emotion": "neutral", "predicted": "happy", **p}])
    joined = calm_is_neutral(row).iloc[0]
    assert joined["predicted"] == "neutral" and joined["neutral"] == pytest.approx(0.45) and joined["calm"] == 0


def test_the_command_writes_what_the_report_tells(folder, model_file, tmp_path):
    results = write_results(tmp_path / "results")
    gallery = Gallery(tmp_path / "figures")
    assert "`intone elsewhere`" in elsewhere(Source(results), gallery)
    main(["elsewhere", "--emodb", str(folder), "--model", str(model_file), "--results", str(results)])
    said = elsewhere(Source(results), gallery)
    answers = pd.read_csv(results / "elsewhere.csv")
    right = 100 * float((answers["predicted"] == answers["emotion"]).mean())
    assert f"| as predicted | {right:.1f} |" in said and "6 clips of EMO-DB" in said and "3 German actors" in said
