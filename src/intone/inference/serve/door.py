"""--host, --port and --token -> a listening socket, whether others may come in, and the address to open."""

import re
import secrets
import socket

from intone.errors import IntoneError
from intone.progress import say


def let_in(host: str, address: str, token: str | None, no_token: bool) -> None:
    """Raises IntoneError where other machines would get access unintentionally; warns where they get it on purpose."""
    from intone.inference.serve.guard import is_loopback  # imports the web framework, which may not be here

    if token is not None and not re.fullmatch(r"[A-Za-z0-9._~+/=-]+", token):
        raise IntoneError("--token has to be letters, digits and ._~+/=- alone, without blanks: choose another.")
    if token is not None and no_token:
        raise IntoneError("--token and --no-token exclude one another: leave one of them out.")
    if is_loopback(address):
        return
    if token is None and not no_token:
        fresh = secrets.token_urlsafe(16)
        raise IntoneError(f"--host {host} lets others in: give --token {fresh} or another secret, or --no-token.")
    how = "whoever knows the token" if token else "ANYONE, WITHOUT A TOKEN,"
    say(f"WARNING: from other machines {how} can use this service; what is sent is not encrypted.")


def listening(host: str, port: int) -> socket.socket:
    """A listening socket at this address; raises IntoneError where there can't be one."""
    if not 0 <= port < 1 << 16:
        raise IntoneError(f"There is no port {port}: choose another --port, up to 65535.")
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        door = socket.create_server(address, family=family)
    except (OSError, UnicodeError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise IntoneError(
            f"{host} port {port} can't be listened at ({reason.lower()}): choose another --port or --host."
        ) from problem
    # Connections inherit it; without it, the end of each response waits 40 ms for the client to acknowledge its head.
    door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return door


def shown(door: socket.socket, token: str | None) -> str:
    """A URL that works in a browser, on this machine and, where others have access, on those."""
    host, port = door.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = own_address(door.family)
    place = f"[{host}]" if ":" in host else host
    return f"http://{place}:{port}/" + (f"?token={token}" if token else "")


def own_address(family: int) -> str:
    """The address by which other machines reach this one; the loopback address where there is no network."""
    # Nothing is sent: connecting a datagram socket only asks the system for the route.
    outside, itself = (("2001:db8::1", 9), "::1") if family == socket.AF_INET6 else (("192.0.2.1", 9), "127.0.0.1")
    with socket.socket(family, socket.SOCK_DGRAM) as way:
        try:
            way.connect(outside)
        except OSError:
            return itself
        found: str = way.getsockname()[0]
        return found
