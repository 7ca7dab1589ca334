"""Standard input is a file for as long as it is needed; every command that takes it says what is wrong of `stdin`."""

import errno
import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from intone.asr import transcribe
from intone.audio.spool import ending, name_of, spooled
from intone.errors import BadClip, IntoneError, Partly


class Says:
    """A backend that hears the same words in everything."""

    settings: dict[str, str] = {}  # noqa: RUF012

    def words(self, signal: np.ndarray) -> str:
        return "Kids are talking."


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files are made."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def sound(place: Path) -> bytes:
    path = place / "a.wav"
    soundfile.write(path, 0.1 * np.sin(np.arange(16_000) / 9), 16_000)
    data = path.read_bytes()
    path.unlink()
    return data


def test_it_is_a_file_until_the_block_ends(place):
    with spooled(b"sound", "talk.mp3") as path:
        assert path.read_bytes() == b"sound" and path.suffix == ".mp3" and path.is_relative_to(place)
    assert not [*place.iterdir()]
    with pytest.raises(BadClip, match=r"^a talk\.mp3 is bad\.$"), spooled(b"sound", "a talk.mp3") as path:
        raise BadClip(f"{path} is bad.")
    assert not [*place.iterdir()]


def test_no_path_is_made_of_a_strangers_name(place):
    for name in ("../../etc/passwd", "a/../b.mp3", "x" * 5000 + ".wav", "a\0b", "é.ü", ""):
        with spooled(b"sound", name) as path:
            assert path.parent.parent == place and path.name in ("recording", "recording.mp3", "recording.wav")
    assert ending("a.tar.gz") == ".gz" and name_of(io.BytesIO()) == "recording"


def test_a_full_disk_is_one_sentence_and_leaves_nothing(place, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(IntoneError, match=r"no space left on device\): make room there, or set TMPDIR"):
        spooled(b"sound", "stdin").__enter__()
    assert not [*place.iterdir()]


def test_transcribe_takes_standard_input_too(place, sound, monkeypatch, capsys):
    monkeypatch.setattr(transcribe, "recogniser_of", lambda *_: Says())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(sound)))
    with pytest.raises(Partly, match="1 of 2 files"):
        transcribe.transcribe((Path("-"), Path(os.fsdecode(b"caf\xe9.wav"))))
    said = capsys.readouterr()
    assert said.out == "stdin\tKids are talking.\n" and r"left out: caf\xe9.wav is not there." in said.err
    assert not [*place.iterdir()]


def test_what_is_wrong_with_standard_input_is_said_of_it(place, monkeypatch, capsys):
    monkeypatch.setattr(transcribe, "recogniser_of", lambda *_: Says())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(IntoneError, match="No file could be transcribed"):
        transcribe.transcribe((Path("-"),))
    assert "left out: stdin is an empty file." in capsys.readouterr().err
