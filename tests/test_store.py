"""Results at addresses: each file is there whole or not at all, and the same command goes on, on any machine."""

import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from test_bad_input import wav

from intone.errors import IntoneError, Partly
from intone.inference.batch import analyze
from intone.inference.resume import LEFT_OUT
from intone.inference.store import MARKS, Store
from intone.inference.tasks import Target, target

fsspec = pytest.importorskip("fsspec", reason="fsspec isn't installed")

OUT = "memory://bucket/results"


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty store, and four recordings in the folder that one is in, one of them broken."""
    monkeypatch.chdir(tmp_path)
    Path("in/deep").mkdir(parents=True)
    wav(Path("in/0.wav"))
    for name in ("1.wav", "deep/2.wav"):
        shutil.copy("in/0.wav", f"in/{name}")
    Path("in/3.wav").write_bytes(b"")
    made = fsspec.filesystem("memory")
    made.store.clear()
    yield made
    made.store.clear()


@pytest.fixture
def go(model_file: Path) -> Callable[..., None]:
    def run(out: str = OUT, formats: str = "parquet,json,csv", **more: Any) -> None:
        with pytest.raises(Partly, match="1 of 4 files were left out"):
            analyze(("in",), out, formats, str(model_file), text=False, speakers="none", **more)

    return run


def results(files: Any) -> dict[str, bytes]:
    found = files.find("/bucket/results")
    return {path.removeprefix("/bucket/results/"): files.cat_file(path) for path in found if MARKS not in path}


def test_what_is_there_is_what_a_folder_would_hold_and_nothing_is_done_twice(files, go, capsys):
    go()
    go("out")
    made = results(files)
    assert made == {path.relative_to("out").as_posix(): path.read_bytes() for path in Path("out").rglob("*.[jcp]*")}
    assert len(made) == 10 and json.loads(made["deep/2.json"])["file"] == "in/deep/2.wav"
    assert "3.wav is an empty file" in pd.read_csv(io.BytesIO(made[LEFT_OUT]))["reason"][0]
    go("memory://bucket/data", "parquet")
    files.rm_file(f"/bucket/data/{LEFT_OUT}")
    assert len(pd.read_parquet("memory://bucket/data").columns) > 10
    assert len(pd.read_parquet(f"{OUT}/deep/2.parquet")) == 0
    capsys.readouterr()
    go()
    assert "3 of 4 are finished already" in capsys.readouterr().err
    files.rm_file("/bucket/results/1.csv")
    wav(Path("in/0.wav"), rate=8_000)
    go()
    assert "1 of 4 are finished already" in capsys.readouterr().err
    assert sorted(results(files)) == sorted(made)
    go(formats="json")
    assert "finished already" not in capsys.readouterr().err


def test_a_store_that_fails_is_one_sentence_and_the_same_command_goes_on(files, go, model_file, monkeypatch, capsys):
    write, written = type(files).pipe_file, list[str]()

    def full(self: Any, path: str, data: bytes, **more: Any) -> None:
        if path.endswith("1.json"):
            raise OSError(28, "No space left on device")
        written.append(path)
        write(self, path, data, **more)

    monkeypatch.setattr(type(files), "pipe_file", full)
    with pytest.raises(IntoneError, match=r"results/1.json can't be written \(no space left on device\)"):
        analyze(("in",), OUT, "json", str(model_file), text=False, speakers="none")
    assert "1.json" not in results(files) and "0.json" in results(files)
    monkeypatch.setattr(type(files), "pipe_file", write)
    capsys.readouterr()
    go(formats="json")
    assert "1 of 4 are finished already" in capsys.readouterr().err and len(results(files)) == 4


def test_shards_are_one_data_set_and_resumed_in_any_number(files, go, model_file, capsys):
    for k in (1, 2, 3):
        try:
            analyze(("in",), OUT, "json", str(model_file), text=False, speakers="none", shard=f"{k}/3")
        except IntoneError as problem:
            assert "left out" in str(problem) or "could not be analysed" in str(problem)
    assert {name for name in results(files) if name.endswith("json")} == {"0.json", "1.json", "deep/2.json"}
    capsys.readouterr()
    go(formats="json")
    assert "3 of 4 are finished already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("https://example.org/results", "others might see half a file"),
        ("sftp://host/results", "others might see half a file"),
        ("s3://bucket/talk.srt", "is one file: at an address name a folder"),
    ],
)
def test_what_can_t_be_written_whole_is_refused(out, said):
    with pytest.raises(IntoneError, match=said):
        target(out, None, ["in"])


def test_a_cluster_takes_no_address_and_a_file_s_address_is_a_folder(tmp_path):
    with pytest.raises(IntoneError, match="a folder for the results"):
        analyze(("in",), OUT, cluster="auto")
    assert target(f"file://{tmp_path}/a%20b", None, ["in"]) == Target(folder=tmp_path / "a b")
    assert target("s3://bucket/results/", "csv", ["in"]) == Target(("csv",), Path(), store=Store("s3://bucket/results"))
