from pathlib import Path

import pytest

from intone.corpora import CLIP_COLUMNS, table
from intone.errors import IntoneError, Missing

FILE = "Actor_01/03-01-05-01-01-01-01.wav"
OTHER = "Actor_02/03-01-04-01-02-01-02.wav"


def written(path: Path, *rows: str, header: str = "file,speaker,emotion") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_three_columns_are_enough(ravdess_folder: Path, tmp_path: Path) -> None:
    csv = written(tmp_path / "mine.csv", f"{OTHER},Bea,sadness", f"{FILE},Al,Angry")
    corpus = table.load(csv, root=ravdess_folder)
    assert tuple(corpus.clips.columns) == CLIP_COLUMNS and corpus.name == "mine"
    assert list(corpus.clips["file"]) == [FILE, OTHER] and list(corpus.clips["emotion"]) == ["angry", "sad"]
    assert list(corpus.clips["speaker"]) == ["mine-Al", "mine-Bea"]
    assert corpus.clips["duration"].tolist() == pytest.approx([1.0, 1.1], abs=1e-3)
    assert corpus.paths[FILE] == ravdess_folder / FILE


def test_more_columns_are_taken_in_any_order(ravdess_folder: Path, tmp_path: Path) -> None:
    header = "emotion,Text,statement,sex,file,speaker,duration,mood"
    csv = written(tmp_path / "m.csv", f'happy,"Yes, it is",yes,female,{FILE},m-1,2.5,fine', header=header)
    corpus = table.load(csv, root=ravdess_folder)
    row = corpus.clips.iloc[0]
    assert row["sex"] == "female" and row["duration"] == 2.5 and row["speaker"] == "m-1"
    assert corpus.sentences == {"yes": "Yes, it is"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"{FILE},,angry", "row 3: speaker is empty"),
        (f"{FILE},Al", "row 3: emotion is empty"),
        (f"{FILE},Al,bored", "row 3: there is no emotion 'bored'"),
        ("absent.wav,Al,angry", "row 3: there is no "),
        (f"{OTHER},Al,angry", "row 3: .* is listed twice"),
    ],
)
def test_a_bad_row_is_named(ravdess_folder: Path, tmp_path: Path, row: str, reason: str) -> None:
    csv = written(tmp_path / "mine.csv", f"{OTHER},Bea,sad", row)
    with pytest.raises(IntoneError, match=reason) as caught:
        table.load(csv, root=ravdess_folder)
    assert str(csv) in str(caught.value) and str(caught.value).endswith(".")


def test_a_bad_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="There is no table"):
        table.load(tmp_path / "absent.csv")
    with pytest.raises(IntoneError, match="no column speaker and emotion; it has file"):
        table.load(written(tmp_path / "a.csv", "x.wav", header="file"))
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(IntoneError, match="no UTF-8 CSV"):
        table.load(tmp_path / "b.csv")


def test_audio_that_cannot_be_read_is_skipped_by_name(ravdess_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_text("no audio")
    (tmp_path / "good.wav").write_bytes((ravdess_folder / FILE).read_bytes())
    corpus = table.load(written(tmp_path / "mine.csv", "bad.wav,Al,sad", "good.wav,Al,happy"))
    assert list(corpus.clips["file"]) == ["good.wav"] and [s.file for s in corpus.skipped] == ["bad.wav"]
