"""`intone serve`: a recording from a browser or another program -> what `intone analyze` writes, on this machine."""

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from platformdirs import user_state_path
from tyro.conf import FlagCreatePairsOff

from intone.device import Device
from intone.errors import IntoneError, Missing
from intone.inference.serve.child import Child, Limits
from intone.inference.serve.door import let_in, listening, shown
from intone.progress import say

if TYPE_CHECKING:
    from intone.inference.analyzer import Analyzer
    from intone.inference.serve.connections import Server


def serve(
    host: str = "127.0.0.1",
    port: int = 8000,
    model: str | None = None,
    text: bool = True,
    whisper: str = "whisper-base",
    language: str | None = None,
    threads: int = 0,
    most: int = 500,
    longest: int = 14_400,
    time: int = 3_600,
    memory: int = 4_000,
    waiting: int = 16,
    per_client: int = 0,
    rate: int = 0,
    workers: int = 0,
    state: Path | None = None,
    keep: int = 3_600,
    token: str | None = None,
    no_token: FlagCreatePairsOff[bool] = False,
    allow: tuple[str, ...] = (),
    speakers: Literal["auto", "none", "one", "channels"] | None = None,
    voice: tuple[str, ...] = (),
    hotwords: str = "",
    device: Device = "cpu",
    log: bool = False,
) -> None:
    """Start a web page and an HTTP service on this machine that analyse recordings, until Ctrl-C.

    Nothing is sent elsewhere, and no recording is kept once it is analysed. Short recordings are analysed beside and
    before long ones; accepted jobs survive a restart.

    Args:
        host: Address to listen on; one that other machines can reach requires --token or --no-token.
        port: Port to listen on; 0 takes any free port.
        model: A file that `intone export` made, or a name from `intone models list`; default the packaged model.
        text: Transcribe the words too (--no-text: emotions only, several times faster).
        whisper: Whisper's weights: a name from `intone models list`, or a folder.
        language: The language spoken, as a code or English name (en, de, German); default detected for each stretch.
        threads: CPU threads of each process; 0 takes one per core.
        most: Largest size of a recording, in MB.
        longest: Longest duration of a recording, in seconds.
        time: Longest time that the analysis of one recording may take, in seconds.
        memory: Most memory that the analysing process may take, models included, in MB.
        waiting: Most recordings that may be uploaded, waiting or analysed at the same time.
        per_client: Most of these of one client, by its address; 0 sets no such limit.
        rate: Most recordings that one client may send in a minute; 0 sets no such limit.
        workers: Number of processes that analyse, each with its own copy of the models; 0 takes two, or one where
            there is one core.
        state: Folder for accepted jobs and their answers; default the user's own, for each port. With --port 0 a
            temporary one.
        keep: Seconds for which the answer of a job can be fetched.
        token: A secret that clients must send, as `Authorization: Bearer`; the printed address contains it.
        no_token: Allow access from other machines without a token.
        allow: Further host names under which the service may be reached, such as that of a proxy.
        speakers: Who speaks, unless a request says otherwise: one voice, channels (one in each channel), or auto
            (voices are told apart by their sound); sentences are then judged against the same voice's others.
        voice: A name from `intone voice list`: recordings are that person's voice.
        hotwords: Names and terms that may be said, as they should be spelt.
        device: Where to compute: cpu, cuda (an NVIDIA GPU), or auto (a GPU where one can be used).
        log: Write a line of JSON on stderr for each request, without words and names of files.
    """
    from intone.inference import registry
    from intone.inference.serve.log import Log

    _checked(most=most, longest=longest, time=time, memory=memory, waiting=waiting, keep=keep)
    cores = os.cpu_count() or 1
    processes = workers or min(2, cores)
    # All cores for each process: one client has them all then, and threads that wait leave them to others.
    share = threads or cores
    said = whisper if text else None
    flags: dict[str, Any] = {"model": model, "whisper": said, "language": language, "threads": share}
    make = partial(analyzer_of, **flags, speakers=speakers, voices=voice, hotwords=hotwords, device=device)
    with contextlib.ExitStack() as stack:
        stack.enter_context(ended_as_by_ctrl_c())
        door = stack.enter_context(listening(host, port))
        let_in(host, door.getsockname()[0], token, no_token)
        limits = Limits(longest, time, memory)
        children = [Child(make, limits) for _ in range(processes)]
        for child in children:
            stack.callback(child.close)
        place = state or (user_state_path("intone") / "serve" / str(port) if port else None)
        found = registry.find(model)
        server = _server(
            found, children, stack, door, host, most, (waiting, per_client or waiting, rate), token, allow, place, keep
        )
        if log:
            server.config.app = Log(server.config.app)  # type: ignore[arg-type]
        say(f"intone is at {shown(door, token)} until Ctrl-C.")
        with contextlib.suppress(KeyboardInterrupt):
            server.run([door])


