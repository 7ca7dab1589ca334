"""However the service ends: whoever waits is answered, no recording stays behind, and the child goes with it."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from test_bad_input import wav

from intone.client import Client
from intone.inference.serve import ended_as_by_ctrl_c, folder
from intone.inference.serve.folder import LOCK, PREFIX

FORM = b'--x\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n'


@contextmanager
def running(model_file: Path, temporary: Path, *flags: str) -> Iterator[tuple[subprocess.Popen, int]]:
    """`intone serve` with an analyzer that gets stuck (wedged.py), in a process group of its own, and its port."""
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    command = [sys.executable, "-m", "wedged", str(model_file), *flags]
    own = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": path}
    with subprocess.Popen(command, env=own, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            yield process, int(re.search(r"http://127\.0\.0\.1:(\d+)/", process.stderr.readline())[1])
        finally:
            process.kill()


def sent(port: int, name: bytes, sound: bytes, whole: bool) -> socket.socket:
    """A connection over which a recording was sent, or the beginning of one."""
    body = FORM % name + sound + b"\r\n--x--\r\n"
    head = b"POST /analyze HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    made = socket.create_connection(("127.0.0.1", port), timeout=60)
    made.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + (body if whole else body[:-9]))
    return made


def lying(temporary: Path) -> list[Path]:
    """Recordings that lie there whole or in part."""
    return list(temporary.glob("*/*/recording.wav"))


def until(true, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < end:
        time.sleep(0.02)
    return bool(found)


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM"])
def test_whoever_waits_is_answered_and_nothing_stays(how, model_file, tmp_path, temporary):
    """One recording is analysed, one waits, one arrives; Ctrl-C goes to the child too, as a terminal sends it."""
    wav(tmp_path / "a.wav")
    sound = (tmp_path / "a.wav").read_bytes()
    with running(model_file, temporary) as (process, port):
        waiting = [sent(port, b"a.wav", sound, whole) for whole in (True, False)]
        waiting.append(sent(port, b"busy", sound, True))
        assert until(lambda: len(list(temporary.glob("*/*/recording*"))) >= 2)
        (os.killpg if how == "SIGINT" else os.kill)(process.pid, getattr(signal, how))
        answers = [b"".join(iter(lambda s=s: s.recv(65_536), b"")).decode() for s in waiting]
        assert process.wait(60) == 0 and process.stderr.read() == ""
    for answer in answers[1:]:
        assert answer.startswith("HTTP/1.1 503 ")
        assert json.loads(answer.partition("\r\n\r\n")[2])["error"].startswith("intone was stopped before")
    assert not list(temporary.iterdir())


def test_what_a_killed_service_left_is_swept_by_the_next(model_file, tmp_path, temporary):
    wav(tmp_path / "a.wav")
    with running(model_file, temporary) as (process, port), sent(port, b"busy.wav", b"RIFF", False):
        assert until(lambda: lying(temporary))
        child = children(process.pid)
        process.kill()
        process.wait(60)
    assert lying(temporary)
    assert until(lambda: not any(map(alive, child))) and child
    with folder.folder() as fresh:
        assert list(temporary.iterdir()) == [fresh]
    assert not list(temporary.iterdir())


def children(pid: int) -> list[int]:
    """Processes that a process started."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    return [own for own, parent in pairs if parent == pid]


def alive(pid: int) -> bool:
    """Whether it runs; who has ended and isn't waited for doesn't."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(shown.strip()) and not shown.startswith("Z")


def test_only_folders_of_services_that_are_gone_are_swept(temporary):
    for name in ("intone-serve-a-person's", "intone-other", "elsewhere"):
        (temporary / name).mkdir()
        (temporary / name / "recording.wav").write_bytes(b"RIFF")
    (temporary / "elsewhere" / LOCK).touch()
    (temporary / f"{PREFIX}link").symlink_to(temporary / "elsewhere")
    (temporary / f"{PREFIX}file").write_bytes(b"")
    before = sorted(temporary.rglob("*"))
    with folder.folder() as first:
        (first / "recording.wav").write_bytes(b"RIFF")
        folder.sweep(temporary)
        with folder.folder() as second:
            assert (first / "recording.wav").exists() and second != first
            assert first.stat().st_mode & 0o077 == 0
    assert sorted(temporary.rglob("*")) == before


def test_a_folder_that_was_left_goes(temporary):
    left = temporary / f"{PREFIX}left"
    (left / "tmp1").mkdir(parents=True)
    (left / "tmp1" / "recording.wav").write_bytes(b"RIFF")
    (left / LOCK).touch()
    folder.sweep(temporary)
    assert not list(temporary.iterdir())


@pytest.mark.parametrize("ctrl_c", [signal.SIG_IGN, signal.default_int_handler])
def test_a_signal_that_is_ignored_stays_so(ctrl_c):
    """SIGINT is, in what a script starts in the background."""
    before = {kind: signal.getsignal(kind) for kind in (signal.SIGHUP, signal.SIGINT)}
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, ctrl_c)
    try:
        with ended_as_by_ctrl_c():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def test_each_accepted_job_has_one_answer_though_worker_and_service_are_killed(model_file, tmp_path, temporary):
    """One job's recording kills its worker; the service is killed while one is analysed and others wait."""
    wav(tmp_path / "a.wav")
    state = ("--state", str(tmp_path / "state"), "--workers", "1", "--no-text")
    with running(model_file, temporary, *state) as (process, port):
        client = Client(f"http://127.0.0.1:{port}")
        names = ("dead", "busy", "one.wav", "two.wav", "three.wav")
        for name in names:
            shutil.copy(tmp_path / "a.wav", tmp_path / name)
        jobs = {name: client.submit(tmp_path / name)["id"] for name in names}
        assert until(lambda: client.job(jobs["dead"])["state"] == "failed")
        assert until(lambda: client.job(jobs["busy"])["state"] == "running")
        process.kill()
        process.wait(60)
    with running(model_file, temporary, *state) as (process, port):
        client = Client(f"http://127.0.0.1:{port}")
        assert until(lambda: client.job(jobs["busy"])["state"] == "running")
        client.cancel(jobs["busy"])
        for name in ("one.wav", "two.wav", "three.wav"):
            found = json.loads(client.result(jobs[name]))
            assert found["file"] == name and len(found["segments"]) >= 0
        assert client.job(jobs["dead"])["state"] == "failed"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert not list((tmp_path / "state").glob("*/recording*"))
