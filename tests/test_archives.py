"""Archives: lists of recordings, parts of a run on several machines, and one data set for databases."""

import shutil

import pyarrow.parquet
import pytest
import soundfile
from test_bad_input import wav
from test_formats import analysis, segment

from intone.errors import BadClip, IntoneError, Partly
from intone.inference import heard as module
from intone.inference.batch import analyze
from intone.inference.formats import FORMATS, write
from intone.inference.recording_list import Row, listed
from intone.inference.resume import LEFT_OUT
from intone.inference.tasks import Shard, Target, sharded, tasks

duckdb = pytest.importorskip("duckdb", reason="DuckDB isn't installed")


@pytest.fixture
def recordings(tmp_path):
    """Seven of them, one broken, in a folder of their own."""
    folder = tmp_path / "in"
    folder.mkdir()
    wav(folder / "0.wav")
    for k in range(1, 6):
        shutil.copy(folder / "0.wav", folder / f"{k}.wav")
    (folder / "6.wav").write_bytes(b"")
    return folder


def test_a_list_names_recordings_beside_it_once_each(recordings):
    (recordings / "a.txt").write_text("\ufeff0.wav\n\n1.wav\n0.wav\n", encoding="utf-8")
    (recordings / "a.csv").write_text("id,file\nx,2.wav\ny,3.wav\n")
    pyarrow.parquet.write_table(
        pyarrow.table({"file": ["4.wav", "s3://bucket/5.wav"], "start": [None, None]}), recordings / "a.parquet"
    )
    assert listed(recordings / "a.txt") == [Row(str(recordings / "0.wav")), Row(str(recordings / "1.wav"))]
    assert listed(recordings / "a.csv") == [Row(str(recordings / f"{k}.wav"), id=i) for k, i in ((2, "x"), (3, "y"))]
    assert listed(recordings / "a.parquet") == [Row(str(recordings / "4.wav")), Row("s3://bucket/5.wav")]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("none.txt", None, "can't be read as a list"),
        ("empty.txt", "\n", "names no recording"),
        ("a.csv", "path\nx.wav\n", "has no column file"),
        ("a.parquet", "file", "can't be read as a list"),
    ],
)
def test_a_list_that_won_t_do_is_said_in_a_sentence(name, text, said, tmp_path):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(IntoneError, match=said):
        listed(tmp_path / name)


def test_each_recording_is_in_exactly_one_shard_wherever_its_folder_is(recordings, tmp_path):
    whole = tasks([recordings], Target(folder=tmp_path / "out"))
    parts = [sharded(whole, Shard(k, 3)) for k in (1, 2, 3)]
    assert sorted(t.path for part in parts for t in part) == sorted(t.path for t in whole)
    moved = shutil.copytree(recordings, tmp_path / "elsewhere")
    again = sharded(tasks([moved], Target(folder=tmp_path / "out")), Shard(2, 3))
    assert [t.path.name for t in again] == [t.path.name for t in parts[1]]
    assert Shard.parse("2/3") == Shard(2, 3)
    for wrong in ("0/3", "4/3", "2", "a/b"):
        with pytest.raises(IntoneError, match="is no part of a run"):
            Shard.parse(wrong)


def test_shards_into_one_folder_are_one_data_set_and_nothing_is_done_twice(recordings, tmp_path, model_file, capsys):
    out = tmp_path / "out"

    def part(k: int) -> None:
        try:
            analyze((str(recordings),), str(out), "parquet", str(model_file), text=False, shard=f"{k}/3")
        except IntoneError as problem:
            assert "left out" in str(problem) or "could not be analysed" in str(problem)

    for k in (1, 2, 3):
        part(k)
    files = {path.name for path in out.glob("*.parquet")}
    assert files == {f"{k}.parquet" for k in range(6)}
    [(each, rows)] = duckdb.sql(f"SELECT count(DISTINCT file), count(*) FROM '{out}/*.parquet'").fetchall()
    assert each <= 6 and each <= rows and len(list(out.glob(f"{LEFT_OUT.removesuffix('.csv')}*.csv"))) == 1
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.parquet")}
    capsys.readouterr()
    for k in (1, 2, 3):
        part(k)
    assert {path: path.stat().st_mtime_ns for path in out.glob("*.parquet")} == before
    assert "finished already" in capsys.readouterr().err


def test_sentences_without_words_and_recordings_without_speech_fit_the_same_schema(tmp_path):
    found = analysis(segment(0.5, 2.0, "angry", "Kids."), segment(2.0, 3.0, "sad", ""))
    write(found, tmp_path, "a", ["parquet"])
    write(analysis(), tmp_path, "silent", ["parquet"])
    columns = [duckdb.sql(f"DESCRIBE SELECT * FROM '{tmp_path}/{name}.parquet'").fetchall() for name in ("a", "silent")]
    assert columns[0] == columns[1]
    query = f"SELECT emotion, angry, sentence_angry, words FROM '{tmp_path}/*.parquet' ORDER BY start"
    rows = duckdb.sql(query).fetchall()
    assert [row[0] for row in rows] == ["angry", "sad"] and rows[0][1] == pytest.approx(0.8)
    assert rows[0][3][0]["word"] == " Kids." and rows[1][3] == []


def test_a_table_of_python_is_taken_by_parquet_too(tmp_path):
    import pandas as pd

    table = analysis(segment(0.5, 2.0, "angry", "Kids."), segment(2.0, 3.0, "sad", "")).segments.flat()
    table.to_parquet(tmp_path / "a.parquet")
    again = pd.read_parquet(tmp_path / "a.parquet")
    assert list(again["emotion"]) == ["angry", "sad"] and again["audio_angry"].notna().all()
    assert FORMATS["parquet"].encoded(analysis()).startswith(b"PAR1")


def test_one_answer_a_recording_from_start_to_end(recordings, tmp_path, analyzer, model_file, capsys, monkeypatch):
    analyzer.whole = True
    found = analyzer.files([recordings / "0.wav", recordings / "1.wav"])
    length = soundfile.info(recordings / "0.wav").duration
    assert [(start, end) for _, start, end in found.index] == [(0.0, round(length, 3))] * 2
    out = tmp_path / "out"
    with pytest.raises(Partly):
        analyze((str(recordings),), str(out), "parquet", str(model_file), text=False, one=True)
    counted = f"SELECT count(*), count(DISTINCT file), max(start) FROM '{out}/*.parquet'"
    assert duckdb.sql(counted).fetchall() == [(6, 6, 0.0)]
    with pytest.raises(IntoneError, match="leave --speakers and --voice out"):
        analyze((str(recordings),), str(out), model=str(model_file), text=False, one=True, speakers="auto")
    monkeypatch.setattr(module, "LONGEST_WHOLE_S", 0.5)
    with pytest.raises(BadClip, match=r"0\.wav is longer than"):
        analyzer.file(recordings / "0.wav")