def _server(
    model: Path,
    children: Sequence[Child],
    stack: contextlib.ExitStack,
    door: socket.socket,
    host: str,
    most: int,
    bounds: tuple[int, int, int],
    token: str | None,
    allow: tuple[str, ...],
    state: Path | None,
    keep: float,
) -> "Server":
    """The server for the socket `door`, once the children have loaded their models; the stack closes what it opens.

    `bounds`: most recordings at once, most of one client, most of one client in a minute.
    """
    import uvicorn

    # Importing these takes most of the time in which the children load their models.
    from intone.inference.serve.admission import Admission
    from intone.inference.serve.app import Service, app
    from intone.inference.serve.connections import MAX_ACCEPTED, Connection, Server
    from intone.inference.serve.folder import folder
    from intone.inference.serve.guard import Guard, Hosts
    from intone.inference.serve.pool import Pool
    from intone.inference.serve.runner import Runner
    from intone.inference.serve.store import Store
    from intone.inference.serve.stream import MAX_FRAME, Streams

    temporary = stack.enter_context(folder())
    store = Store(state or temporary / "jobs")
    stack.callback(store.close)
    for child in children:
        child.load()
    runner = Runner(Pool(children), store, keep)
    stack.callback(runner.close)
    service = Service(runner.pool, temporary, most, Admission(*bounds, runner.busy), runner, Streams(model))
    config = uvicorn.Config(
        Guard(app(service), Hosts.of(host, door.getsockname()[0], allow), token),
        http=Connection,
        ws="wsproto",
        ws_max_size=MAX_FRAME,
        loop="asyncio",
        lifespan="off",
        backlog=MAX_ACCEPTED,
        proxy_headers=False,
        server_header=False,
        # A failure is reported in one sentence; uvicorn would add a traceback.
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    return Server(config, service.stop)


def analyzer_of(**flags: Any) -> "Analyzer":
    """The analyzer that `intone analyze` uses with these flags, which `settled` takes; it is made in the child."""
    from intone import weights
    from intone.inference.diarization import WEIGHTS, SpeakerEncoder
    from intone.inference.settings import settled

    own = settled(**flags)
    made = own.analyzer()
    with contextlib.suppress(Missing):  # any request may ask for voices to be told apart
        made.encoder = made.encoder or SpeakerEncoder(weights.find(WEIGHTS), own.threads, own.device)
    return made


def _checked(**flags: int) -> None:
    for name, value in flags.items():
        if value < 1:
            raise IntoneError(f"--{name} {value} is too little: give 1 or more.")


def _interrupt(*_: object) -> None:
    # Not by raising SIGINT: processes that a script starts in the background ignore it.
    raise KeyboardInterrupt


@contextlib.contextmanager
def ended_as_by_ctrl_c() -> Iterator[None]:
    """SIGTERM, and a terminal that is closed, end the service as Ctrl-C does: all requests answered, no files left."""
    kinds = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        kinds = []
    before = {kind: signal.getsignal(kind) for kind in kinds if signal.getsignal(kind) is not signal.SIG_IGN}
    for kind in before:
        signal.signal(kind, _interrupt)
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
