"""Who may ask: no page from elsewhere, by no name of its own, and where others are let in nobody without the token."""

import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient
from serving import asking, post, sentence, service

from intone.cli import main
from intone.inference.formats.html import script_hashes
from intone.inference.serve import listening, shown
from intone.inference.serve.app import app
from intone.inference.serve.contract import Asked
from intone.inference.serve.guard import HEADERS, Guard, Hosts, named

HOSTS = {
    "127.0.0.1": True,
    "127.0.0.1:8000": True,
    "localhost": True,
    "LocalHost:9000": True,
    "localhost.:80": True,
    "[::1]:8000": True,
    "127.9.9.9": True,
    "evil.example": False,
    "evil.example:8000": False,
    "127.0.0.1.evil.example": False,
    "localhost.evil.example": False,
    "evil.example@127.0.0.1": False,
    "127.0.0.1/evil.example": False,
    "192.168.1.7": False,
    "0.0.0.0": False,
    "[::]": False,
    "2130706433": False,
    "": False,
    " ": False,
    "[": False,
}


@pytest.mark.parametrize("host", HOSTS)
def test_only_by_its_own_names_it_is_asked(host, analyzer):
    answer = asking(service(analyzer)).get("/health", headers={"host": host})
    if HOSTS[host]:
        assert answer.status_code == 200
    else:
        assert "is no name of this service" in sentence(answer, 403)


def test_the_names_of_a_service_that_others_reach(monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "Studio")
    monkeypatch.setattr(socket, "getfqdn", lambda: "studio.home.example")
    hosts = Hosts.of("0.0.0.0", "0.0.0.0", ["Talk.Example."])
    for host in ("10.0.0.7:8000", "studio:8000", "studio.local", "studio.home.example", "localhost", "[fd00::7]:8000"):
        assert hosts.allow(host), host
    assert hosts.allow("talk.example") and hosts.allow("talk.example:443")
    assert not hosts.allow("evil.example") and not hosts.allow("evil.talk.example")
    near = Hosts.of("talk.local", "127.0.1.1")
    assert near.allow("talk.local:8000") and not near.allow("10.0.0.7") and not near.allow("studio")


ORIGINS = {
    "http://127.0.0.1": True,
    "http://evil.example": False,
    "http://127.0.0.1:3000": False,
    "http://localhost": False,
    "https://evil.example:8000": False,
    "http://127.0.0.1.evil.example": False,
    "null": False,
    "": False,
    "http://[": False,
    "file://": False,
}


@pytest.mark.parametrize("origin", ORIGINS)
def test_pages_from_elsewhere_are_refused(origin, analyzer, talk, temporary):
    client = asking(service(analyzer))
    answer = client.post("/analyze", files={"file": ("a.wav", talk.read_bytes())}, headers={"origin": origin})
    if ORIGINS[origin]:
        assert answer.status_code == 200
    else:
        assert "may not use this service" in sentence(answer, 403)
    assert not list(temporary.iterdir())


def test_a_proxys_page_may_ask_where_its_name_is_allowed(analyzer, talk):
    client = asking(service(analyzer), Hosts.of("127.0.0.1", "127.0.0.1", ["talk.example"]))
    for origin, status in (("https://talk.example", 200), ("https://other.example", 403)):
        assert client.get("/health", headers={"origin": origin}).status_code == status


def test_every_answer_tells_browsers_what_they_may(analyzer, talk, monkeypatch):
    made = service(analyzer)
    client = TestClient(Guard(app(made), Hosts()), "http://127.0.0.1", raise_server_exceptions=False)
    answers = [client.get("/"), client.head("/health"), client.get("/openapi.json"), post(client, talk)]
    answers += [client.get("/nothing"), client.get("/analyze"), client.post("/analyze")]
    answers += [client.get("/", headers={"host": "evil.example"})]
    monkeypatch.setattr(Asked, "of_request", lambda *_: 1 / 0)
    answers += [client.post("/analyze")]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 404, 405, 422, 403, 500]
    for answer in answers:
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "frame-ancestors 'none'" in HEADERS["Content-Security-Policy"]


