"""`intone serve`: a recording from a browser or another program -> what `intone analyze` writes, on this machine."""

import contextlib
import socket

from intone.analyze import settled
from intone.errors import IntoneError
from intone.predict import loaded
from intone.progress import say


def serve(
    host: str = "127.0.0.1",
    port: int = 8000,
    model: str | None = None,
    text: bool = True,
    whisper: str = "whisper-base",
    language: str | None = None,
    threads: int = 0,
    most: int = 500,
) -> None:
    """A page and a service on this machine until Ctrl-C: a recording goes in, its emotions come out in any format.

    Nothing is sent elsewhere, and nothing that comes in is kept. One recording is analysed at a time; others wait.

    Args:
        host: Where to listen; another address than this machine's own lets others in, and there is no password.
        port: Of the address; 0 is any that is free.
        model: A file that `intone export` made, or a name that `intone models list` knows.
        text: Write down the words too (--no-text: emotions alone, several times faster).
        whisper: Which Whisper: a name that `intone models list` knows, or a folder.
        language: Its code or English name, such as en, de or German; else found out stretch by stretch.
        threads: CPU threads; 0 is one a core.
        most: MB that a recording may have.
    """
    import uvicorn

    from intone.serve.app import app

    settings = settled(model, whisper if text else None, language, threads)
    analyzer = loaded(settings.model, settings.whisper, settings.language, settings.threads)
    with listening(host, port) as door:
        # Of a failure one sentence is said; uvicorn would add a traceback.
        config = uvicorn.Config(app(analyzer, most), log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
        shown = f"[{host}]" if ":" in host else host
        say(f"intone is at http://{shown}:{door.getsockname()[1]}/ until Ctrl-C.")
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run([door])


def listening(host: str, port: int) -> socket.socket:
    """A door at this address; raises IntoneError where there can't be one."""
    if not 0 <= port < 1 << 16:
        raise IntoneError(f"There is no port {port}: choose another --port, up to 65535.")
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family)
    except (OSError, UnicodeError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise IntoneError(
            f"{host} port {port} can't be listened at ({reason.lower()}): choose another --port or --host."
        ) from problem
