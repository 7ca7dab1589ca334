"""Connections that may be slow, but not for ever, and not too many at once: what uvicorn leaves to a proxy before it.

A connection is looked at once a second: who doesn't finish a request's head, who goes on sending what was refused, and
who doesn't fetch the answer is cut off. The time of a recording's upload is kept where it is read (upload.py).
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Final

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from intone.inference.serve.guard import HEADERS

MAX_CONNECTIONS: Final = 64
"""Connections at once; one is one file of the process, and some systems allow 256."""

MAX_ACCEPTED: Final = 32
"""Connections that are taken before any of them is looked at."""

QUEUE: Final = 128
"""Connections that the system keeps until they are taken."""

HEAD, REST, ANSWER = "head", "rest", "answer"

PATIENCE: Final = {HEAD: 10.0, REST: 30.0, ANSWER: 30.0}
"""Seconds for a request's head, for what is left of a body that was answered already, and for fetching the answer."""

SLOWEST: Final = 10_000
"""Bytes a second at which an answer has to be fetched, on average."""

LOOK: Final = 1.0
"""Seconds between two looks."""


class Connection(H11Protocol):
    """One of a bounded number, that is cut off where it keeps the service waiting."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Refused in a sentence where there are too many."""
        super().connection_made(transport)
        self._since, self._unsent = self.loop.time(), 0
        self._state: tuple[str, Any] = (HEAD, None)
        self._watch = self.loop.call_later(LOOK, self._look)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.write(raw(503, "Too many connections are open: send it again in a minute."))
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to look at any more."""
        self._watch.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What isn't HTTP is told so as everything else is."""
        self.transport.write(raw(400, "The request isn't HTTP as it should be."))
        self.transport.close()

    def _look(self) -> None:
        now, unsent = self.loop.time(), self.transport.get_write_buffer_size()
        state = (self._waited_for(unsent), self.cycle)
        if state != self._state:
            self._since, self._state, self._unsent = now, state, unsent
        patience = PATIENCE.get(state[0], float("inf")) + (self._unsent - unsent) / SLOWEST
        if now - self._since > patience:
            self.transport.abort()
        else:
            self._watch = self.loop.call_later(LOOK, self._look)

    def _waited_for(self, unsent: int) -> str:
        """What the client is waited for with; "" while the service is at work."""
        if unsent:
            return ANSWER
        if self.cycle is not None and not self.cycle.response_complete:
            return ""
        return REST if self.conn.their_state is h11.SEND_BODY else HEAD


class Server(uvicorn.Server):
    """One that takes few connections at a time, and tells whoever waits that it stops before it closes theirs."""

    def __init__(self, config: uvicorn.Config, stop: Callable[[], None]) -> None:
        super().__init__(config)
        self.stop = stop

    async def startup(self, sockets: Any = None) -> None:
        """As uvicorn's, which knows one number for what it takes at once and for what the system keeps."""
        await super().startup(sockets)
        for door in sockets or ():
            door.listen(QUEUE)

    async def shutdown(self, sockets: Any = None) -> None:
        """As uvicorn's, after `stop`."""
        self.stop()
        await super().shutdown(sockets)


def raw(status: int, sentence: str) -> bytes:
    """A whole answer to someone whose request isn't read."""
    body = json.dumps({"error": sentence}).encode()
    own = {**HEADERS, "Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
    head = "".join(f"{name}: {value}\r\n" for name, value in own.items())
    phrase = {400: "Bad Request", 503: "Service Unavailable"}[status]
    return f"HTTP/1.1 {status} {phrase}\r\n{head}\r\n".encode() + body
