"""Names of any bytes come through every output; what spreadsheets would run is text in them."""

import csv
import io
import json
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intone.audio.recording import Recording
from intone.emotions import EMOTIONS
from intone.inference.formats import FORMATS, TEXTS
from intone.inference.result import Analysis, Segment, curve, table
from intone.inference.resume import LEFT_OUT, Journal
from intone.names import cell, field, of_cell, printable, readable
from intone.progress import say

ANY = st.text(st.characters() | st.characters(categories=["Cs"]), max_size=20)
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "'=1", "＝1", "＋1", "－1", "＠A"]
BYTES = os.fsdecode(b"caf\xe9.wav")


def test_bytes_that_are_no_text_are_written_as_a_shell_writes_them():
    assert readable(BYTES) == r"caf\xe9.wav" and readable("\ud800") == r"\ud800" and readable("Ü 怒 😂") == "Ü 怒 😂"
    assert printable(f"a\n\x1b[31m{BYTES}\u202e") == r"a\n\x1b[31mcaf\xe9.wav\u202e"


def test_rttm_knows_a_recording_by_its_name_without_path_and_ending():
    names = {"talks/a b.2.mp3": "a_b.2", "a": "a", "/": "_", "": "_", 'x "y"\n z.wav': "x_y_z", BYTES: r"caf\xe9"}
    assert {name: field(name) for name in names} == names


@given(ANY)
def test_any_name_can_be_written_shown_and_made_a_field(name):
    assert readable(name).encode().decode() == readable(name)
    assert len(printable(name).splitlines()) <= 1 and "\x1b" not in printable(name)
    assert field(name).split() == [field(name)] and '"' not in field(name)


@given(ANY | st.text("='-+@ \t\rx", max_size=6))
def test_a_cell_runs_nowhere_and_gives_its_text_again(text):
    made = cell(text)
    assert of_cell(made) == text
    assert not re.match(r"\s*[=+\-@]|[\t\r\n]", made)
    assert made == text or made == f"'{text}"
    if made.startswith("'"):  # whoever takes the apostrophe away must know which are intone's
        assert (cell(made[1:]) == made) == (made != text)


def analysis(name: str, text: str) -> Analysis:
    chances = dict.fromkeys(EMOTIONS, 1 / 8)
    name = Recording.of_file(name).name
    segments = [Segment(0.5, 1.0, chances, "sad", text, (), chances)]
    return Analysis(name, 2.0, "m", "en", table(name, segments), curve(name, [0.7], [[1 / 8] * 8]))


@pytest.mark.parametrize("name", [BYTES, "\ud800.wav", "a\nb.wav", "=1.wav"])
def test_every_format_of_any_name_is_utf_8(name):
    made = {kind: FORMATS[kind].encoded(analysis(name, "words")).decode() for kind in TEXTS}
    assert json.loads(made["json"])["file"] == json.loads(made["labelstudio"])[0]["data"]["audio"] == readable(name)
    assert "\ufffd" not in "".join(made.values()) and "?" not in made["rttm"] + made["csv"]


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize(("kind", "mark"), [("csv", ","), ("tsv", "\t")])
def test_no_cell_of_a_table_is_a_formula(text, kind, mark):
    [row] = csv.DictReader(io.StringIO(FORMATS[kind].write(analysis(f"{text}.wav", text)), newline=""), delimiter=mark)
    assert row["text"] == f"'{text}" and row["file"] == f"'{text}.wav"
    assert row["start"] == "0.5"  # numbers stay numbers


def test_a_mark_stands_before_what_spreadsheets_open_alone():
    found = analysis("a.wav", "Ü")
    marked = [kind for kind, form in FORMATS.items() if form.encoded(found, bom=True).startswith(b"\xef\xbb\xbf")]
    assert marked == ["csv", "tsv"]
    assert not any(form.encoded(found).startswith(b"\xef\xbb\xbf") for form in FORMATS.values())


def test_the_table_of_what_was_left_out_takes_any_name(tmp_path):
    journal = Journal(tmp_path, "settings")
    for name in (BYTES, "=1.wav"):
        journal.leave_out(tmp_path.__class__(name), f"{name} is empty.")
    rows = list(csv.reader((tmp_path / LEFT_OUT).read_text(encoding="utf-8").splitlines()))
    assert rows[1:] == [[r"caf\xe9.wav", r"caf\xe9.wav is empty."], ["'=1.wav", "'=1.wav is empty."]]


def test_what_is_said_is_one_line(capsys):
    say(f"left out: a\nb{BYTES}")
    assert capsys.readouterr().err == "left out: a\\nbcaf\\xe9.wav\n"
