"""Connections: slow ones are cut off, too many refused, and whoever is quick enough notices nothing."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from unittest.mock import Mock

import pytest
import uvicorn
from fastapi import HTTPException
from starlette.requests import Request

from intone.inference.serve import connections, listening, upload
from intone.inference.serve.connections import HEAD, PATIENCE, REST, SLOWEST, Connection, Server
from intone.inference.serve.guard import HEADERS


async def large(scope, receive, send) -> None:
    """An answer that no system keeps in its buffers."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": bytes(50_000_000)})


class Clock:
    """Of an event loop that has only that, and one thing to do."""

    def __init__(self) -> None:
        self.now, self.next = 0.0, None

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, call: Callable, *given: object) -> Mock:
        if delay == connections.LOOK:
            self.next = call
        return Mock()

    def create_task(self, work: Coroutine) -> Mock:
        work.close()
        return Mock()

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds)):
            self.now += 1
            self.next()


class Transport:
    """What a connection does with its line."""

    unsent, cut, closed, written = 0, False, False, b""

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def abort(self) -> None:
        self.cut = True

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: bytes) -> None:
        self.written += data

    def get_extra_info(self, _: str) -> None:
        return None

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def connected() -> tuple[Connection, Clock, Transport]:
    config = uvicorn.Config(large, http=Connection, ws="none", lifespan="off", log_config=None)
    config.load()
    clock, transport = Clock(), Transport()
    made = Connection(config, uvicorn.server.ServerState(), {}, clock)
    made.connection_made(transport)
    return made, clock, transport


def answered(made: Connection) -> None:
    """The request that is at work gets an answer without a body."""
    asyncio.run(made.cycle.send({"type": "http.response.start", "status": 204, "headers": []}))
    asyncio.run(made.cycle.send({"type": "http.response.body", "body": b""}))


ASK = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
SEND = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"


@pytest.mark.parametrize("drop", [b"", b"a"])
def test_who_does_not_finish_a_head_is_cut_off(drop):
    made, clock, transport = connected()
    for _ in range(int(PATIENCE[HEAD])):
        if drop:
            made.data_received(drop)
        clock.wait(1)
        assert not transport.cut
    clock.wait(2)
    assert transport.cut


def test_who_asks_again_and_again_is_not():
    made, clock, transport = connected()
    for _ in range(10 * int(PATIENCE[HEAD])):
        made.data_received(ASK)
        answered(made)
        clock.wait(1)
    assert not transport.cut


def test_while_the_service_is_at_work_nobody_is_cut_off():
    made, clock, transport = connected()
    made.data_received(ASK)
    clock.wait(4000)
    assert not transport.cut


def test_who_goes_on_sending_what_was_refused_is_cut_off():
    made, clock, transport = connected()
    made.data_received(SEND)
    answered(made)
    for _ in range(int(PATIENCE[REST])):
        made.data_received(b"a")
        clock.wait(1)
        assert not transport.cut
    clock.wait(2)
    assert transport.cut


@pytest.mark.parametrize(("fetched", "kept"), [(0, False), (SLOWEST // 2, False), (2 * SLOWEST, True)])
def test_who_does_not_fetch_the_answer_is_cut_off(fetched, kept):
    made, clock, transport = connected()
    made.data_received(ASK)
    transport.unsent = 1000 * SLOWEST
    answered(made)
    for _ in range(200):
        if not transport.cut:
            clock.wait(1)
        transport.unsent -= fetched
    assert transport.cut is not kept


@pytest.fixture
def live() -> Iterator[Callable[..., socket.socket]]:
    """Connects to a server in a thread of this process."""
    with listening("127.0.0.1", 0) as door:
        config = uvicorn.Config(large, http=Connection, ws="none", lifespan="off", log_config=None)
        server = Server(config, lambda: None)
        thread = threading.Thread(target=server.run, args=([door],))
        thread.start()
        place = door.getsockname()
        yield lambda: closing(socket.create_connection(place, timeout=60))
        server.should_exit = True
        thread.join(60)


def said(sock: socket.socket) -> tuple[str, str]:
    """The head and the sentence of an answer that ends the connection."""
    data = b""
    while part := sock.recv(65_536):
        data += part
    head, _, body = data.decode().partition("\r\n\r\n")
    for name, value in HEADERS.items():
        assert f"{name}: {value}\r\n" in head + "\r\n"
    return head.splitlines()[0], json.loads(body)["error"]


def test_too_many_connections_are_refused_in_a_sentence(live, monkeypatch):
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 1)
    with live() as first:
        first.sendall(b"GET / HT")
        with live() as second:
            assert said(second) == (
                "HTTP/1.1 503 Service Unavailable",
                "Too many connections are open: send it again in a minute.",
            )


def test_what_is_not_http_is_refused_in_a_sentence(live):
    with live() as sock:
        sock.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert said(sock) == ("HTTP/1.1 400 Bad Request", "The request isn't HTTP as it should be.")


def test_a_large_answer_arrives_whole(live):
    with live() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        got = 0
        while part := sock.recv(1 << 20):
            got += len(part)
    assert got > 50_000_000


@pytest.mark.parametrize(("drop", "idle"), [(0, 0.1), (1, 0.1)])
def test_an_upload_that_is_too_slow_is_refused(drop, idle, tmp_path, monkeypatch):
    monkeypatch.setattr(upload, "IDLE", idle)
    monkeypatch.setattr(upload, "SLOWEST", 1_000_000)
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    came = 0

    async def receive() -> dict:
        nonlocal came
        came += 1
        await asyncio.sleep(0.01 if drop else 3600)
        return {"type": "http.request", "body": head if came == 1 else b"a" * drop, "more_body": True}

    scope = {"type": "http", "headers": [(b"content-type", b"multipart/form-data; boundary=x")]}
    with pytest.raises(HTTPException, match="too slowly") as refused:
        asyncio.run(upload.received(Request(scope, receive), tmp_path, 1))
    assert refused.value.status_code == 408
