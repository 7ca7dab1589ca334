"""The command: what stands where afterwards, what is left out and why, what a second run does again."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import soundfile

import intone
from intone.audio.account import Account, LeftOut
from intone.cache import file_digest
from intone.cli import main
from intone.emotions import EMOTIONS
from intone.errors import IntoneError, Missing, Partly
from intone.inference import batch, microphone, registry, resume, terminal
from intone.inference.batch import Settings, run
from intone.inference.microphone import Live
from intone.inference.model import Model
from intone.inference.result import Analysis, Segment, curve, table
from intone.inference.tasks import Target, tasks

RATE = 16_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two recordings of a tone (which nobody speaks), one below, and a broken one."""
    place = tmp_path / "in"
    (place / "below").mkdir(parents=True)
    tone = 0.1 * np.sin(np.arange(RATE) / 9)
    for name in ("a.wav", "b.flac", "below/a.wav"):
        soundfile.write(place / name, tone, RATE)
    (place / "broken.mp3").write_bytes(b"\x00" * 99)
    return place


@pytest.fixture
def settings(model_file: Path) -> Settings:
    return Settings(model_file, None, None, 1)


def go(folder: Path, settings: Settings, out: Path, workers: int = 1) -> None:
    run(tasks([folder], Target(("json", "srt"), out)), settings, out, workers)


@pytest.mark.parametrize("workers", [1, 2])
def test_all_but_the_broken_one_are_done(folder, settings, tmp_path, capsys, workers):
    out = tmp_path / "out"
    with pytest.raises(Partly, match="1 of 4 files were left out"):
        go(folder, settings, out, workers)
    made = sorted(str(p.relative_to(out)) for p in out.rglob("*.*") if not p.name.startswith("."))
    assert made == ["a.json", "a.srt", "b.json", "b.srt", "below/a.json", "below/a.srt", resume.LEFT_OUT]
    said = capsys.readouterr()
    assert "no speech" in said.out and "broken.mp3" in said.err and said.err.count("left out") == 1


