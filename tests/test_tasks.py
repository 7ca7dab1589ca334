"""What -o and -f mean: a folder, one file, standard output; what could mean two things is refused in a sentence."""

from pathlib import Path

import pytest

from intone.cli import BY_NAME
from intone.errors import IntoneError
from intone.inference.batch import analyze
from intone.inference.formats import FORMATS
from intone.inference.resume import LEFT_OUT
from intone.inference.tasks import Target, target, tasks


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a recording, folders that are called like files, and nothing else."""
    monkeypatch.chdir(tmp_path)
    for name in ("talks", "old.json"):
        Path(name).mkdir()
    for name in ("a.wav", "b.wav", "c.json"):
        Path(name).write_bytes(b"sound")


@pytest.mark.parametrize(
    ("out", "asked", "meant"),
    [
        (None, None, Target()),
        (None, "srt,vtt", Target(("srt", "vtt"), Path())),
        ("out", None, Target(folder=Path("out"))),
        ("out.2024", None, Target(folder=Path("out.2024"))),
        ("new.srt/", None, Target(folder=Path("new.srt"))),
        ("new.docx/", None, Target(folder=Path("new.docx"))),
        ("old.json", "srt", Target(("srt",), Path("old.json"))),
        ("-", None, Target(stdout=True)),
        ("-", "csv", Target(("csv",), stdout=True)),
        ("x/r.SRT", None, Target(("srt",), file=Path("x/r.SRT"))),
        ("r.txt", None, Target(("txt",), file=Path("r.txt"))),
        ("r.txt", "audacity", Target(("audacity",), file=Path("r.txt"))),
        ("r.audacity.txt", None, Target(("audacity",), file=Path("r.audacity.txt"))),
        ("r.labelstudio.json", None, Target(("labelstudio",), file=Path("r.labelstudio.json"))),
        ("r.json", "labelstudio", Target(("labelstudio",), file=Path("r.json"))),
        (".srt", None, Target(folder=Path(".srt"))),
    ],
)
def test_a_file_is_meant_where_one_recording_and_one_format_are(out, asked, meant):
    assert target(out, asked, ["a.wav"]) == meant


@pytest.mark.parametrize(("name", "form"), FORMATS.items())
def test_every_format_has_a_file_of_its_ending(name, form):
    assert target(f"r{form.ending}", None, ["a.wav"]) == target(f"r{form.ending}", name, ["a.wav"])
    assert target(f"r{form.ending}", None, ["a.wav"]).names == (name,)


def test_the_help_names_every_format():
    assert (
        ",".join(FORMATS) in (analyze.__doc__ or "")
        and len(FORMATS) == 12
        and "twelve formats" in BY_NAME["analyze"].line
    )


@pytest.mark.parametrize(
    ("out", "asked", "files", "said"),
    [
        ("r.srt", None, ["a.wav", "b.wav"], "write r.srt/ for a folder"),
        ("r.srt", None, ["talks"], "write r.srt/ for a folder"),
        ("r.srt", "srt,vtt", ["a.wav"], "names 2 formats"),
        ("r.srt", "json", ["a.wav"], "leave -f out"),
        ("r.docx", None, ["a.wav"], r"No format ends as r\.docx does"),
        ("a.wav", None, ["a.wav"], "No format ends as"),
        ("c.json", None, ["c.json"], "the recording itself"),
        ("-", "json,srt", ["a.wav"], "one format of one recording"),
        ("-", None, ["a.wav", "b.wav"], "one format of one recording"),
        ("-", None, ["talks"], "one format of one recording"),
        ("r.srt", "docx", ["a.wav"], "no format 'docx'"),
    ],
)
def test_what_could_mean_two_things_is_refused(out, asked, files, said):
    with pytest.raises(IntoneError, match=said):
        target(out, asked, files)


def test_a_mark_without_a_table_is_refused():
    assert target("r.csv", None, ["a.wav"], bom=True).bom and target("out", "json,tsv", ["a.wav"], bom=True).bom
    for out, asked in ((None, None), ("r.srt", None), ("out", "json")):
        with pytest.raises(IntoneError, match="--bom goes with -f csv,tsv"):
            target(out, asked, ["a.wav"], bom=True)


def test_no_recording_writes_over_another_or_over_the_table_of_those_left_out():
    names = ["a.wav", "a.audacity.wav", "intone-left-out.wav"]
    found = tasks([Path(name) for name in names], Target(("txt", "audacity", "csv"), Path("out")))
    places = [place for task in found for place in task.outputs.values()]
    assert len(set(places)) == 9 and Path("out") / LEFT_OUT not in places
    assert [task.stem for task in found] == ["a", "a.audacity-2", "intone-left-out-2"]
