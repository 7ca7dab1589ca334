"""An ASGI app -> the same app with a line of JSON on stderr for each request: no words, no names, no job's address."""

import json
import re
import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from intone.progress import say

SECRET: Final = re.compile(r"(?<=/v1/jobs/)[^/]+")
"""Parts of addresses that tell of somebody's recording."""


class Log:
    """Writes when, what, how it ended, how long it took and how large the answer was."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, then write its line."""
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        began, status, size = time.time(), 0, 0

        async def counted(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "websocket.accept":
                status = 101
            size += len(message.get("body") or message.get("text") or b"")
            await send(message)

        try:
            await self.app(scope, receive, counted)
        finally:
            line = {
                "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
                "method": scope.get("method", "WEBSOCKET"),
                "path": SECRET.sub("ID", scope["path"]),
                "status": status,
                "seconds": round(time.time() - began, 3),
                "bytes": size,
            }
            say(json.dumps(line))