def test_what_is_finished_is_not_done_again(folder, settings, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    with pytest.raises(Partly):
        go(folder, settings, out)
    heard = []
    monkeypatch.setattr(batch, "one", lambda task: heard.append(task.path.name) or batch.Done(task, "again"))
    soundfile.write(folder / "b.flac", np.zeros(RATE // 2), RATE)
    (out / "below" / "a.srt").unlink()
    go(folder, settings, out)
    assert sorted(heard) == ["a.wav", "b.flac", "broken.mp3"] and "1 of 4 are finished" in capsys.readouterr().err
    heard.clear()
    go(folder, Settings(settings.model, None, "de", 1), out)
    assert len(heard) == 4


def test_what_another_command_wrote_there_is_done_again(folder, settings, tmp_path, capsys):
    """Settings that were finished before, or a recording of the same name, left files of theirs meanwhile."""
    out, other = tmp_path / "out", tmp_path / "other"
    other.mkdir()
    soundfile.write(other / "a.flac", np.zeros(RATE // 2), RATE)
    german = Settings(settings.model, None, "de", 1)
    for path, chosen, length in (
        (folder / "a.wav", settings, 1.0),
        (other / "a.flac", settings, 0.5),
        (folder / "a.wav", german, 1.0),
        (folder / "a.wav", settings, 1.0),
    ):
        run(tasks([path], Target(("json",), out)), chosen, out, 1)
        assert json.loads((out / "a.json").read_text())["duration"] == length
    assert "finished already" not in capsys.readouterr().err
    run(tasks([folder / "a.wav"], Target(("json",), out)), settings, out, 1)
    assert "1 of 1 are finished already" in capsys.readouterr().err


def test_a_journal_that_is_damaged_is_no_obstacle(folder, settings, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / resume.NAME).write_bytes(b'\xff\n1\t\nkey\t"old"\nkey\t[]\nkey\t{}\nkey\t{"files": ["a.')
    run(tasks([folder / "a.wav"], Target(("json",), out)), settings, out, 1)
    assert (out / "a.json").is_file()


def test_what_a_crash_cut_short_is_made_again(folder, settings, tmp_path, capsys):
    out, wanted = tmp_path / "out", tasks([folder / "a.wav", folder / "b.flac"], Target(("json",), tmp_path / "out"))
    run(wanted, settings, out, 1)
    whole = (out / "b.json").read_bytes()
    (out / "b.json").write_bytes(whole[:-9])
    lines = (out / resume.NAME).read_text()
    (out / resume.NAME).write_text(lines[:-9])  # the line of b.json, too
    capsys.readouterr()
    for finished in (1, 2):
        run(wanted, settings, out, 1)
        assert (out / "b.json").read_bytes() == whole and f"{finished} of 2 are finished" in capsys.readouterr().err
        lines = (out / resume.NAME).read_text()
    (out / "a.json").write_bytes(b"")
    run(wanted, settings, out, 1)
    assert (out / "a.json").stat().st_size and "1 of 2 are finished" in capsys.readouterr().err


def test_two_runs_into_one_folder_are_refused(folder, settings, tmp_path):
    first = resume.Journal(tmp_path / "out", "settings")
    with pytest.raises(IntoneError, match=r"Another run is writing into .*out: wait"):
        go(folder, settings, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.json"))
    first.close()
    with pytest.raises(Partly):
        go(folder, settings, tmp_path / "out")


def test_the_table_of_what_was_left_out_is_that_of_the_last_run(folder, settings, tmp_path):
    (folder / "empty, and odd.wav").write_bytes(b"")
    for _ in range(2):
        with pytest.raises(Partly, match=f"2 of 5 files were left out .*{resume.LEFT_OUT}"):
            go(folder, settings, tmp_path / "out")
        table = pd.read_csv(tmp_path / "out" / resume.LEFT_OUT)
        assert list(table["file"]) == [str(folder / "broken.mp3"), str(folder / "empty, and odd.wav")]
        assert table["reason"].str.contains("not audio|empty file").all()
    (folder / "broken.mp3").unlink()
    (folder / "empty, and odd.wav").unlink()
    go(folder, settings, tmp_path / "out")
    assert not (tmp_path / "out" / resume.LEFT_OUT).exists()


def test_each_result_is_on_disk_before_the_next_file_is_begun(folder, settings, tmp_path, monkeypatch):
    out, real = tmp_path / "out", batch.one

    def stopped(task):
        if task.path.name == "b.flac":
            raise KeyboardInterrupt
        return real(task)

    monkeypatch.setattr(batch, "one", stopped)
    with pytest.raises(KeyboardInterrupt):
        go(folder, settings, out)
    assert json.loads((out / "a.json").read_text())["segments"] == []
    assert len((out / resume.NAME).read_text().splitlines()) == 1


def test_recordings_of_one_name_do_not_overwrite_one_another(tmp_path):
    found = tasks([tmp_path / "x" / "a.wav", tmp_path / "y" / "a.mp3", tmp_path / "b.wav"], Target(("json",), tmp_path))
    assert [t.stem for t in found] == ["a.wav", "a.mp3", "b"]


def test_two_files_of_the_very_same_name_are_told_apart(tmp_path):
    found = tasks([tmp_path / "x" / "a.wav", tmp_path / "y" / "a.wav"], Target(("json",), tmp_path))
    assert len({*found[0].outputs.values(), *found[1].outputs.values()}) == 2


def test_a_name_that_ends_like_another_does_not_overwrite_it(tmp_path):
    found = tasks(
        [tmp_path / name for name in ("a.wav", "a.mp3", "a.wav.flac", "a.wav-2.flac")], Target(("json",), tmp_path)
    )
    assert [t.stem for t in found] == ["a.wav", "a.mp3", "a.wav-2", "a.wav-2-2"]


def test_a_name_that_is_no_text_is_analysed_like_any_other(folder, settings, tmp_path):
    odd = os.fsdecode(b"\xff.wav")
    shutil.copyfile(folder / "a.wav", folder / odd)
    with pytest.raises(Partly, match="1 of 5 files were left out"):
        go(folder, settings, tmp_path / "out")
    assert (tmp_path / "out" / odd).with_suffix(".json").is_file()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_wrong_setting_is_one_sentence_from_any_number_of_workers(folder, model_file, tmp_path, capfd, workers):
    (tmp_path / "empty").mkdir()
    for words, said in (
        (["--no-text", "--model", str(folder / "a.wav")], "not a model file"),
        (["--whisper", str(tmp_path / "empty"), "--model", str(model_file)], "holds no Whisper"),
    ):
        with pytest.raises(SystemExit) as stop:
            main(["analyze", str(folder), *words, "--workers", workers])
        complaint = capfd.readouterr().err
        assert stop.value.code == 1 and said in complaint and "Traceback" not in complaint


def test_a_decoder_that_fails_in_its_own_way_costs_one_file(folder, settings, tmp_path, monkeypatch, capsys):
    def broken(path: Path) -> None:
        raise RuntimeError("inside")

    monkeypatch.setattr("intone.audio.recording.opened", broken)
    with pytest.raises(IntoneError, match="Nothing could be analysed"):
        go(folder, settings, tmp_path / "out")
    assert capsys.readouterr().err.count("please report this") == 4


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["none.wav"], 1, "is not there"),
        (["-f", "docx", "a.wav"], 1, "no format 'docx'"),
        (["a.wav", "--model", "none.onnx"], 1, "no model file"),
        (["--nonsense"], 2, ""),
    ],
)
def test_the_exit_status_says_how_it_went(words, code, said, model_file, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    model = [] if "--model" in words else ["--model", str(model_file)]
    with pytest.raises(SystemExit) as stop:
        main(["analyze", "--no-text", *model, *words])
    assert stop.value.code == code and said in capsys.readouterr().err


def test_without_whispers_weights_one_line_says_so(folder, model_file, capsys, monkeypatch):
    monkeypatch.delenv("INTONE_MODELS", raising=False)
    main(["analyze", str(folder / "a.wav"), "--model", str(model_file)])
    said = capsys.readouterr()
    assert said.err.count("words are off") == 1 and "intone models get whisper-base" in said.err
    assert "no speech" in said.out


def test_a_format_without_a_folder_writes_here(folder, model_file, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    main(["analyze", str(folder / "a.wav"), "--model", str(model_file), "--no-text", "-f", "vtt"])
    assert (tmp_path / "a.vtt").exists()


def go_by_command(*words: str, model: Path) -> int:
    try:
        main(["analyze", *words, "--model", str(model), "--no-text"])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_one_file_and_one_format_is_what_the_ending_says(folder, model_file, tmp_path, capsys):
    made = tmp_path / "new" / "r.labelstudio.json"
    assert go_by_command(str(folder / "a.wav"), "-o", str(made), model=model_file) == 0
    assert json.loads(made.read_text())[0]["data"] == {"audio": str(folder / "a.wav")}
    assert [*made.parent.iterdir()] == [made] and "no speech" in capsys.readouterr().out


def test_standard_output_holds_the_result_alone(folder, model_file, capfdbinary):
    assert go_by_command(str(folder / "a.wav"), "-o", "-", "-f", "csv", "--bom", model=model_file) == 0
    said = capfdbinary.readouterr()
    assert said.out.startswith(b"\xef\xbb\xbffile,start,end,") and said.out.count(b"\n") == 1
    assert b"no speech" in said.err


def standard_input(monkeypatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_standard_input_is_a_recording_like_any_other(folder, model_file, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "in"))
    before = sorted(folder.rglob("*"))
    standard_input(monkeypatch, (folder / "b.flac").read_bytes())
    assert go_by_command("-", str(folder / "a.wav"), "-o", str(tmp_path / "out"), model=model_file) == 0
    assert json.loads((tmp_path / "out" / "stdin.json").read_text())["file"] == "stdin"
    assert (tmp_path / "out" / "a.json").is_file() and "stdin: no speech" in capsys.readouterr().out
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("data", "files", "said"),
    [
        (b"", ["-"], "left out: stdin is an empty file."),
        (b"no sound" * 99, ["-"], "left out: stdin is not audio"),
        (b"", ["-", "-"], "can be read once"),
    ],
)
def test_what_is_wrong_with_standard_input_is_said_of_it(data, files, said, model_file, capsys, monkeypatch):
    standard_input(monkeypatch, data)
    assert go_by_command(*files, model=model_file) == 1 and said in capsys.readouterr().err


def test_nothing_of_standard_input_stays_where_it_is_ended(model_file, tmp_path):
    code = "import sys; from intone.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "analyze", "-", "--no-text", "--model", str(model_file)]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment) as process:
        while process.poll() is None and not list(tmp_path.glob("intone-*/recording")):
            time.sleep(0.05)
        process.terminate()
        assert process.wait(60) == 143 and not list(tmp_path.iterdir())


def test_a_terminal_is_no_recording(model_file, capsys, monkeypatch):
    standard_input(monkeypatch, b"")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    assert go_by_command("-", model=model_file) == 1 and "intone analyze - <" in capsys.readouterr().err


def test_an_address_of_this_machine_is_called_one(model_file, capsys):
    assert go_by_command("file:///a.wav", model=model_file) == 1
    assert "file:///a.wav is a URL: give the path alone" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["nothing://x/y.wav", "memory://missing.wav"])
def test_an_address_without_a_recording_is_left_out_by_name(address, folder, model_file, capsys):
    assert go_by_command(address, str(folder / "a.wav"), model=model_file) == 3
    said = capsys.readouterr()
    assert f"left out: {address}" in said.err and "1 of 2 files" in said.err


def test_an_address_is_a_recording(folder, model_file, tmp_path, capsys, temporary):
    import fsspec

    def put(name: str) -> None:
        with fsspec.open("memory://talks/a.wav", "wb") as file:
            file.write((folder / name).read_bytes())

    put("a.wav")
    command = ["memory://talks/a.wav", "-o", str(tmp_path / "out"), "--speakers", "none"]
    for said in ("no speech", "1 of 1 are finished already"):
        assert go_by_command(*command, model=model_file) == 0
        told = capsys.readouterr()
        assert said in told.out + told.err
    assert json.loads((tmp_path / "out" / "a.json").read_text())["file"] == "memory://talks/a.wav"
    put("b.flac")  # another version of it
    assert go_by_command(*command, model=model_file) == 0 and "finished already" not in capsys.readouterr().err
    assert not list(temporary.iterdir())
    analyzer = Settings(model_file, None, None, 1).analyzer()
    pd.testing.assert_frame_equal(
        analyzer.file("memory://talks/a.wav", name="a"), analyzer.file(folder / "b.flac", name="a")
    )


def test_what_opens_an_address_is_named_where_it_is_not_there(model_file, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    assert go_by_command("s3://bucket/a.wav", model=model_file) == 1
    assert "install the package s3fs" in capsys.readouterr().err


def test_a_mark_is_another_result(folder, model_file, tmp_path, capsys):
    out = tmp_path / "out"
    for words, marked in (((), False), (("--bom",), True), (("--bom",), True), ((), False)):
        go_by_command(str(folder / "a.wav"), "-o", str(out), "-f", "csv", *words, model=model_file)
        assert (out / "a.csv").read_bytes().startswith(b"\xef\xbb\xbf") == marked
    assert capsys.readouterr().err.count("are finished already") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--workers", "0"], "0 workers can do nothing"),
        (["--workers", "-2"], "-2 workers can do nothing"),
        (["--threads", "-1"], "-1 threads can do nothing"),
        (["--whisper", "large-v3"], "choose whisper-base, or name the folder"),
        (["--whisper", "glove-6b-50d"], "no Whisper 'glove-6b-50d'"),
    ],
)
def test_what_no_setting_can_be_is_one_sentence(words, said, folder, model_file, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["analyze", str(folder / "a.wav"), "--model", str(model_file), *words])
    complaint = capsys.readouterr().err
    assert stop.value.code == 1 and said in complaint and complaint.count("\n") == 1
    if "--whisper" in words:
        assert "MiniLM" not in complaint and "glove-6b-50d," not in complaint
    with pytest.raises(IntoneError, match="-1 threads can do nothing"):
        intone.load(model_file, whisper=None, threads=-1)


def deadly(task: batch.Task) -> batch.Done:
    """As `analyze.one`; one recording ends whoever hears it, another does so once."""
    once = task.path.with_suffix(".heard")
    if task.path.name == "broken.mp3" or (task.path.name == "b.flac" and not once.exists()):
        once.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return REAL(task)


REAL = batch.one


def test_a_worker_that_is_killed_costs_no_more_than_its_file(folder, settings, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(batch, "one", deadly)
    with pytest.raises(Partly, match="1 of 4 files were left out"):
        go(folder, settings, tmp_path / "out", workers=2)
    said = capsys.readouterr().err
    assert said.count("is tried once more") == 2 and said.count("was given up") == 1 and "SIGKILL" in said
    table = pd.read_csv(tmp_path / "out" / resume.LEFT_OUT)
    assert list(table["file"]) == [str(folder / "broken.mp3")]
    assert {p.stem for p in (tmp_path / "out").rglob("*.json")} == {"a", "b"}


def segment(start: float, end: float, emotion: str) -> Segment:
    rest = dict.fromkeys(EMOTIONS, 0.3 / 7) | {emotion: 0.7}
    return Segment(start, end, rest, emotion, "words [said]", (), rest)


def test_the_screen_shows_a_table_and_a_timeline():
    segments = [segment(0, 5, "angry"), segment(5, 6, "calm"), segment(3600, 3605, "sad")]
    account = Account(3700.0, 3600.0, 11.0, 5.0, (LeftOut(3600.0, 3700.0, "damaged"),))
    found = Analysis("a.wav", 3700.0, "m", "en", table("a.wav", segments), curve("a.wav", [], []), account=account)
    counted = "3700.0 s: 3600.0 s heard, 11.0 s of speech (5.0 s without words); 100.0 s left out (100.0 s damaged)"
    plain = terminal.rendered(found, colours=False, width=100)
    assert "words [said]" in plain and "70 %" in plain and "1:00:00.0" in plain and "\x1b" not in plain
    assert " ".join(plain.splitlines()[1:3]).startswith(counted)
    assert "\x1b[38;2;" in terminal.rendered(found, colours=True, width=100)
    line = terminal.timeline(found, 100).plain.split("\n")[0]
    assert len(line) == 100 and line[0] == line[97] == "█" and line[50] == "·"
    assert terminal.summary(found) == f"a.wav: 3 segments, 45 % of the speech angry · {counted}"
    assert terminal.clock(59.96) == "1:00.0"


def test_on_the_screen_unsure_has_a_sign_of_its_own_and_no_grey():
    segments = [segment(0, 5, "neutral"), Segment(5, 10, dict.fromkeys(EMOTIONS, 1 / 8), "unsure", "what")]
    found = Analysis("a.wav", 12.0, "m", "en", table("a.wav", segments), curve("a.wav", [], []))
    plain = terminal.rendered(found, colours=False, width=60)
    assert "● neutral" in plain and "○ unsure" in plain
    line, legend = terminal.timeline(found, 12).plain.split("\n")
    assert line == "█████░░░░░░·" and legend.split() == ["█", "neutral", "░", "unsure"]
    drawn = terminal.timeline(found, 12)
    coloured = "".join(drawn.plain[span.start : span.end] for span in drawn.spans)
    assert "█" in coloured and "░" not in coloured  # the terminal's own colour, which is seen on its background


def test_the_microphone_is_judged_twice_a_second(model_file, monkeypatch):
    spans = iter([[], [(0, 9_000)], [(0, 9_000)], [(0, 9_000)]])
    monkeypatch.setattr(microphone, "speech_spans", lambda *_: next(spans))
    live = Live(Model(model_file, 1))
    block = 0.1 * np.sin(np.arange(RATE // 2) / 9).astype(np.float32)
    said = [live.answer(block) for _ in range(4)]
    assert said[0] == "…" and said[1].split()[0] in EMOTIONS and said[1].split()[2] == "%"
    assert said[3] == "…"  # what was said lies more than 0.7 s back
    for _ in range(9):
        monkeypatch.setattr(microphone, "speech_spans", lambda *_: [])
        live.answer(block)
    assert len(live.recent) == 4 * RATE


def test_listening_without_library_or_device_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(Missing, match=r"pip install \"\.\[listen\]"):
        next(microphone.microphone(None))

    class NoDevice(Exception):
        pass

    def none(*_: object, **__: object) -> None:
        raise NoDevice("no default device")

    monkeypatch.setitem(sys.modules, "sounddevice", SimpleNamespace(InputStream=none, PortAudioError=NoDevice))
    with pytest.raises(IntoneError, match="No microphone can be opened"):
        next(microphone.microphone(None))


def test_a_model_is_kept_under_a_name_if_it_is_the_right_one(model_file, tmp_path, capsys, folder):
    sha256 = file_digest(model_file)
    main(["models", "get", "mine", "--source", str(model_file), "--sha256", sha256])
    main(["analyze", str(folder / "a.wav"), "--model", "mine", "--no-text"])
    assert "no speech" in capsys.readouterr().out
    main(["models", "list"])
    said = capsys.readouterr().out
    (row,) = (line for line in said.splitlines() if line.split()[:1] == ["mine"])
    assert row.split()[-2:] == ["none", "True"]
    assert "mine: largest difference of a logit from the network" in said
    (registry.find("mine").parent / "broken.onnx").write_bytes(b"broken")
    main(["models", "list"])
    again = capsys.readouterr()
    assert again.out == said and "broken.onnx is not a model file" in again.err
    (registry.find("mine").parent / "broken.onnx").unlink()
    main(["models", "get", "far", "--source", model_file.as_uri(), "--sha256", sha256])
    assert registry.find("far").read_bytes() == model_file.read_bytes()
    (tmp_path / "other").write_bytes(b"other")
    for source, mark, reason in (
        (str(model_file), "0" * 64, "another file than"),
        (str(tmp_path / "other"), file_digest(tmp_path / "other"), "not a model file"),
        (str(tmp_path / "nowhere"), sha256, "is not there"),
        (str(model_file), "abc", "64 hexadecimal digits"),
    ):
        with pytest.raises(IntoneError, match=reason):
            registry.add("other", source, mark)
        assert not registry.find("other").is_file()
    with pytest.raises(IntoneError, match="can't be a model's name"):
        registry.add("../x", str(model_file), sha256)
