"""A headless Chromium that is on PATH, driven over its DevTools pipe: nothing but the standard library."""

import contextlib
import fcntl
import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
WHERE = next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # a container's root may have none
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--remote-debugging-pipe",
)
PATIENCE = 30.0
"""Seconds after which the browser has hung."""

PAINTING = 5.0
"""Seconds that a page may take until it is painted for the first time."""


class Browser:
    """One tab; `call` speaks the DevTools protocol, `run` runs JavaScript in the page or in the newest frame of it."""

    def __init__(self, write: int, read: int) -> None:
        self.write, self.read = write, read
        self.numbers, self.rest, self.tab, self.frame = itertools.count(1), b"", "", ""
        self.answers: dict[int, dict[str, Any]] = {}
        self.gone: set[str] = set()
        self.said: list[str] = []
        """What went wrong in the page or the frame: exceptions, and what it was refused."""
        self.asked: list[str] = []
        """Which dialogs opened; each is answered with yes."""
        target = self._first()
        self.tab = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")
        self._heed(self.tab)
        # A frame in a sandbox is in a process, and for DevTools in a session, of its own.
        self.call("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=False, flatten=True)

    def _first(self) -> str:
        """The tab that the window opens with: in front of another one it may open late, and nothing is drawn there."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for target in self.call("Target.getTargets")["targetInfos"]:
                if target["type"] == "page":
                    return target["targetId"]
            time.sleep(0.02)
        raise TimeoutError("Chromium opens no tab.")

    def _heed(self, session: str) -> None:
        for domain in ("Runtime", "Log"):
            self.call(f"{domain}.enable", session)

    def call(self, method: str, session: str | None = None, /, **given: Any) -> dict[str, Any]:
        """A command's result, of the tab where no session is named; raises RuntimeError where Chromium refuses it."""
        session = session or self.tab
        number = self.send(method, session, **given)
        while number not in self.answers:
            if session in self.gone:
                raise RuntimeError(f"{method}: its frame has gone.")
            if "id" in (got := self._message()):
                self.answers[got["id"]] = got
            else:
                self._note(got["method"], got["params"])
        got = self.answers.pop(number)
        if "error" in got:
            raise RuntimeError(f"{method}: {got['error']}")
        return got["result"]

    def send(self, method: str, session: str, /, **given: Any) -> int:
        """A command without waiting for its result -> the number that this will have."""
        message = {"id": (number := next(self.numbers)), "method": method, "params": given}
        os.write(self.write, json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        return number

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            if not select.select([self.read], [], [], PATIENCE)[0]:
                raise TimeoutError("Chromium doesn't answer.")
            self.rest += (got := os.read(self.read, 1 << 16))
            if not got:
                raise RuntimeError("Chromium has ended.")
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def _note(self, event: str, what: dict[str, Any]) -> None:
        if event == "Target.attachedToTarget" and self.tab:
            self.frame = what["sessionId"]
            with contextlib.suppress(RuntimeError):  # it has gone again
                self._heed(self.frame)
        elif event == "Target.detachedFromTarget":
            self.gone.add(what["sessionId"])
        elif event == "Page.javascriptDialogOpening":
            self.asked.append(what["type"])
            self.call("Page.handleJavaScriptDialog", accept=True)
        elif event == "Runtime.exceptionThrown":
            self.said.append(str(what["exceptionDetails"].get("exception", {}).get("description", what)))
        elif event == "Log.entryAdded" and what["entry"]["level"] == "error":
            self.said.append(what["entry"]["text"])

    def open(self, address: str) -> None:
        """Go there, and wait until it has loaded."""
        self.said.clear()
        self.asked.clear()
        self.run("window.left = true")
        self.call("Page.navigate", url=address)
        self.until("!window.left && document.readyState === 'complete'")
        # Chromium drops clicks on what it hasn't painted yet; where it paints nothing, there is none to wait for.
        deadline = time.monotonic() + PAINTING
        while not self.run("performance.getEntriesByType('paint').length") and time.monotonic() < deadline:
            time.sleep(0.02)

    def run(self, script: str, inside: bool = False) -> Any:
        """What an expression of JavaScript gives, awaited; `inside` the newest frame."""
        how = {"awaitPromise": True, "returnByValue": True, "userGesture": True}
        got = self.call("Runtime.evaluate", self.frame if inside else self.tab, expression=script, **how)
        if "exceptionDetails" in got:
            raise RuntimeError(got["exceptionDetails"]["exception"].get("description", script))
        return got["result"].get("value")

    def until(self, script: str, inside: bool = False) -> Any:
        """What it gives as soon as that is something."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(RuntimeError):  # between two documents there is none
                self.run("0")  # brings news of frames
                if got := self.run(script, inside):
                    return got
            time.sleep(0.02)
        raise TimeoutError(script)

    def point(self, selector: str) -> dict[str, float]:
        """The middle of an element of the page, which is scrolled to."""
        script = f"const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: 'nearest'}});"
        script += " const b = e.getBoundingClientRect(); return {x: b.x + b.width / 2, y: b.y + b.height / 2};"
        return self.run(f"(() => {{ {script} }})()")

    def click(self, selector: str, times: int = 1) -> None:
        """So many clicks one right after the other."""
        for count in range(1, times + 1):
            for kind in ("mousePressed", "mouseReleased"):
                where = self.point(selector) | {"button": "left", "clickCount": count}
                self.call("Input.dispatchMouseEvent", type=kind, **where)

    def press(self, key: str) -> None:
        """A key, as `KeyboardEvent.key` calls it."""
        text = {"Enter": "\r", " ": " "}.get(key)
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def drop(self, selector: str, *paths: Path, inside: bool = False) -> None:
        """Files and folders onto an element, as from a file manager; `inside` the newest frame if that is it."""
        data = {"items": [], "files": [str(p) for p in paths], "dragOperationsMask": 1}
        where = {"data": data, **self.point(selector)}
        heed = "addEventListener(kind, () => { window[`seen_${kind}`] = true; })"
        self.run(f"for (const kind of ['dragover', 'drop']) {heed}", inside)
        deadline, frame = time.monotonic() + PATIENCE, self.frame
        while time.monotonic() < deadline:
            self.run("window.seen_dragover = window.seen_drop = false", inside)
            # Where a frame is, Chromium knows only some pictures after it has come.
            while not self.run("window.seen_dragover", inside) and time.monotonic() < deadline:
                for kind in ("dragEnter", "dragOver"):
                    self.call("Input.dispatchDragEvent", type=kind, **where)
            self.send("Input.dispatchDragEvent", self.tab, type="drop", **where)  # what answers may go with it
            if self._landed(frame if inside else "", deadline):
                return
        raise TimeoutError(f"Nothing could be dropped on {selector}.")

    def _landed(self, frame: str, deadline: float) -> bool:
        """Whether it was dropped there: Chromium enters once more before, and where it is slow, it opens the file."""
        while time.monotonic() < deadline:
            with contextlib.suppress(RuntimeError):  # the frame has gone with it
                if (frame and frame != self.frame) or self.run("window.seen_drop", bool(frame)):
                    return True
            if frame in self.gone:
                return True
            for target in self.call("Target.getTargets")["targetInfos"]:
                if target["type"] == "page" and target["url"].startswith("file:") and not target["attached"]:
                    self.call("Target.closeTarget", targetId=target["targetId"])
                    return False
        return False


@contextlib.contextmanager
def browser(*flags: str) -> Iterator[Browser]:
    """A Chromium with a profile of its own, and its end."""
    pipes = [*os.pipe(), *os.pipe()]
    # It reads commands from 3 and answers on 4; out of their way first.
    theirs, write, read, answers = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in pipes)
    for fd in pipes:
        os.close(fd)
    code = f"import os, sys; os.dup2({theirs}, 3); os.dup2({answers}, 4); os.execv(sys.argv[1], sys.argv[1:])"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [sys.executable, "-c", code, str(WHERE), *FLAGS, *flags, f"--user-data-dir={profile}"]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, pass_fds=(theirs, answers), start_new_session=True, **quiet) as process:
            try:
                os.close(theirs), os.close(answers)
                yield Browser(write, read)
            finally:
                os.close(write), os.close(read)
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
