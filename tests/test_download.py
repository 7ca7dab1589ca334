import hashlib
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from intone.download import fetch, unpack
from intone.errors import IntoneError

DATA = np.random.default_rng(0).bytes(1_000_000)
CHECKSUM = f"md5:{hashlib.md5(DATA).hexdigest()}"


class Server(ThreadingHTTPServer):
    """One file at every path, with the bad habits that tests ask for."""

    ranges = True
    breaks: list[int]
    """Bytes after which each of the next answers breaks off."""
    status = 200
    asked: list[str | None]
    """The Range header of each request."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append(wanted)
        if self.server.status != 200:
            self.send_error(self.server.status)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.server.ranges else 0
        if start >= len(DATA):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(DATA) - start))
        self.end_headers()
        stop = start + self.server.breaks.pop(0) if self.server.breaks else None
        self.wfile.write(DATA[start:stop])

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as running:
        running.breaks, running.asked = [], []
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield running
        running.shutdown()


def url(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}/clips.zip?download=1"


def test_a_file_comes_whole_and_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    path = fetch(url(server), tmp_path / "new" / "clips.zip", CHECKSUM)
    assert path.read_bytes() == DATA and [p.name for p in path.parent.iterdir()] == ["clips.zip"]
    fetch(url(server), path, CHECKSUM)
    assert server.asked == [None]


def test_a_killed_download_goes_on(server: Server, tmp_path: Path) -> None:
    server.breaks = [300_000]
    with pytest.raises(IntoneError, match=r"broke off after 0\.3 MB .* run the same command again"):
        fetch(url(server), tmp_path / "clips.zip", CHECKSUM, tries=1)
    assert not (tmp_path / "clips.zip").exists()
    assert fetch(url(server), tmp_path / "clips.zip", CHECKSUM).read_bytes() == DATA
    assert server.asked == [None, "bytes=300000-"]


def test_a_broken_connection_is_tried_again_at_once(server: Server, tmp_path: Path) -> None:
    server.breaks = [100_000, 200_000]
    assert fetch(url(server), tmp_path / "clips.zip", CHECKSUM, pause=0.01).read_bytes() == DATA
    assert server.asked == [None, "bytes=100000-", "bytes=300000-"]


def test_a_server_without_ranges_starts_again(server: Server, tmp_path: Path) -> None:
    server.ranges, server.breaks = False, [300_000]
    assert fetch(url(server), tmp_path / "clips.zip", CHECKSUM, pause=0.01).read_bytes() == DATA
    assert server.asked == [None, "bytes=300000-"]


def test_a_part_that_was_already_whole_is_taken(server: Server, tmp_path: Path) -> None:
    (tmp_path / "clips.zip.part").write_bytes(DATA)
    assert fetch(url(server), tmp_path / "clips.zip", CHECKSUM).read_bytes() == DATA


def test_a_wrong_checksum_is_refused_in_one_sentence_and_nothing_stays(server: Server, tmp_path: Path) -> None:
    with pytest.raises(IntoneError) as caught:
        fetch(url(server), tmp_path / "clips.zip", f"md5:{'0' * 32}")
    text = str(caught.value)
    assert url(server) in text and CHECKSUM[4:] in text and "\n" not in text and text.endswith(".")
    assert not list(tmp_path.iterdir())


def test_a_refusal_is_not_tried_again(server: Server, tmp_path: Path) -> None:
    server.status = 404
    with pytest.raises(IntoneError, match="answers 404"):
        fetch(url(server), tmp_path / "clips.zip", CHECKSUM, pause=0.01)
    assert len(server.asked) == 1


def test_passing_trouble_is_tried_again_and_then_told(server: Server, tmp_path: Path) -> None:
    server.status = 503
    with pytest.raises(IntoneError, match="503"):
        fetch(url(server), tmp_path / "clips.zip", CHECKSUM, tries=3, pause=0.01)
    assert len(server.asked) == 3


def test_without_a_network_the_sentence_says_so(tmp_path: Path) -> None:
    with pytest.raises(IntoneError, match="run the same command again"):
        fetch("http://127.0.0.1:9/clips.zip", tmp_path / "clips.zip", CHECKSUM, tries=1)


def test_unpack_writes_what_it_is_told_and_leaves_no_half(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr("deep/one.wav", b"one")
        z.writestr("two.txt", b"two")
    out = unpack(archive, tmp_path / "out", lambda name: Path(name).name if name.endswith(".wav") else None)
    assert out == [tmp_path / "out" / "one.wav"] and out[0].read_bytes() == b"one"
    spoiled = bytearray(archive.read_bytes())
    spoiled[spoiled.find(b"one", 40)] ^= 1  # the member's own bytes, so that its CRC no longer fits
    archive.write_bytes(spoiled)
    with pytest.raises(IntoneError, match="not a whole zip"):
        unpack(archive, tmp_path / "again", lambda name: name)
    assert not [p for p in (tmp_path / "again").rglob("*") if p.is_file()]
    archive.write_bytes(b"not a zip")
    with pytest.raises(IntoneError, match="not a whole zip"):
        unpack(archive, tmp_path / "again", lambda name: name)
    with pytest.raises(IntoneError, match="is not there"):
        unpack(tmp_path / "absent.zip", tmp_path / "again", lambda name: name)
