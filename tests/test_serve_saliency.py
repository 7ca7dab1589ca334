"""A sentence's sound is sent to be explained: what comes back, what is refused, and that nothing of it is kept."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import RATE, voice
from serving import asking, sentence, service

from intone.client import Client
from intone.inference.model import Model
from intone.inference.saliency import saliency


@pytest.fixture
def client(analyzer, temporary):
    return asking(service(analyzer))


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "sentence.wav", voice(4, 1, seconds=1.2), RATE, subtype="FLOAT")
    return tmp_path / "sentence.wav"


def ask(client, path: Path, **query: object):
    return client.post("/v1/saliency", params=query, files={"file": (path.name, path.read_bytes())})


def test_the_answer_is_what_the_module_finds_and_nothing_is_left(client, spoken, model_file):
    answer = ask(client, spoken, emotion="angry")
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/json"
    found = answer.json()
    assert found["emotion"] == "angry" and 0 < found["probability"] < 1
    assert len(found["falls"]) == len(found["bands"]) - 1
    assert {len(row) for row in found["falls"]} == {len(found["times"]) - 1}
    assert found["most"] is None or found["most"]["start"] < found["most"]["end"] <= 1.2
    assert not list(Path(tempfile.gettempdir()).glob("*/recording*"))


def test_without_an_emotion_it_is_the_most_probable_one_by_the_sound(client, spoken, model_file):
    from intone.audio.recording import Recording

    signal = np.concatenate(list(Recording.of_file(spoken).blocks()))
    own = saliency(Model(model_file, 1), signal)
    found = ask(client, spoken).json()
    assert found["emotion"] == own.emotion
    np.testing.assert_allclose(found["falls"], own.falls, atol=2e-4)


@pytest.mark.parametrize(
    ("query", "words"),
    [({"emotion": "joy"}, "no label 'joy'"), ({"emotion": "a" * 61}, "emotion"), ({"segment": 1}, "segment")],
)
def test_what_is_not_there_gets_a_sentence(client, spoken, query, words):
    assert words in sentence(ask(client, spoken, **query), 422)


def test_more_than_a_sentence_and_what_cannot_be_heard_are_refused(client, tmp_path, analyzer):
    soundfile.write(tmp_path / "long.wav", np.tile(voice(4, 1, seconds=4.0), 9), RATE)
    made = asking(service(analyzer, most=50))
    assert "longer than 30 s" in sentence(ask(made, tmp_path / "long.wav"), 413)
    (tmp_path / "empty.wav").write_bytes(b"")
    assert "empty" in sentence(ask(client, tmp_path / "empty.wav"), 422)
    for count in (0, 1, 9_000):
        soundfile.write(tmp_path / "silent.wav", np.zeros(count), 16_000)
        sentence(ask(client, tmp_path / "silent.wav"), 422)


def test_the_description_has_examples(client):
    said = client.get("/openapi.json").json()
    [emotion] = said["paths"]["/v1/saliency"]["post"]["parameters"]
    view = said["components"]["schemas"]["SaliencyView"]
    assert emotion.get("examples") or emotion["schema"]["examples"]
    assert set(view["examples"][0]) == set(view["properties"]) == set(view["required"])


def test_the_client_asks_for_it_too(monkeypatch, spoken):
    asked = []

    def opened(self, path, body=None, headers=None, method="GET"):
        asked.append((path, method, b"sentence.wav" in body))
        return b'{"emotion": "angry"}'

    monkeypatch.setattr(Client, "_asked", opened)
    assert Client().saliency(spoken, "angry") == json.loads('{"emotion": "angry"}')
    assert asked == [("v1/saliency?emotion=angry", "POST", True)]
