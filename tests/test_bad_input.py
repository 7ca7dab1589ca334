"""What each kind of bad input gets: one sentence, a documented exit status, the rest of the batch done, bounded memory.

`TABLE` is the record: each row is how a file comes about, and what is said of it; "" stands for an analysis.
"""

import errno
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intone.audio.recording import Recording
from intone.cli import main
from intone.errors import BadClip, IntoneError
from intone.inference.resume import Journal

RATE = 16_000
TONE = (0.2 * np.sin(np.arange(RATE) / 9)).astype(np.float32)


def wav(path: Path, sound: np.ndarray = TONE, rate: int = RATE, kind: str = "PCM_16") -> None:
    soundfile.write(path, sound, rate, subtype=kind, format="WAV")


def encoded(path: Path, codec: str, container: str, rate: int = 48_000) -> None:
    """A second of the tone by PyAV."""
    import av

    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout="mono")
        sound = (0.2 * np.sin(np.arange(rate) / 27)).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout="mono")
        frame.sample_rate = rate
        fitting = av.AudioResampler(stream.format, "mono", rate, frame_size=stream.frame_size)
        for piece in [*fitting.resample(frame), *fitting.resample(None)]:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))


def patched(place: int, value: bytes) -> Callable[[Path], None]:
    """A WAV with other bytes in its header."""

    def make(path: Path) -> None:
        wav(path)
        data = bytearray(path.read_bytes())
        data[place : place + len(value)] = value
        path.write_bytes(data)

    return make


def in_flac(path: Path) -> None:
    """A FLAC that announces 2^36 - 1 samples."""
    soundfile.write(path, TONE, RATE, format="FLAC")
    data = bytearray(path.read_bytes())
    data[21] |= 0x0F
    data[22:26] = b"\xff" * 4
    path.write_bytes(data)


def in_mp4(box: bytes) -> Callable[[Path], None]:
    """An m4a one of whose boxes announces 4 GB."""

    def make(path: Path) -> None:
        encoded(path, "aac", "mp4")
        data = bytearray(path.read_bytes())
        place = data.index(box) - 4
        data[place : place + 4] = b"\xff\xff\xff\xf0"
        path.write_bytes(data)

    return make


def cut(path: Path, make: Callable[[Path], None], share: float = 0.6) -> None:
    make(path)
    path.write_bytes(path.read_bytes()[: round(path.stat().st_size * share)])


def with_value(value: float) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        sound = TONE.copy()
        sound[5000] = value
        wav(path, sound, kind="FLOAT")

    return make


def unreadable(path: Path) -> None:
    wav(path)
    path.chmod(0)


