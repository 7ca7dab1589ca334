"""Lists that name parts of recordings: each part is what the cut recording is, with the whole one's times."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
import soundfile
from test_bad_input import RATE, encoded, wav
from test_formats import analysis, segment

from intone.audio.account import DAMAGED, LeftOut
from intone.audio.excerpt import Excerpt
from intone.audio.readers import libsndfile
from intone.audio.readers.sound import Sound
from intone.audio.recording import Recording
from intone.errors import BadClip, IntoneError, Partly
from intone.inference.batch import analyze
from intone.inference.formats import FORMATS
from intone.inference.formats.html import page
from intone.inference.recording_list import Row, listed
from intone.inference.resume import LEFT_OUT
from intone.inference.speakers import Speakers, Turn
from intone.inference.tasks import Shard, Target, sharded, tasks
from intone.names import file_name


def cut(talk: Path, start: float, end: float | None) -> Path:
    """That part as a file of its own."""
    whole, rate = soundfile.read(talk, dtype="int16")
    path = talk.with_name("cut.wav")
    soundfile.write(path, whole[round(start * rate) : None if end is None else round(end * rate)], rate)
    return path


def go(rows: str, out: str, model: Path, **more: Any) -> None:
    """Analyse a list of these lines."""
    Path("list.csv").write_text(rows)
    asked = {"formats": "json", "speakers": "none"} | more
    analyze((), out, model=str(model), text=False, list=Path("list.csv"), **asked)


@pytest.mark.parametrize(("start", "end"), [(1.25, 4.0), (0.0, 2.5), (2.0, None)])
def test_a_part_is_what_the_cut_recording_is_at_the_times_of_the_whole_one(talk, analyzer, start, end):
    part = analyzer.analysis(Recording.of_file(talk, excerpt=Excerpt(start, end)))
    alone = analyzer.analysis(Recording.of_file(cut(talk, start, end), str(talk)))
    moved = alone.moved(start)
    assert len(part.segments) > 1 and part.duration == alone.duration and part.begin == start
    pd.testing.assert_frame_equal(part.segments, moved.segments)
    pd.testing.assert_frame_equal(part.curve, moved.curve)
    first, last = part.segments.iloc[0], part.segments.iloc[-1]
    assert part.segments.index[0][1] == start and first["words"][0]["start"] == start
    assert part.segments.index[-1][2] == pytest.approx(part.end, abs=0.002)
    assert last["words"][-1]["end"] == pytest.approx(part.end, abs=0.002)


def test_plain_samples_are_sought_and_others_read_to_the_part_and_no_farther(talk, tmp_path, monkeypatch):
    read = list[int]()
    blocks = libsndfile._soundfile_blocks
    monkeypatch.setattr(libsndfile, "BLOCK_S", 1)
    monkeypatch.setattr(
        libsndfile, "_soundfile_blocks", lambda *given: (read.append(len(b)) or b for b in blocks(*given))
    )
    got = np.concatenate([*Recording.of_file(talk, excerpt=Excerpt(2.5, 4.0)).source().blocks])
    whole, rate = soundfile.read(talk, dtype="int16", always_2d=True)
    assert sum(read) == 2 * rate and np.array_equal(got, whole[round(2.5 * rate) : 4 * rate])
    encoded(tmp_path / "a.flac", "flac", "flac")
    flac = Recording.of_file(tmp_path / "a.flac", excerpt=Excerpt(0.25, 0.5))
    every = np.concatenate([*Recording.of_file(tmp_path / "a.flac").source().blocks])
    assert np.array_equal(np.concatenate([*flac.source().blocks]), every[12_000:24_000])

    def endless() -> Any:
        for k in range(10_000):
            assert k < 5, "it was read farther"
            yield np.full((RATE, 1), k, np.int16)

    part = Excerpt(2.5, 4.5).cut(Sound(RATE, endless(), [LeftOut(1, 3, DAMAGED), LeftOut(9, 9.5, DAMAGED)]), "a")
    assert len(np.concatenate([*part.blocks])) == 2 * RATE and part.left_out == [LeftOut(0.0, 0.5, DAMAGED)]


def test_a_part_s_name_and_what_is_no_part():
    assert Excerpt.of("", None) is None and Excerpt.of("1e1", 12.5) == Excerpt(10.0, 12.5)
    assert [Excerpt(12.0, 15.5).name, Excerpt(0.1 + 0.2).name] == ["12-15.5", "0.3-end"]
    assert [str(Excerpt(12.0, 15.5)), str(Excerpt(3))] == ["from 12 s to 15.5 s", "from 3 s on"]
    for start, end, said in [
        (5, 2, "give an end behind the start"),
        ("", 0, "give an end behind the start"),
        (-1, 2, "0 or more"),
        ("1,5", 2, "its start is '1,5': give seconds"),
        (1, "nan", "its end is 'nan'"),
    ]:
        with pytest.raises(BadClip, match=said):
            Excerpt.of(start, end)


def test_a_list_s_rows(tmp_path):
    (tmp_path / "a.csv").write_text(
        "file,start,end,speaker,id\na.wav,1,2.5,Anna  Lee,x/1\nb  c.wav,,,nan,\na.wav,3,1,,\n"
    )
    first, second, third = listed(tmp_path / "a.csv")
    assert first == Row(str(tmp_path / "a.wav"), Excerpt(1.0, 2.5), "Anna Lee", "x/1") and first.stem == "x_1"
    assert second == Row(str(tmp_path / "b  c.wav"), None, "", "") and second.stem == ""
    assert third.problem.endswith(
        "a.wav in a.csv is no part of a recording: it ends at 1 s and begins at 3 s: give an end behind the start."
    )
    table = pyarrow.table({"file": ["s3://b/a.wav?v=1", "s3://b/a.wav?v=1"], "start": [None, 2.0], "id": [None, None]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    assert listed(tmp_path / "a.parquet") == [Row("s3://b/a.wav?v=1"), Row("s3://b/a.wav?v=1", Excerpt(2.0))]
    assert listed(tmp_path / "a.parquet")[1].stem == "a-2-end"
    (tmp_path / "a.csv").write_text("file,start,id\na.wav,1,x\na.wav,2,x\n")
    with pytest.raises(IntoneError, match="gives the id x to several rows"):
        listed(tmp_path / "a.csv")


def test_an_id_is_made_safe_as_a_file_s_name():
    assert [file_name(t) for t in ("../a\\b:c", ".hidden", "", "a\nb", "Zoë 1")] == [
        "_a_b_c",
        "hidden",
        "_",
        "a_b",
        "Zoë 1",
    ]
    one, other = file_name("é" * 300), file_name("é" * 301)
    assert one != other and len(one.encode()) < 150


LIST = """file,start,end,speaker,id
my talk.wav,1,3,anna,first one
my talk.wav,3,5.5,anna,=2/b
my talk.wav,,,,
my talk.wav,4,2,,wrong
my talk.wav,60,70,,late
my talk.wav,x,2,,letters
my talk.wav,-1,2,,negative
missing.wav,1,2,,gone
my talk.wav,5,9,,long
my talk.wav,2,2.05,,short
"""


def test_each_row_is_done_or_named_and_nothing_is_done_twice(talk, model_file, capsys):
    with pytest.raises(Partly, match="6 of 10 files were left out"):
        go(LIST, "out", model_file, formats="json,csv,parquet,textgrid")
    said = capsys.readouterr().err
    for text in [
        "my talk.wav (id wrong) in list.csv is no part of a recording: it ends at 2 s and begins at 4 s",
        "my talk.wav from 60 s to 70 s (id late): my talk.wav lasts 6.0 s, and the part begins at 60 s",
        "my talk.wav (id letters) in list.csv is no part of a recording: its start is 'x'",
        "my talk.wav (id negative) in list.csv is no part of a recording: its start is -1 s",
        "missing.wav from 1 s to 2 s (id gone): missing.wav is not there",
        "my talk.wav from 2 s to 2.05 s (id short): The part of my talk.wav lasts 0.050 s: 0.1 s is",
    ]:
        assert f"left out: {text}" in said
    assert "my talk.wav from 5 s to 9 s (id long): It ends at 6.0 s, before the part's end at 9.0 s." in said
    assert len(Path("out", LEFT_OUT).read_text().splitlines()) == 7
    assert {path.stem for path in Path("out").glob("*.json")} == {"first one", "=2_b", "my talk", "long"}

    made = json.loads(Path("out/=2_b.json").read_text())
    assert [made["file"], made["id"], made["part"]] == ["my talk.wav", "=2/b", {"start": 3.0, "end": 5.5}]
    assert 3.0 <= made["segments"][0]["start"] < 4.0 and {s["speaker"] for s in made["segments"]} == {"anna"}
    assert list(pd.read_csv("out/=2_b.csv")["id"]) == ["'=2/b"]
    assert "id" in pd.read_csv("out/my talk.csv")
    whole = json.loads(Path("out/my talk.json").read_text())
    assert whole["id"] == "" and "part" not in whole and whole["segments"][0]["speaker"] is None
    table = pd.read_parquet([str(path) for path in sorted(Path("out").glob("*.parquet"))])
    assert set(table["file"]) == {"my talk.wav"} and set(table["id"].dropna()) == {"=2/b", "first one", "long"}
    assert "xmax = 5.5" in Path("out/=2_b.TextGrid").read_text()

    before = {path: path.stat().st_mtime_ns for path in Path("out").glob("*.[jcp]*")}
    with pytest.raises(Partly):
        go(LIST, "out", model_file, formats="json,csv,parquet,textgrid")
    assert "4 of 10 are finished already" in capsys.readouterr().err
    after = {path: path.stat().st_mtime_ns for path in Path("out").glob("*.[jcp]*")}
    assert {p: t for p, t in after.items() if p.name != LEFT_OUT} == {
        p: t for p, t in before.items() if p.name != LEFT_OUT
    }
    with pytest.raises(Partly):
        go(LIST.replace("1,3,anna", "1,3.5,anna"), "out", model_file, formats="json,csv,parquet,textgrid")
    assert "3 of 10 are finished already" in capsys.readouterr().err
    assert json.loads(Path("out/first one.json").read_text())["part"]["end"] == 3.5


def test_without_ids_files_are_named_by_times_and_tables_have_no_such_column(talk, model_file):
    shutil.copy(talk, "my talk.mp3")
    go(
        "file,start,end\nmy talk.wav,1,2.5\nmy talk.mp3,1,2.5\nmy talk.wav,3,\nmy talk.wav,1,2.5\n",
        "out",
        model_file,
        formats="csv,parquet",
    )
    assert {path.stem for path in Path("out").glob("*.csv")} == {"my talk-1-2.5", "my talk-1-2.5-2", "my talk-3-end"}
    assert "id" not in pd.read_csv("out/my talk-3-end.csv")
    assert pd.read_parquet("out/my talk-3-end.parquet")["id"].isna().all()


def test_parts_are_the_same_in_shards_and_by_several_processes(tmp_path, model_file, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wav(Path("a.wav"), np.tile(0.2 * np.sin(np.arange(RATE) / 9).astype(np.float32), 9))
    rows = "file,start,end,id\n" + "".join(f"a.wav,{k},{k + 1.5},p{k}\n" for k in range(7))
    go(rows, "one", model_file)
    go(rows, "two", model_file, workers=2)
    for k in (1, 2, 3):
        go(rows, "three", model_file, shard=f"{k}/3")
    made = [{p.name: p.read_bytes() for p in Path(out).glob("*.json")} for out in ("one", "two", "three")]
    assert len(made[0]) == 7 and made[0] == made[1] == made[2]
    whole = tasks(listed(Path("list.csv")), Target(folder=Path("out")))
    assert sorted(t.stem for k in (1, 2, 3) for t in sharded(whole, Shard(k, 3))) == sorted(t.stem for t in whole)


def test_turns_of_a_file_are_at_the_whole_recording_s_times(talk, analyzer):
    turns = (Turn(0.0, 2.0, "anna"), Turn(2.0, 6.0, "tom"))
    analyzer.speakers = Speakers("file", {talk.stem: turns}, "turns.csv")
    part = analyzer.analysis(Recording.of_file(talk, excerpt=Excerpt(3.0, 5.0)))
    assert set(part.segments["speaker"]) == {"tom"}
    analyzer.speakers = Speakers("file", {talk.stem: turns[1:]}, "turns.csv")
    assert analyzer.analysis(Recording.of_file(talk, excerpt=Excerpt(0.0, 1.5))).speakers == []


def test_every_format_takes_a_part(talk):
    found = analysis(segment(0.5, 2.0, "angry", "Kids."))
    part = replace(found.moved(3600), begin=3600.0, id="=a")
    for name, form in FORMATS.items():
        text = form.encoded(part)
        assert text and (name not in ("srt", "vtt") or b"01:00:00" in text)
    # The page's own sound begins at 0, and it adds the beginning to the times that it shows.
    assert page(part).replace('"id": "=a", "part": {"start": 3600.0, "end": 3608.0}, ', "") == page(found)


def test_a_row_that_is_no_part_takes_no_name_from_others(tmp_path):
    (tmp_path / "a.csv").write_text("file,start,end\na.wav,3,1\na.wav,,\na.wav,1,3\n")
    wrong, *others = tasks(listed(tmp_path / "a.csv"), Target(folder=tmp_path))
    assert wrong.problem and [task.stem for task in others] == ["a", "a-1-3"]
