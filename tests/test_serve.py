"""The service: the same bytes as the command line, one sentence for what is wrong, nothing kept or sent elsewhere."""

import asyncio
import json
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from fastapi.testclient import TestClient
from serving import asking, post, sentence, service
from test_bad_input import TABLE, wav
from test_predict import GUARD, Parrot

from intone.audio import recording
from intone.audio.segments import Stretch
from intone.cli import main
from intone.emotions import EMOTIONS
from intone.errors import IntoneError
from intone.inference.analyzer import Analyzer
from intone.inference.batch import Settings, run
from intone.inference.formats import FORMATS, TEXTS, places
from intone.inference.model import Model
from intone.inference.serve import listening, upload
from intone.inference.serve.app import app
from intone.inference.serve.assets import SCRIPTS
from intone.inference.serve.upload import MB
from intone.inference.tasks import Target, tasks

RATE = 16_000


@pytest.fixture
def client(analyzer: Analyzer, temporary: Path) -> TestClient:
    return asking(service(analyzer))


def test_path_array_command_line_and_service_agree_to_the_bit(model_file, talk, temporary):
    deaf = Analyzer(Model(model_file, 1))
    by_path = deaf.file(talk)
    pd.testing.assert_frame_equal(by_path, deaf.signal(*soundfile.read(talk), name=str(talk)), check_exact=True)
    run(tasks([talk], Target(tuple(FORMATS), Path("out"))), Settings(model_file, None, None, 1), Path("out"), 1)
    client = asking(service(deaf))
    for name, place in zip(FORMATS, places(Path("out"), talk.stem, list(FORMATS)), strict=True):
        assert post(client, talk, format=name).content == place.read_bytes(), name
    segments = json.loads(Path("out/my talk.json").read_text())["segments"]
    assert [s["probabilities"] for s in segments] == [
        {e: round(row[e], 4) for e in EMOTIONS} for row in by_path.to_dict("records")
    ]
    assert post(client, talk).json()["segments"] == segments != []


def test_several_formats_are_one_object_of_files(client, talk):
    made = post(client, talk, format="json,TextGrid,html").json()
    assert list(made) == ["my talk.json", "my talk.TextGrid", "my talk.html"]
    for name, content in zip(("json", "textgrid", "html"), made.values(), strict=True):
        assert post(client, talk, format=name).text == content


def test_each_format_has_its_type(client, talk):
    types = {name: post(client, talk, format=name).headers["content-type"] for name in FORMATS}
    assert types["json"] == types["labelstudio"] == "application/json"
    assert types["html"] == "text/html; charset=utf-8" and types["vtt"].startswith("text/vtt")
    assert types["textgrid"] == types["rttm"] == "text/plain; charset=utf-8"


def test_words_are_written_down_unless_nobody_wants_them(client, talk):
    texts = [[s["text"] for s in post(client, talk, **q).json()["segments"]] for q in ({}, {"text": True})]
    assert texts[0] == texts[1] == ["Kids are talking.", "Dogs are"]
    assert [s["text"] for s in post(client, talk, text=False).json()["segments"]] == [""]


def test_who_answers(client, model_file, temporary):
    found = client.get("/health").json()
    assert (found["licence"], found["words"], found["most"]) == ("none", True, 1) and found["model"].startswith("tiny")
    assert found["formats"] == list(TEXTS)
    deaf = asking(service(Analyzer(Model(model_file, 1))))
    assert deaf.get("/health").json()["words"] is False


NO_FILE = ("nothing there", "a folder without recordings", "a pipe", "a link to itself", "no permission")
FILES = {kind: row for kind, row in TABLE.items() if "name" not in kind and kind not in NO_FILE}


@pytest.mark.parametrize("kind", FILES)
def test_bad_recordings_get_the_sentence_of_the_command_line(kind, client, tmp_path, temporary):
    name, make, said = FILES[kind]
    path = tmp_path / name
    make(path)
    answer = post(client, path)
    if said:
        wrong = sentence(answer, 422)
        assert said in wrong and wrong.startswith(name) and str(tmp_path) not in wrong
    else:
        # A browser writes %22 for a quotation mark in a file's name.
        assert answer.status_code == 200 and answer.json()["file"].replace("%22", '"') == name
    assert not list(temporary.iterdir())


@pytest.mark.parametrize("name", ["../../a.wav", "C:\\sound\\a.wav", "/etc/a.wav", "a.wav"])
def test_of_a_name_no_path_is_made(name, client, talk):
    assert post(client, talk, name).json()["file"] == "a.wav"


