"""Sound over a WebSocket: what is heard as it is heard, bounds that hold, and no stranger."""

import numpy as np
import pytest
from serving import asking, served_by
from starlette.websockets import WebSocketDisconnect
from test_transcriptions import Canned

from intone.inference.microphone import Live, Moment
from intone.inference.serve import stream
from intone.inference.serve.stream import MAX_WAITING, STEP, told

ADDRESS = "ws://127.0.0.1/v1/stream"


@pytest.fixture
def client(model_file, tmp_path):
    return asking(served_by([Canned()], tmp_path, model=model_file))


def speech(seconds: float) -> bytes:
    """A buzz, as 16-bit PCM at 16 kHz."""
    time = np.arange(round(16_000 * seconds)) / 16_000
    buzz = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 9)) * np.abs(np.sin(2 * np.pi * 3 * time))
    return (6000 * buzz).astype("<i2").tobytes()


def test_each_quarter_of_a_second_is_answered_whatever_pieces_it_comes_in(client):
    with client.websocket_connect(ADDRESS) as socket:
        data = speech(2.0)
        for start in range(0, len(data), 3_333):
            socket.send_bytes(data[start : start + 3_333])
        answers = [socket.receive_json() for _ in range(8)]
    assert [a["time"] for a in answers] == [0.25 * k for k in range(1, 9)]
    assert all(a["state"] in ("speech", "silence", "end") for a in answers)


def test_an_answer_says_what_was_heard(monkeypatch):
    moment = Moment("angry", {"angry": 0.75, "calm": 0.25}, 3)
    assert told(moment, 1.5) == {
        **{"time": 1.5, "state": "speech", "emotion": "angry", "confidence": 0.75, "adapted": 3},
        "probabilities": {"angry": 0.75, "calm": 0.25},
    }
    assert (
        told(Moment(), 2)["state"] == "silence" and told(Moment("calm", {"calm": 1.0}, ended=True), 2)["state"] == "end"
    )


def test_an_utterance_that_has_ended_is_told_once_and_known_from_then_on(model_file, monkeypatch):
    from intone.inference.model import Model

    spans = iter([[(0, STEP)], [(0, 2 * STEP)], [], []])
    monkeypatch.setattr("intone.inference.microphone.speech_spans", lambda *_: next(spans))
    live = Live(Model(model_file), adapt=False)
    block = np.frombuffer(speech(0.5), "<i2").astype(np.float32) / 32768
    moments = [live.heard(block) for _ in range(4)]
    assert [m.emotion is not None for m in moments] == [True, True, True, False]
    assert [m.ended for m in moments] == [False, False, True, False]


def test_sound_that_comes_too_fast_ends_the_stream_with_a_sentence(client, monkeypatch):
    import threading

    may = threading.Event()
    monkeypatch.setattr(Live, "heard", lambda self, block: may.wait(30) and Moment())
    with client.websocket_connect(ADDRESS) as socket:
        for _ in range(MAX_WAITING + 3):
            socket.send_bytes(bytes(2 * STEP))
        assert "faster than it can be heard" in socket.receive_json()["error"]
        may.set()
        with pytest.raises(WebSocketDisconnect) as end:
            socket.receive_json()
    assert end.value.code == 1008


def test_words_instead_of_sound_are_refused_and_so_is_silence_for_long(client, monkeypatch):
    with client.websocket_connect(ADDRESS) as socket:
        socket.send_text("hello")
        assert "binary frames" in socket.receive_json()["error"]
    monkeypatch.setattr(stream, "IDLE_S", 0.05)
    with client.websocket_connect(ADDRESS) as socket:
        assert "No sound came" in socket.receive_json()["error"]


def test_one_stream_too_many_is_refused_until_another_has_ended(model_file, tmp_path):
    made = served_by([Canned()], tmp_path, model=model_file)
    made.streams.most = 1
    client = asking(made)
    for _ in range(2):
        with client.websocket_connect(ADDRESS) as first:
            first.send_bytes(bytes(2 * STEP))
            assert first.receive_json()["time"] == 0.25
            with client.websocket_connect(ADDRESS) as second:
                assert "1 streams are open" in second.receive_json()["error"]


def test_a_model_that_cannot_be_loaded_is_said(tmp_path):
    client = asking(served_by([Canned()], tmp_path, model=tmp_path / "none.onnx"))
    with client.websocket_connect(ADDRESS) as socket:
        assert "none.onnx" in socket.receive_json()["error"]


@pytest.mark.parametrize("headers", [{"origin": "http://evil.example"}, {"host": "evil.example"}])
def test_pages_from_elsewhere_reach_no_stream(client, headers):
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(ADDRESS, headers=headers):
        pass


def test_a_stream_wants_the_token(model_file, tmp_path):
    client = asking(served_by([Canned()], tmp_path, model=model_file), token="a-secret")
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(ADDRESS):
        pass
    with client.websocket_connect(f"{ADDRESS}?token=a-secret") as socket:
        socket.send_bytes(bytes(2 * STEP))
        assert socket.receive_json()["state"] == "silence"
