"""OpenAI's request for a transcript: its shapes, with emotions in extra fields."""

import json

import pytest
from serving import asking, sentence, served_by

from intone.inference.serve.contract import SaliencyView
from intone.inference.serve.job import Answer, Facts, Job

WORDS = [{"word": " Kids", "start": 0.5, "end": 0.9, "probability": 0.9}]
FOUND = {
    "file": "a.wav",
    "duration": 3.0,
    "language": "en",
    "segments": [
        {
            **{"start": 0.5, "end": 1.0, "text": "Kids.", "language": "en", "emotion": "angry", "confidence": 0.8},
            **{"probabilities": {"angry": 0.8, "calm": 0.2}, "audio": {}, "speaker": "speaker 1", "adapted": 1},
            "words": WORDS,
        },
        {
            **{"start": 2.0, "end": 2.5, "text": "", "language": "en", "emotion": "calm", "confidence": 0.7},
            **{"probabilities": {"angry": 0.3, "calm": 0.7}, "audio": {}, "speaker": None, "adapted": 0},
            "words": [],
        },
    ],
}


class Canned:
    """Answers every job with the same file."""

    facts = Facts("canned", "none", True)

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def do(self, job, left, told):
        self.jobs.append(job)
        if job.name == "bad.wav":
            return Answer(status=422, problem="bad.wav is an empty file.")
        if job.explained is not None:
            [example] = SaliencyView.model_config["json_schema_extra"]["examples"]
            return Answer({"json": json.dumps(example).encode()})
        return Answer({name: json.dumps(FOUND).encode() if name == "json" else b"1\n" for name in job.formats})


@pytest.fixture
def worker() -> Canned:
    return Canned()


@pytest.fixture
def client(worker, tmp_path):
    return asking(served_by([worker], tmp_path))


def asked(client, name="a.wav", **fields):
    return client.post("/v1/audio/transcriptions", files={"file": (name, b"RIFF")}, data=fields)


def test_by_default_there_is_the_text_and_beside_it_the_emotions(client):
    got = asked(client, model="whisper-1").json()
    assert got["text"] == "Kids." and [e["emotion"] for e in got["emotions"]] == ["angry", "calm"]
    assert got["emotions"][0]["probabilities"] == {"angry": 0.8, "calm": 0.2}


def test_a_verbose_answer_has_all_of_openais_keys(client, worker):
    got = asked(
        client,
        **{"model": "whisper-1", "language": "en", "response_format": "verbose_json", "temperature": "0"},
        **{"timestamp_granularities[]": ["word", "segment"]},
    ).json()
    assert (got["task"], got["language"], got["duration"], got["text"]) == ("transcribe", "english", 3.0, "Kids.")
    [segment] = got["segments"]
    openai = {"id", "seek", "start", "end", "text", "tokens", "temperature", "avg_logprob", "compression_ratio"}
    assert openai | {"no_speech_prob"} <= set(segment) and segment["emotion"] == "angry"
    assert got["words"] == [{"word": "Kids", "start": 0.5, "end": 0.9}]
    assert worker.jobs[0].language == "en" and worker.jobs[0].formats == ("json",)


@pytest.mark.parametrize(("kind", "text"), [("text", "Kids.\n"), ("srt", "1\n"), ("vtt", "1\n")])
def test_text_and_subtitles_are_plain(client, kind, text):
    got = asked(client, response_format=kind)
    assert got.text == text and got.headers["content-type"].startswith("text/")


def test_what_is_wrong_is_one_sentence(client, worker):
    assert "no response_format 'mp3'" in sentence(asked(client, response_format="mp3"), 422)
    assert "won't do as a part" in sentence(asked(client, secret="1"), 422)
    assert "more than 10000 bytes" in sentence(asked(client, prompt="x" * 20_000), 413)
    assert sentence(asked(client, name="bad.wav"), 422) == "bad.wav is an empty file."
    assert "type can't be taken" in sentence(client.post("/v1/audio/transcriptions", data={"model": "x"}), 415)
    Canned.facts = Facts("canned", "none", False)
    try:
        assert "Words are off" in sentence(asked(client), 422)
    finally:
        Canned.facts = Facts("canned", "none", True)
