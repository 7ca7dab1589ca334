"""A recording + the address of `intone serve` -> what it finds, from another program; the standard library alone.

from intone.client import Client
client = Client("http://127.0.0.1:8000", token="SECRET")
found = client.analyze("talk.mp3")                 # waits
job = client.submit("lecture.mp3")                 # does not
for event, data in client.events(job["id"]): ...   # state, segment, end
subtitles = client.result(job["id"], "srt")
"""

import io
import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from intone.errors import IntoneError

TIMEOUT_S: Final = 3_700.0
"""Seconds that an answer is waited for: a little longer than a recording may take."""


class Refused(IntoneError):
    """The service's error, in its own sentence."""

    def __init__(self, status: int, sentence: str, after: float | None = None) -> None:
        """`status`: of HTTP; `after`: seconds after which it may be tried again, where the service says so."""
        super().__init__(sentence)
        self.status, self.after = status, after


@dataclass(frozen=True)
class Client:
    """A service's address and secret."""

    address: str = "http://127.0.0.1:8000"
    token: str | None = None
    timeout: float = TIMEOUT_S

    def analyze(self, recording: str | PathLike[str], **asked: Any) -> dict[str, Any]:
        """What `intone analyze -f json` says of a recording; `asked`: text, language, speakers, track.

        Raises Refused with the service's sentence, IntoneError where there is no service.
        """
        found: dict[str, Any] = json.loads(self._sent("v1/analyze", recording, asked))
        return found

    def saliency(self, sentence: str | PathLike[str], emotion: str = "") -> dict[str, Any]:
        """Which times and frequencies of one sentence's sound speak for an emotion; "": the most probable one."""
        asked = {"emotion": emotion} if emotion else {}
        found: dict[str, Any] = json.loads(self._sent("v1/saliency", sentence, asked))
        return found

    def submit(self, recording: str | PathLike[str], format: str = "json", **asked: Any) -> dict[str, Any]:
        """A job for a recording, which is analysed while nobody waits; `format` names the formats, by commas."""
        job: dict[str, Any] = json.loads(self._sent("v1/jobs", recording, {"format": format, **asked}))
        return job

    def job(self, id: str) -> dict[str, Any]:
        """How far a job is."""
        found: dict[str, Any] = json.loads(self._asked(f"v1/jobs/{id}"))
        return found

    def events(self, id: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """A job's events as they happen: `state`, `segment` for each sentence, `end`."""
        with self._opened(f"v1/jobs/{id}/events") as answer:
            kind = ""
            for line in io.TextIOWrapper(answer, encoding="utf-8"):
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ").strip()
                elif line.startswith("data: "):
                    yield kind, json.loads(line.removeprefix("data: "))

    def result(self, id: str, format: str = "json") -> str:
        """A job's file in one of the formats that were asked for; waits until it is done."""
        for kind, state in self.events(id):
            if kind == "end" and state["state"] != "done":
                break
        return self._asked(f"v1/jobs/{id}/result?{urlencode({'format': format})}").decode()

    def cancel(self, id: str) -> None:
        """Stop a job if it runs, and forget it."""
        self._asked(f"v1/jobs/{id}", method="DELETE")

    def transcribe(self, recording: str | PathLike[str], response_format: str = "verbose_json") -> Any:
        """As OpenAI's audio.transcriptions: a dictionary, or text for text, srt and vtt."""
        fields = {"model": "intone", "response_format": response_format}
        data = self._sent("v1/audio/transcriptions", recording, {}, fields)
        return json.loads(data) if response_format.endswith("json") else data.decode()

    def model(self) -> dict[str, Any]:
        """The model that answers: its labels, licence, scores."""
        found: dict[str, Any] = json.loads(self._asked("v1/model"))
        return found

    def _sent(
        self,
        path: str,
        recording: str | PathLike[str],
        asked: Mapping[str, Any],
        fields: Mapping[str, str] | None = None,
    ) -> bytes:
        file = Path(fspath(recording))
        mark = secrets.token_hex(16)
        parts = [
            f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in (fields or {}).items()
        ]
        quoted = file.name.replace('"', "%22").replace("\r", " ").replace("\n", " ")
        head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\n\r\n'
        try:
            body = b"".join([*parts, head.encode(), file.read_bytes(), f"\r\n--{mark}--\r\n".encode()])
        except OSError as problem:
            raise IntoneError(f"{file} can't be read ({problem.strerror}): name a recording.") from problem
        query = urlencode(
            {name: str(value).lower() if isinstance(value, bool) else value for name, value in asked.items()}
        )
        kind = f"multipart/form-data; boundary={mark}"
        return self._asked(f"{path}?{query}" if query else path, body, {"Content-Type": kind}, "POST")

    def _asked(
        self, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None, method: str = "GET"
    ) -> bytes:
        with self._opened(path, body, headers, method) as answer:
            data: bytes = answer.read()
        return data

    def _opened(
        self, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None, method: str = "GET"
    ) -> Any:
        own = {**(headers or {}), **({"Authorization": f"Bearer {self.token}"} if self.token else {})}
        request = urllib.request.Request(f"{self.address.rstrip('/')}/{path}", body, own, method=method)
        try:
            return urllib.request.urlopen(request, timeout=self.timeout)
        except urllib.error.HTTPError as problem:
            raise _refused(problem) from problem
        except OSError as problem:
            raise IntoneError(
                f"{self.address} doesn't answer ({getattr(problem, 'reason', problem)}): start `intone serve` there."
            ) from problem


def _refused(problem: urllib.error.HTTPError) -> Refused:
    try:
        sentence = json.loads(problem.read())["error"]
    except (ValueError, KeyError, TypeError):
        sentence = f"The service answered with status {problem.code}: is this intone's address?"
    after = problem.headers.get("Retry-After")
    return Refused(problem.code, sentence, float(after) if after and after.isdecimal() else None)
