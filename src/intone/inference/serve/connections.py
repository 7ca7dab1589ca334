"""Limits on the number and the slowness of connections, which uvicorn leaves to a proxy in front of it.

Each connection is checked once a second: a client is cut off that doesn't finish a request's head, continues to send a
body that was refused, or doesn't read the response. The time of a recording's upload is limited where it is read
(upload.py).
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
"""Most connections at once; each is an open file of the process, and some systems allow 256."""

MAX_ACCEPTED: Final = 32
"""Connections that are accepted before any of them is checked."""

QUEUE: Final = 128
"""Connections that the system keeps until they are accepted."""

HEAD, REST, ANSWER = "head", "rest", "answer"

PATIENCE: Final = {HEAD: 10.0, REST: 30.0, ANSWER: 30.0}
"""Seconds for a request's head, for the rest of a body that was answered already, and for reading the response."""

SLOWEST: Final = 10_000
"""Bytes per second at which a response has to be read, on average."""

LOOK: Final = 1.0
"""Seconds between two checks."""


class Connection(H11Protocol):
    """One of a limited number of connections; it is cut off where it keeps the service waiting."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Refuse the connection, with a sentence, where there are too many."""
        super().connection_made(transport)
        self._since, self._unsent = self.loop.time(), 0
        self._state: tuple[str, Any] = (HEAD, None)
        self._watch = self.loop.call_later(LOOK, self._look)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.write(raw(503, "Too many connections are open: send it again in a minute."))
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the checks."""
        self._watch.cancel()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection to another protocol; its own limits are stream.py's."""
        self._watch.cancel()
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        """Answer a request that isn't HTTP in the same form as any other error."""
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
        """What the service waits for from the client; "" while the service is at work."""
        if unsent:
            return ANSWER
        if self.cycle is not None and not self.cycle.response_complete:
            return ""
        return REST if self.conn.their_state is h11.SEND_BODY else HEAD


class Server(uvicorn.Server):
    """A server that accepts few connections at a time, and answers waiting clients before it closes."""

    def __init__(self, config: uvicorn.Config, stop: Callable[[], None]) -> None:
        super().__init__(config)
        self.stop = stop

    async def startup(self, sockets: Any = None) -> None:
        """As uvicorn's, which has only one number for connections accepted at once and kept by the system."""
        await super().startup(sockets)
        for door in sockets or ():
            door.listen(QUEUE)

    async def shutdown(self, sockets: Any = None) -> None:
        """As uvicorn's, after `stop`."""
        self.stop()
        await super().shutdown(sockets)


def raw(status: int, sentence: str) -> bytes:
    """A complete response to a client whose request isn't read."""
    body = json.dumps({"error": sentence}).encode()
    own = {**HEADERS, "Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
    head = "".join(f"{name}: {value}\r\n" for name, value in own.items())
    phrase = {400: "Bad Request", 503: "Service Unavailable"}[status]
    return f"HTTP/1.1 {status} {phrase}\r\n{head}\r\n".encode() + body
