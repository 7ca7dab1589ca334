"""One table, however a spreadsheet or a program writes it down, is read as the same rows."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intone.data.spreadsheet import SEPARATORS, as_number, is_missing, read
from intone.errors import IntoneError, Missing

HEAD = ("file", "speaker", "emotion")
CELLS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff"), max_size=9)
LINES = st.lists(st.lists(CELLS | st.just('a "b"\nc'), min_size=3, max_size=3), min_size=1, max_size=5)
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be")


def cells(path: Path) -> list[list[str]]:
    return [list(row.cells.values()) for row in read(path, HEAD).rows]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=LINES,
    separator=st.sampled_from(SEPARATORS),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=st.sampled_from(ENCODINGS),
    end=st.sampled_from(["\n", "\r\n"]),
    told=st.booleans(),
)
def test_a_table_reads_the_same_however_it_is_written(tmp_path, lines, separator, quoting, encoding, end, told):
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator, quoting=quoting, lineterminator=end)
    writer.writerows([HEAD, *lines])
    head = f"sep={separator}{end}" if told else ""
    (tmp_path / "a.csv").write_bytes((head + file.getvalue()).encode(encoding))
    sheet = read(tmp_path / "a.csv", HEAD)
    meant = [[cell.strip() for cell in line] for line in lines]
    assert sheet.columns == HEAD and not sheet.guessed
    assert [list(row.cells.values()) for row in sheet.rows] == [line for line in meant if any(line)]
    assert [row.number for row in sheet.rows] == [k for k, line in enumerate(meant, start=2) if any(line)]


@pytest.mark.parametrize(
    "text",
    [
        "file,speaker,emotion\na.wav,Al,sad\n",
        " File ; SPEAKER;Emotion\r\n a.wav ;Al; sad\r\n",
        "\r\nfile\tspeaker\temotion\r\n\r\na.wav\tAl\tsad\r\n\t\t\r\n",
        "emotion|speaker|file\rsad|Al|a.wav\r",
        'SEP=;\n"file";"speaker";"emotion";;\n"a.wav";"Al";"sad";;\n;;;;\n',
        '"sep=|"\nfile|speaker|emotion\na.wav|Al|sad',
        'file, speaker, emotion\na.wav, "Al", sad\n\ufefffile, speaker, emotion\n',
        "speaker;file;emotion;note\nAl;a.wav;sad;1,5, or so\n",
    ],
)
def test_hand_written_and_joined_tables(text, tmp_path):
    (tmp_path / "a.csv").write_bytes(text.encode())
    (row,) = read(tmp_path / "a.csv", HEAD).rows
    assert {c: row.cells[c] for c in HEAD} == {"file": "a.wav", "speaker": "Al", "emotion": "sad"}


def test_what_windows_writes_is_read_and_said(tmp_path, capsys):
    (tmp_path / "a.csv").write_bytes("file;speaker;emotion\r\nmüde.wav;Jürgen;sad\r\n".encode("cp1252"))
    assert cells(tmp_path / "a.csv") == [["müde.wav", "Jürgen", "sad"]] and read(tmp_path / "a.csv", HEAD).guessed
    assert "a.csv is not UTF-8: it is read as Windows-1252; save it as UTF-8" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"file,speaker,emotion\na.wav,Al,sad,1\n", r"row 2: there are 4 cells and 3 columns: put quotes"),
        (b'file,speaker,emotion\n"a.wav,Al,sad\nb.wav,Bea,sad\n', r"row 2: this is no CSV row .* close its quotes"),
        (b'file,speaker,emotion\na.wav,Al,sad\n"b".wav,Bea,sad\n', r"row 3: this is no CSV row"),
        (b"file,speaker,emotion,File\n", "has the column file twice"),
        (b"PK\x03\x04\x14\x00", "is a spreadsheet's own file: save it there as CSV"),
        (b"\x1f\x8b\x08", "can't be unpacked"),
        (b"\xff\xfe\x00", "is no UTF-8 CSV file"),
        (b"file,speaker\x8d,emotion\n", "is no UTF-8 CSV file .* save it as UTF-8"),
        (b"file,speaker,emotion\na\x00b,Al,sad\n", "is no UTF-8 CSV file .it holds zero bytes"),
    ],
)
def test_what_is_no_table_is_refused_in_one_sentence(data, reason, tmp_path):
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(IntoneError, match=reason) as caught:
        read(tmp_path / "a.csv", HEAD)
    assert str(tmp_path / "a.csv") in str(caught.value) and "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(Missing, match="There is no table"):
        read(tmp_path / "a.csv", HEAD)


@pytest.mark.parametrize(
    ("cell", "separator", "value"),
    [("1.5", ",", 1.5), ("1,5", ";", 1.5), ("1,500", ";", 1.5), ("1,5", ",", 1.5), (".5", "\t", 0.5), ("2e1", "|", 20)],
)
def test_numbers(cell, separator, value):
    assert as_number(cell, separator) == value


@pytest.mark.parametrize("cell", ["1,500", "1_0", "nan", "inf", "1e999", "1.5.2", "0:01", "1 s", "٣"])
def test_what_is_no_number_or_may_be_two(cell):
    with pytest.raises(ValueError):
        as_number(cell, ",")


def test_what_stands_for_no_value():
    assert all(map(is_missing, ("", "nan", "NaN", "NULL", "None", "-", "#N/A", "n/a", "<NA>", "—", "#REF!")))
    assert not any(map(is_missing, ("Nan Goldin", "0", "a", "Nancy", "-1")))