def test_the_header_allows_what_the_page_asks_for_itself(analyzer):
    """Scripts of its own, and those of a result, which are known by their digests; nothing from elsewhere."""
    client = asking(service(analyzer))
    policy = dict(part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";"))
    assert policy["script-src"].split() == ["'self'", *(f"'{mark}'" for mark in script_hashes())]
    assert not re.search(r"https?:|\*", HEADERS["Content-Security-Policy"]) and policy["default-src"] == "'none'"
    page = client.get("/").text
    assert "<style" not in page and not re.search(r"<script(?! type=.module. src=.page/)", page)
    for name in re.findall(r'(?:src|href)="(page/[^"]+)"', page):
        assert client.get(f"/{name}").status_code == 200
    for name in ("nothing.js", "..%2Fapp.py"):
        assert client.get(f"/page/{name}").status_code == 404


def test_without_the_token_nothing_is_answered(analyzer, talk):
    client = asking(service(analyzer), token="a-secret")
    for path in ("/", "/health", "/openapi.json", "/nothing", "/?token=", "/?token=a-secre", "/health?token=a-secret"):
        answer = client.get(path)
        assert "wants its token" in sentence(answer, 401) and answer.headers["www-authenticate"] == "Bearer"
    for given in ("a-secret", "Bearer", "Bearer a-secre", "Bearer a-secret2", "Basic a-secret", "Bearer ä"):
        wrong = client.get("/health", headers={"authorization": given.encode()})
        assert wrong.status_code == 401, given
    sentence(post(client, talk), 401)


def test_programs_send_the_token_as_a_bearer(analyzer, talk):
    client = asking(service(analyzer), token="a-secret")
    for scheme in ("Bearer", "bearer"):
        assert client.get("/health", headers={"authorization": f"{scheme} a-secret"}).status_code == 200
    client.headers["authorization"] = "Bearer a-secret"
    assert post(client, talk).status_code == 200


def test_a_browser_brings_the_token_once_and_keeps_a_cookie(analyzer, talk):
    client = asking(service(analyzer), token="a-secret")
    answer = client.get("/?token=a-secret")
    assert answer.status_code == 303 and answer.headers["location"] == "./"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "a-secret" not in cookie
    assert client.get("/").status_code == client.get("/health").status_code == post(client, talk).status_code == 200
    other = asking(service(analyzer), token="another")
    other.cookies = client.cookies
    assert other.get("/health").status_code == 401
    assert client.get("/health", headers={"origin": "http://evil.example"}).status_code == 403


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--host", "0.0.0.0"), r"lets others in: give --token [\w-]{22} or another secret, or --no-token"),
        (("--host", "0.0.0.0", "--token", "a b"), "has to be letters, digits"),
        (("--token", ""), "has to be letters, digits"),
        (("--host", "0.0.0.0", "--token", "a", "--no-token"), "exclude one another"),
        (("--most", "-1"), "--most -1 is too little"),
        (("--most", "0"), "--most 0 is too little"),
        (("--longest", "0"), "--longest 0 is too little"),
        (("--time", "-5"), "--time -5 is too little"),
        (("--memory", "0"), "--memory 0 is too little"),
        (("--waiting", "0"), "--waiting 0 is too little"),
        (("--threads", "-2"), "-2 threads can do nothing"),
        (("--port", "-1"), "There is no port -1"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(flags, said, model_file: Path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["serve", "--port", "0", *flags, "--model", str(model_file), "--no-text"])
    shown = capsys.readouterr().err
    assert stop.value.code == 1 and re.search(said, shown) and shown.count("\n") == 1 and shown.endswith(".\n")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "::1", "::"])
def test_the_address_that_is_printed_works(host):
    if ":" in host and not socket.has_ipv6:
        pytest.skip("without IPv6")
    try:
        door = listening(host, 0)
    except Exception:
        pytest.skip("without such addresses")
    with door:
        address = urlsplit(shown(door, "a-secret"))
        assert address.query == "token=a-secret" and address.hostname not in ("0.0.0.0", "::")
        with socket.create_connection((address.hostname, address.port), timeout=10):
            pass
    assert named(address.netloc) == address.hostname


def test_answers_do_not_wait_for_more_to_send():
    with listening("127.0.0.1", 0) as door, socket.create_connection(door.getsockname()):
        taken, _ = door.accept()
        with taken:
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_health_check_wants_no_token_but_a_name_of_the_service(analyzer):
    client = asking(service(analyzer), token="secret")
    for path in ("/healthz", "/readyz"):
        assert client.get(path).text == "ok\n"
        sentence(client.get(path, headers={"host": "evil.example"}), 403)
    for path in ("/metrics", "/v1/model", "/health"):
        sentence(client.get(path), 401)
