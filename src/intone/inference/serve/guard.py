"""An ASGI app -> the same app behind checks of access, with security headers on its responses.

A web page from elsewhere must not reach the service: neither by its own name for this machine's address (DNS rebinding:
the Host is checked) nor by a cross-origin request (the Origin is checked).
"""

import hashlib
import hmac
import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from intone.inference.formats.html import script_hashes

PROBES: Final = ("/healthz", "/readyz")
"""Addresses that want no token: a container's health check has none, and the answer is one word."""

HEADERS: Final = {
    # Results are shown in a frame with scripts inside, which are known by their digests; wavesurfer.js makes styles.
    "Content-Security-Policy": "default-src 'none'; script-src 'self' "
    + " ".join(f"'{mark}'" for mark in script_hashes())
    + "; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "connect-src 'self' data:; frame-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # With no-referrer, browsers would send the page's own origin as null.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Headers of every response."""


@dataclass(frozen=True)
class Hosts:
    """Host names by which the service may be requested."""

    names: frozenset[str] = frozenset()
    """Besides the loopback names."""
    allowed: frozenset[str] = frozenset()
    """Names of `--allow`, also allowed as Origin: a proxy may request the service by another name than the browser."""
    open: bool = False
    """Whether other machines have access; then any address is allowed, as it can't be rebound like a name."""

    @classmethod
    def of(cls, host: str, address: str, more: Iterable[str] = ()) -> "Hosts":
        """For `--host host`, bound to `address`; `more` are `--allow`'s."""
        names, open_ = {host, address}, not is_loopback(address)
        if open_:
            names |= {socket.gethostname(), f"{socket.gethostname()}.local", socket.getfqdn()}
        allowed = {name.lower().rstrip(".").strip("[]") for name in more}
        return cls(frozenset(name.lower().rstrip(".") for name in names) | allowed, frozenset(allowed), open_)

    def allow(self, host: str) -> bool:
        """Whether a Host header, `name` or `name:port`, is one of these."""
        name = named(host)
        if name is None:
            return False
        if name in self.names or name == "localhost" or is_loopback(name):
            return True
        return self.open and _address(name) is not None


def named(host: str) -> str | None:
    """A Host header without its port, in lower case; None for an invalid one."""
    found = re.fullmatch(r"\[([0-9a-fA-F:.]+)\](?::\d*)?|([^\s:/@\[\]?#]+)(?::\d*)?", host)
    return (found[1] or found[2]).lower().rstrip(".") if found else None


def is_loopback(address: str) -> bool:
    """Whether it is a loopback address."""
    found = _address(address)
    return found is not None and found.is_loopback


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


class Guard:
    """Refuses clients without access, and adds `HEADERS` to every response."""

    def __init__(self, app: ASGIApp, hosts: Hosts, token: str | None = None) -> None:
        self.app, self.hosts, self.token = app, hosts, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the app's response or a refusal."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        refusal = self.refusal(HTTPConnection(scope)) if scope["type"] in ("http", "websocket") else None
        if refusal and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "refused"})  # before it was accepted: a 403
            return
        await (refusal or self.app)(scope, receive, with_headers)

    def refusal(self, request: HTTPConnection) -> Response | None:
        """The response to a client without access; None for all others."""
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        if not self.hosts.allow(host):
            return error(403, f"{host[:80]!r} is no name of this service: `intone serve --allow NAME` allows one.")
        if origin is not None and not self._own(origin, host):
            return error(403, f"Pages of {origin[:80]!r} may not use this service: open its own page.")
        return self._stranger(request) if self.token else None

    def _own(self, origin: str, host: str) -> bool:
        try:
            parts = urlsplit(origin)
            name = parts.hostname or ""
        except ValueError:
            return False
        return bool(parts.netloc) and (parts.netloc.lower() == host.lower() or name in self.hosts.allowed)

    def _stranger(self, request: HTTPConnection) -> Response | None:
        """An error for a client without the token; a browser that has it in the URL gets a cookie instead."""
        assert self.token
        if request.url.path in PROBES:
            return None
        ticket = hashlib.sha256(self.token.encode()).hexdigest()
        cookie = f"intone-{ticket[:8]}"
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and _same(bearer.strip(), self.token):
            return None
        if _same(request.cookies.get(cookie, ""), ticket[8:]):
            return None
        if request.url.path == "/v1/stream" and _same(request.query_params.get("token", ""), self.token):
            return (
                None  # browsers send no header of one's own with a WebSocket, and other programs needn't keep cookies
            )
        if request.url.path == "/" and _same(request.query_params.get("token", ""), self.token):
            answer = RedirectResponse("./", 303)
            answer.set_cookie(cookie, ticket[8:], httponly=True, samesite="lax")
            return answer
        wanted = error(
            401, "This service wants its token: send 'Authorization: Bearer …', or open the address that it printed."
        )
        wanted.headers["WWW-Authenticate"] = "Bearer"
        return wanted


def _same(given: str, wanted: str) -> bool:
    """Whether they are equal, compared in constant time."""
    return hmac.compare_digest(given.encode(), wanted.encode())


def error(status: int, sentence: str) -> JSONResponse:
    """An error in the form of all the service's errors."""
    return JSONResponse({"error": sentence}, status)