HUGE = (0xFFFFFFF0).to_bytes(4, "little")
TABLE: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "nothing there": ("a.wav", lambda p: None, "is not there"),
    "empty": ("a.wav", lambda p: p.write_bytes(b""), "empty file"),
    "a header alone": ("a.wav", lambda p: wav(p, np.zeros(0, np.float32)), "holds no sound"),
    "truncated wav": ("a.wav", lambda p: cut(p, wav), ""),
    "truncated flac": ("a.flac", lambda p: cut(p, lambda q: soundfile.write(q, TONE, RATE)), ""),
    "truncated m4a": ("a.m4a", lambda p: cut(p, lambda q: encoded(q, "aac", "mp4")), "has no index"),
    "truncated webm": ("a.webm", lambda p: cut(p, lambda q: encoded(q, "libopus", "webm")), ""),
    "text that is called wav": ("a.wav", lambda p: p.write_text("Kids are talking. " * 99), "not audio"),
    "noise that is called mp3": ("a.mp3", lambda p: p.write_bytes(bytes(range(256)) * 8), "not audio"),
    "zeros that are called mp3": ("a.mp3", lambda p: p.write_bytes(bytes(500)), "not audio"),
    "flac that is called mp3": ("a.mp3", lambda p: soundfile.write(p, TONE, RATE, format="FLAC"), ""),
    "m4a that is called wav": ("a.wav", lambda p: encoded(p, "aac", "mp4"), ""),
    "raw samples": ("a.raw", lambda p: p.write_bytes(TONE.tobytes()), "is no recording"),
    "data chunk of 4 GB": ("a.wav", patched(40, HUGE), ""),
    "riff chunk of 4 GB": ("a.wav", patched(4, HUGE), ""),
    "format chunk of 4 GB": ("a.wav", patched(16, HUGE), "damaged"),
    "flac of 49 days": ("a.flac", in_flac, ""),
    "m4a with 4 GB of samples": ("a.m4a", in_mp4(b"mdat"), ""),
    "m4a with 4 GB of index": ("a.m4a", in_mp4(b"moov"), ""),
    "65535 channels": ("a.wav", patched(22, b"\xff\xff"), "damaged"),
    "no channel": ("a.wav", patched(22, b"\0\0"), "damaged"),
    "4 GHz": ("a.wav", patched(24, HUGE), "damaged"),
    "0 Hz": ("a.wav", patched(24, b"\0\0\0\0"), "damaged"),
    "a codec that isn't": ("a.wav", patched(20, b"\x77\x77"), "damaged"),
    "NaN": ("a.wav", with_value(np.nan), "not numbers"),
    "infinity": ("a.wav", with_value(np.inf), "not numbers"),
    "a sample of 1e30": ("a.wav", with_value(1e30), "full scale is 1"),
    "one sample": ("a.wav", lambda p: wav(p, TONE[:1]), "0.000 s"),
    "50 ms": ("a.wav", lambda p: wav(p, TONE[:800]), "0.050 s"),
    "silence": ("a.wav", lambda p: wav(p, np.zeros(RATE, np.float32)), ""),
    "DC": ("a.wav", lambda p: wav(p, np.full(RATE, 0.5, np.float32)), ""),
    "clipped": ("a.wav", lambda p: wav(p, np.sign(TONE)), ""),
    "8 kHz": ("a.wav", lambda p: wav(p, TONE, 8_000), ""),
    "192 kHz": ("a.wav", lambda p: wav(p, np.repeat(TONE, 12), 192_000), ""),
    "eight channels": ("a.wav", lambda p: wav(p, np.stack([TONE] * 8, 1)), ""),
    "opposite channels": ("a.wav", lambda p: wav(p, np.stack([TONE, -TONE], 1)), ""),
    "8 bits": ("a.wav", lambda p: wav(p, kind="PCM_U8"), ""),
    "24 bits": ("a.wav", lambda p: wav(p, kind="PCM_24"), ""),
    "double precision": ("a.wav", lambda p: wav(p, kind="DOUBLE"), ""),
    "mp3": ("a.mp3", lambda p: encoded(p, "libmp3lame", "mp3"), ""),
    "ogg": ("a.ogg", lambda p: encoded(p, "libopus", "ogg"), ""),
    "unicode name": ("Ünïcödé 怒り 😂.wav", wav, ""),
    "spaces and quotes": (" a 'b' \"c\".wav", wav, ""),
    "a line break in the name": ("a\nb.wav", wav, ""),
    "a name of 255 bytes": ("x" * 251 + ".wav", wav, "name is too long"),
    "a name of 4000 characters": ("x" * 4000 + ".wav", lambda p: None, "can't be read"),
    "a null in the name": ("a\0b.wav", lambda p: None, "can't be read"),
    "a folder without recordings": ("a.wav", lambda p: p.mkdir(), "No recording lies in"),
    "a pipe": ("a.wav", lambda p: os.mkfifo(p), "a pipe or a device"),
    "a link to itself": ("a.wav", lambda p: p.symlink_to(p), "can't be read"),
    "no permission": ("a.wav", unreadable, "permission denied"),
}


@pytest.mark.parametrize("kind", TABLE)
def test_bad_input_gets_what_the_table_says(kind, tmp_path, model_file, capfd):
    name, make, said = TABLE[kind]
    if kind == "no permission" and os.geteuid() == 0:
        pytest.skip("root may read everything")
    good, bad, out = tmp_path / "good.wav", tmp_path / name, tmp_path / "out"
    wav(good)
    make(bad)
    code = 0
    try:
        main(["analyze", str(bad), str(good), "-o", str(out), "--model", str(model_file), "--no-text"])
    except SystemExit as stop:
        code = stop.code
    shown = capfd.readouterr()
    assert json.loads((out / "good.json").read_text())["segments"] == []
    assert code == (3 if said else 0)
    lines = [line for line in shown.err.splitlines() if line.startswith("left out: ")]
    assert len(lines) == bool(said) and all(said in line and line.endswith(".") for line in lines)
    assert "Traceback" not in shown.err and "please report" not in shown.err
    assert not [line for line in shown.err.splitlines() if line.startswith("Note:")]  # a decoder's own complaints
    assert len(list(out.glob("*.json"))) == 1 + (not said)


def test_a_folder_given_as_a_recording_is_named(tmp_path):
    with pytest.raises(BadClip, match="is a folder"):
        list(Recording.of_file(tmp_path).blocks())


def test_a_folder_that_cannot_be_written_ends_it_at_once(tmp_path, model_file, capsys):
    wav(tmp_path / "a.wav")
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(SystemExit) as stop:
        main(["analyze", str(tmp_path / "a.wav"), "-o", str(tmp_path / "out"), "--model", str(model_file), "--no-text"])
    assert stop.value.code == 1 and "choose another folder" in capsys.readouterr().err


def test_a_folder_without_permission_ends_it_at_once(tmp_path, model_file, capsys):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    wav(tmp_path / "a.wav")
    (tmp_path / "out").mkdir(mode=0o500)
    with pytest.raises(SystemExit) as stop:
        main(["analyze", str(tmp_path / "a.wav"), "-o", str(tmp_path / "out"), "--model", str(model_file), "--no-text"])
    assert stop.value.code == 1 and "permission denied" in capsys.readouterr().err