def test_what_is_asked_wrongly_is_named(client, talk, model_file):
    assert "no format 'docx': choose of json" in sentence(post(client, talk, format="docx"), 422)
    assert "no format" in sentence(post(client, talk, format=""), 422)
    assert "'text' won't do" in sentence(post(client, talk, text="perhaps"), 422)
    assert "'colour' won't do" in sentence(post(client, talk, colour="red"), 422)
    assert "'text' is given twice" in sentence(client.post("/analyze?text=1&text=0"), 422)
    assert "'file' isn't there" in sentence(client.post("/analyze"), 422)
    assert "type can't be taken" in sentence(client.post("/analyze", data={"file": "words"}), 415)
    sentence(client.get("/../../etc/passwd"), 404)
    deaf = asking(service(Analyzer(Model(model_file, 1))))
    assert "Words are off" in sentence(post(deaf, talk, text=True), 422)


def test_another_method_is_told_which_there_are(client):
    for method, path, there in (
        ("GET", "/analyze", "POST"),
        ("POST", "/", "GET, HEAD"),
        ("PUT", "/health", "GET, HEAD"),
    ):
        answer = client.request(method, path)
        sentence(answer, 405)
        assert answer.headers["allow"] == there
    for path in ("/", "/health"):
        asked, told = client.get(path), client.head(path)
        assert (told.status_code, told.headers) == (200, asked.headers)


