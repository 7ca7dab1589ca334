"""A client's request with a recording -> it is taken or refused: bounds on the queue, each client and its rate."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from fastapi import HTTPException, Request

MINUTE_S: Final = 60.0


def address(request: Request) -> str:
    """By what clients are told apart: their address."""
    return request.client.host if request.client else ""


@dataclass
class Admission:
    """Bounds for all clients together and for each one."""

    waiting: int
    """Most recordings that are uploaded, wait or are analysed."""
    per_client: int
    """Most of them of one client."""
    rate: int = 0
    """Most recordings that a client may send in a minute; 0: any number."""
    busy: Callable[[str | None], int] = lambda client: 0
    """Accepted jobs without an answer: all, or a client's."""
    held: Counter[str] = field(default_factory=Counter)
    """Client -> its requests that are being received or answered."""
    sent: dict[str, deque[float]] = field(default_factory=dict)
    """Client -> times of its requests within the last minute."""

    @contextmanager
    def admitted(self, client: str) -> Iterator[None]:
        """While a request is received or answered; raises HTTPException where one more is too many."""
        self._check(client)
        self.held[client] += 1
        try:
            yield
        finally:
            self.held[client] -= 1
            self.held += Counter()  # forgets clients that have none

    def _check(self, client: str) -> None:
        if self.held.total() + self.busy(None) >= self.waiting:
            full = f"{self.waiting} recordings are waiting already: send it again in a minute."
            raise HTTPException(503, full, {"Retry-After": "60"})
        if self.held[client] + self.busy(client) >= self.per_client:
            much = f"{self.per_client} recordings of yours are waiting already: send it again when one is done."
            raise HTTPException(429, much, {"Retry-After": "30"})
        if self.rate:
            self._count(client)

    def _count(self, client: str) -> None:
        """Note a request of a client; raises HTTPException where it is one too many in a minute."""
        now = time.monotonic()
        self.sent = {name: times for name, times in self.sent.items() if times[-1] > now - MINUTE_S}
        times = self.sent.setdefault(client, deque())
        while times and times[0] <= now - MINUTE_S:
            times.popleft()
        if len(times) >= self.rate:
            left = max(1, round(times[0] + MINUTE_S - now))
            much = f"{self.rate} recordings in a minute are enough: wait {left} s."
            raise HTTPException(429, much, {"Retry-After": str(left)})
        times.append(now)