def test_a_disk_that_fills_up_under_the_journal_is_one_sentence(tmp_path, monkeypatch):
    finished = Journal(tmp_path, "settings")
    monkeypatch.setattr(Path, "open", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
    with pytest.raises(IntoneError, match="make room, and the same command goes on"):
        finished.add(tmp_path / "a.wav", [])


def test_a_full_disk_ends_it_and_keeps_what_is_finished(tmp_path, model_file, capsys, monkeypatch):
    from intone.cache import write_whole

    def fills_up(path: Path, data: bytes) -> None:
        if path.name == "b.json":
            raise OSError(errno.ENOSPC, "No space left on device")
        write_whole(path, data)

    monkeypatch.setattr("intone.inference.formats.write_whole", fills_up)
    for name in ("a.wav", "b.wav", "c.wav"):
        wav(tmp_path / name)
    with pytest.raises(SystemExit) as stop:
        main(["analyze", str(tmp_path), "-o", str(tmp_path / "out"), "--model", str(model_file), "--no-text"])
    assert stop.value.code == 1 and "make room, and the same command goes on" in capsys.readouterr().err
    assert [p.name for p in (tmp_path / "out").glob("*.json")] == ["a.json"]


CONTAINERS: dict[str, Callable[[Path], None]] = {
    "wav": wav,
    "flac": lambda p: soundfile.write(p, TONE, RATE, format="FLAC"),
    "ogg": lambda p: soundfile.write(p, TONE, RATE, format="OGG"),
    "mp3": lambda p: encoded(p, "libmp3lame", "mp3"),
    "m4a": lambda p: encoded(p, "aac", "mp4"),
    "webm": lambda p: encoded(p, "libopus", "webm"),
    "mp4": lambda p: encoded(p, "libmp3lame", "mp4"),
    "opus": lambda p: encoded(p, "libopus", "ogg"),
    "mkv": lambda p: encoded(p, "aac", "matroska"),
    "aiff": lambda p: soundfile.write(p, TONE, RATE, format="AIFF"),
}

LISTEN = """
import resource, sys
from pathlib import Path
from intone.errors import IntoneError
from intone.audio.recording import Recording

resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
import av, soxr
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
outcomes = []
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        seconds = sum(len(block) for block in Recording.of_file(path).blocks()) / 16000
        assert seconds < 100, (path, seconds)
        outcomes.append("heard")
    except IntoneError as problem:
        text = str(problem)
        assert text.endswith(".") and "\\n" not in text, text
        outcomes.append("refused")
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
print(outcomes.count("heard"), outcomes.count("refused"), grown)
"""


@pytest.mark.parametrize("container", CONTAINERS)
def test_mutated_headers_are_heard_or_refused_in_little_memory(container, tmp_path):
    """Each in its own process, whose crash would be seen: bytes among the first 300 are changed, 60 times."""
    (tmp_path / "in").mkdir()
    whole = tmp_path / f"whole.{container}"
    CONTAINERS[container](whole)
    draw = np.random.default_rng(list(container.encode()))
    for number in range(60):
        data = bytearray(whole.read_bytes())
        for place in draw.integers(0, min(300, len(data)), size=int(draw.integers(1, 9))):
            data[place] = int(draw.choice([0, 1, 0x7F, 0x80, 0xFF, int(draw.integers(256))]))
        (tmp_path / "in" / f"{number:02d}.{container}").write_bytes(data)
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}  # each of a core's own reserves some of the address space
    done = subprocess.run(
        [sys.executable, "-c", LISTEN, str(tmp_path / "in")],
        capture_output=True,
        text=True,
        check=False,
        env=one_thread,
    )
    assert done.returncode == 0, done.stderr
    heard, refused, megabytes = map(int, done.stdout.split())
    assert heard + refused == 60 and megabytes < 300


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=400), head=st.sampled_from([b"", b"RIFF\x24\x00\x00\x00WAVEfmt ", b"fLaC", b"OggS", b"ID3"])
)
def test_any_bytes_are_refused_in_one_sentence(data, head, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(head + data)
    try:
        assert sum(map(len, Recording.of_file(path).blocks())) > 0
    except BadClip as problem:
        assert str(problem).endswith(".") and "\n" not in str(problem) and str(path) in str(problem)


def test_a_day_of_sound_takes_the_memory_of_a_minute(tmp_path):
    """24 hours at 16 kHz in a sparse file: decoded and measured, block by block."""
    path = tmp_path / "day.wav"
    frames = 24 * 3600 * 16_000
    head = b"RIFF" + (36 + 2 * frames).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    head += b"\1\0\1\0" + (16_000).to_bytes(4, "little") + (32_000).to_bytes(4, "little") + b"\2\0\x10\0"
    with path.open("wb") as f:
        f.write(head + b"data" + (2 * frames).to_bytes(4, "little"))
        f.truncate(44 + 2 * frames)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    heard = sum(len(block) for block in Recording.of_file(path).blocks())
    assert heard == frames
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024 < 200