FORMS = {
    "no boundary": (b"--", "", 400),
    "a boundary of nothing": (b"--", "; boundary=", 400),
    "an end too early": (b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF', "", 400),
    "no parts": (b"--x--\r\n", "", 422),
    "nothing": (b"", "", 400),
    "a part without a name": (b"--x\r\nContent-Disposition: form-data\r\n\r\nRIFF\r\n--x--\r\n", "", 422),
    "a field besides": (b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n0\r\n--x--\r\n', "", 422),
    "another boundary": (b"--y\r\n\r\n\r\n--y--\r\n", "", 400),
    "a header without an end": (b"--x\r\n" + b"a" * 90_000, "", 400),
}


@pytest.mark.parametrize("kind", FORMS)
def test_an_upload_that_is_none_is_named(kind, client, temporary):
    body, boundary, status = FORMS[kind]
    own = {"content-type": "multipart/form-data" + (boundary or ("" if kind == "no boundary" else "; boundary=x"))}
    assert "send one recording, as the field 'file'" in sentence(
        client.post("/analyze", content=body, headers=own), status
    )
    assert not list(temporary.iterdir())


def test_a_second_recording_is_refused(client, talk, temporary):
    both = [("file", ("a.wav", talk.read_bytes())), ("file", ("b.wav", talk.read_bytes()))]
    assert "second 'file'" in sentence(client.post("/analyze", files=both), 422)
    other = [("file", ("a.wav", talk.read_bytes())), ("more", ("b.wav", b""))]
    assert "'more' won't do" in sentence(client.post("/analyze", files=other), 422)
    assert not list(temporary.iterdir())


def test_who_speaks_can_be_asked_for_but_no_file_of_the_server(client, talk):
    assert {s["speaker"] for s in post(client, talk).json()["segments"]} == {None}
    assert {s["speaker"] for s in post(client, talk, speakers="one").json()["segments"]} == {"speaker"}
    for name in ("/etc/passwd", "both", ""):
        sentence(post(client, talk, speakers=name), 422)


def test_a_language_is_honoured_where_whisper_knows_it(client, talk, monkeypatch):
    def check(self, language):
        if language not in ("en", "de"):
            raise IntoneError(f"This Whisper knows no language {language!r}: take another.")

    monkeypatch.setattr(Parrot, "check_language", check, raising=False)
    for given in ("de", "DE", "German", "german", "de-AT"):
        assert post(client, talk, language=given).json()["language"] == "de", given
    assert post(client, talk).json()["language"] == "en"
    assert "no language 'xx'" in sentence(post(client, talk, language="xx"), 422)
    assert "no language ''" in sentence(post(client, talk, language=""), 422)
    assert "This Whisper knows no language 'fr'" in sentence(post(client, talk, language="French"), 422)


def test_a_track_is_the_one_that_is_asked_for(client, talk, monkeypatch):
    asked = []
    whole = recording.opened
    monkeypatch.setattr(recording, "opened", lambda path, track: asked.append(track) or whole(path))
    assert [post(client, talk, **query).status_code for query in ({"track": 2}, {})] == [200, 200]
    assert asked[0] == 2 and asked[-1] is None
    assert "'track' won't do" in sentence(post(client, talk, track=0), 422)


def test_a_recording_that_lasts_too_long_is_refused(analyzer, talk, temporary):
    made = service(analyzer, longest=5.9)
    assert "lasts longer than 5.9 s" in sentence(post(asking(made), talk), 413)
    made = service(analyzer, longest=6)
    assert post(asking(made), talk).status_code == 200


def test_a_failure_of_our_own_is_one_sentence_without_a_path(client, talk, temporary, monkeypatch, capsys):
    def fail(*_):
        raise ZeroDivisionError(f"in {temporary}")

    monkeypatch.setattr(Analyzer, "analysis", fail)
    assert sentence(post(client, talk), 500) == "my talk.wav can't be analysed (ZeroDivisionError): please report this."
    assert capsys.readouterr().err.count("\n") == 1 and not list(temporary.iterdir())


@pytest.mark.parametrize("size", [1000, 3 * upload.BUFFER_BYTES])
def test_a_full_disk_is_said_while_the_recording_arrives(size, analyzer, temporary, monkeypatch):
    opened = Path.open
    monkeypatch.setattr(Path, "open", lambda path, *how, **more: opened(Path("/dev/full"), *how, **more))
    client = asking(service(analyzer, most=100))
    assert "no room" in sentence(client.post("/analyze", files={"file": ("a.wav", bytes(size))}), 507)
    assert not list(temporary.iterdir())


def test_a_full_disk_is_said_where_not_even_a_folder_has_room(client, talk, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    assert "no room" in sentence(post(client, talk), 507)


def test_a_recording_that_cannot_be_laid_down_otherwise_is_a_failure_of_our_own(client, talk, monkeypatch, capsys):
    def broken(*_, **__):
        raise OSError(5, "Input/output error", "/somewhere")

    monkeypatch.setattr(tempfile, "mkdtemp", broken)
    said = sentence(post(client, talk), 500)
    assert "input/output error" in said and "/somewhere" not in said and "/somewhere" in capsys.readouterr().err


def test_where_too_many_wait_the_next_is_refused(analyzer, talk):
    made = service(analyzer, waiting=0)
    answer = post(asking(made), talk)
    assert "waiting already" in sentence(answer, 503) and answer.headers["retry-after"] == "60"
    made = service(analyzer, waiting=1)
    assert [post(asking(made), talk).status_code for _ in range(3)] == [200] * 3


def test_what_is_too_large_is_refused_before_it_is_read(client, analyzer, temporary):
    big = {"file": ("a.wav", bytes(MB + 1))}
    assert "more than 1 MB" in sentence(client.post("/analyze", files=big), 413)
    status, read = asked(analyzer, [bytes(MB // 4)] * 40, {"content-length": str(10 * MB)})
    assert (status, read) == (413, 0)
    assert not list(temporary.iterdir())


def test_what_does_not_say_its_size_is_refused_while_it_is_read(analyzer, temporary):
    status, read = asked(analyzer, [bytes(MB // 4)] * 40, {})
    assert (status, read) == (413, 4)
    assert not list(temporary.iterdir())


def asked(
    analyzer: Analyzer,
    parts: list[bytes],
    headers: dict[str, str],
    ending: bytes = b"",
    stays: Callable = lambda: False,
) -> tuple[int, int]:
    """A recording in parts; the asker leaves when it no longer `stays` -> the status, and how many parts were read."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    given = [head, *parts, ending]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/analyze",
        "query_string": b"",
        "headers": [
            (k.encode(), v.encode()) for k, v in {"content-type": "multipart/form-data; boundary=x", **headers}.items()
        ],
    }
    read, status = 0, 0

    async def receive():
        nonlocal read
        if read == len(given):
            while stays():
                await asyncio.sleep(0.01)
            return {"type": "http.disconnect"}
        read += 1
        return {"type": "http.request", "body": given[read - 1], "more_body": read < len(given)}

    async def send(message):
        nonlocal status
        status = message.get("status", status)

    asyncio.run(app(service(analyzer))(scope, receive, send))
    return status, max(0, read - 1)


@pytest.mark.parametrize("stretches", [0, 100])
def test_nothing_goes_on_for_someone_who_has_left(stretches, analyzer, tmp_path, temporary, monkeypatch):
    """Neither where somebody speaks nor where nobody does; it is a minute in blocks of 10 s."""
    steps = 0

    def found(blocks, voice, longest):
        nonlocal steps
        for block in [*blocks] * stretches if stretches else slowly(blocks):
            steps += 1
            yield Stretch(0.0, block[:RATE])

    def slowly(blocks):
        nonlocal steps
        for _ in blocks:
            steps += 1
            time.sleep(0.3)
        yield from ()

    monkeypatch.setattr("intone.inference.heard.stretches", found)

    def sentences(meter, whisper, blocks, language):
        for _ in found(blocks, 0.5, 28.0):
            yield meter.timed("words", time.sleep, 0.3) or []

    monkeypatch.setattr("intone.inference.analyzer.sentences", sentences)
    wav(tmp_path / "a.wav", np.zeros(60 * 2000, np.float32), 2000)
    sound = [(tmp_path / "a.wav").read_bytes()]
    status, _ = asked(analyzer, sound, {}, b"\r\n--x--\r\n", stays=lambda: not steps)
    assert status == 499
    deadline = time.monotonic() + 30
    while list(temporary.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not list(temporary.iterdir()) and 0 < steps < 6


def test_of_two_at_once_one_waits(client, talk, monkeypatch):
    analysis, lock, most = Analyzer.analysis, threading.Lock(), []

    def alone(self, recording, *told):
        assert lock.acquire(blocking=False), "two at once"
        try:
            most.append(recording.name)
            time.sleep(0.05)
            return analysis(self, recording, *told)
        finally:
            lock.release()

    monkeypatch.setattr(Analyzer, "analysis", alone)
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: post(client, talk), range(3)))
    assert [a.status_code for a in answers] == [200] * 3 and len(most) == 3
    assert len({a.content for a in answers}) == 1


def test_the_page_asks_nothing_of_the_network(client):
    answer = client.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert re.findall(r'(?:src|href)="([^"]*)"', answer.text) == ["data:,", "page/app.css", "./", "page/app.js"]
    for name in ("", "page/app.css", *(f"page/{script}.js" for script in SCRIPTS)):
        text = client.get(f"/{name}").text.replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|url\(|@import", text), name
    for name in ("/docs", "/redoc"):  # they would load their scripts from elsewhere
        sentence(client.get(name), 404)


def test_openapi_says_what_is_answered(client):
    said = client.get("/openapi.json").json()
    jobs = {"/v1/jobs", "/v1/jobs/{id}", "/v1/jobs/{id}/result", "/v1/jobs/{id}/events"}
    state = {"/health", "/healthz", "/readyz", "/metrics", "/v1/model", "/page/{name}"}
    sent = {"/analyze", "/v1/analyze", "/v1/audio/transcriptions", "/v1/saliency"}
    assert set(said["paths"]) == {"/"} | sent | jobs | state
    post = said["paths"]["/analyze"]["post"]
    refused = {"400", "401", "403", "405", "408", "413", "415", "422", "429", "500", "503", "507"}
    assert set(post["responses"]) == {"200", *refused}
    for status in refused:
        schema = post["responses"][status]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Problem"}
    assert "Allow" in post["responses"]["405"]["headers"]
    assert set(post["responses"]["200"]["content"]) >= {f.media_type for f in FORMATS.values()}
    assert {p["name"] for p in post["parameters"]} == {"format", "text", "language", "track", "speakers"}
    assert list(post["requestBody"]["content"]) == ["multipart/form-data"]
    names = [way["operationId"] for path in said["paths"].values() for way in path.values()]
    assert len(set(names)) == len(names) == 18 and set(said["paths"]["/health"]) == {"get", "head"}


def test_importing_intone_imports_no_web_framework():
    code = "import sys, intone.inference.analyzer, intone.inference.serve\n"
    code += "print({'fastapi', 'uvicorn', 'starlette'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_without_the_library_its_extra_is_named(model_file, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(SystemExit) as stop:
        main(["serve", "--model", str(model_file), "--no-text"])
    assert stop.value.code == 1 and 'pip install ".[serve]"' in capsys.readouterr().err


def test_an_address_that_is_taken_or_is_none_is_one_sentence(model_file, capsys):
    with listening("127.0.0.1", 0) as door:
        with pytest.raises(SystemExit) as stop:
            main(["serve", "--port", str(door.getsockname()[1]), "--model", str(model_file), "--no-text"])
        said = capsys.readouterr().err
        assert stop.value.code == 1 and "choose another --port" in said and said.count("\n") == 1
    for host, port in (("127.0.0.1", 70_000), ("127.0.0.1", -1), ("a..b", 0)):
        with pytest.raises(IntoneError, match="choose another --port"):
            listening(host, port)


def test_the_command_serves_until_it_is_interrupted(model_file, tmp_path):
    """In a process where importing a training library is an error."""
    banned = {"torch", "lightning", "librosa", "transformers", "sklearn", "scipy", "matplotlib", "numba"}
    code = GUARD.replace("BANNED", repr(banned)).replace('"analyze"', '"serve"')
    command = [sys.executable, "-c", code, "--port", "0", "--model", str(model_file), "--no-text"]
    command += ["--speakers", "none"]
    wav(tmp_path / "a.wav")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        line = process.stderr.readline()
        try:
            address = re.search(r"http://127\.0\.0\.1:\d+/", line)[0]
            form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
            body = form + (tmp_path / "a.wav").read_bytes() + b"\r\n--x--\r\n"
            headers = {"content-type": "multipart/form-data; boundary=x"}
            with urllib.request.urlopen(
                urllib.request.Request(f"{address}analyze", body, headers), timeout=60
            ) as answer:
                assert json.load(answer)["file"] == "a.wav"
        finally:
            process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 0 and rest == ""
