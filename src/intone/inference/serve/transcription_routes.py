"""OpenAI's request for a transcript -> its answer, with the emotions in extra fields, so that existing clients work.

The shapes are those of https://platform.openai.com/docs/api-reference/audio/createTranscription. `model`, `prompt` and
`temperature` are taken and change nothing.
"""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from intone.asr.languages import NAMES, code
from intone.errors import Missing
from intone.inference.serve.asker import Asker
from intone.inference.serve.contract import UPLOADS, refused
from intone.inference.serve.job import Job

FIELDS: Final = (
    *("model", "language", "prompt", "response_format", "temperature", "timestamp_granularities[]"),
    *("timestamp_granularities", "include[]", "stream", "chunking_strategy"),
)
"""Fields of the form besides `file`."""

KINDS: Final = {"json": "json", "verbose_json": "json", "text": "json", "srt": "srt", "vtt": "vtt"}
"""`response_format` -> the format that it is made from."""


EMOTION: Final = ("emotion", "confidence", "probabilities", "speaker")
"""What intone adds to a sentence."""


def transcription(found: Mapping[str, Any], kind: str, granularities: list[str]) -> Response:
    """Intone's JSON -> the answer in one of OpenAI's shapes."""
    text = " ".join(segment["text"] for segment in found["segments"] if segment["text"])
    if kind == "text":
        return PlainTextResponse(text + "\n")
    spoken = [segment for segment in found["segments"] if segment["text"]]
    emotions = [{name: one[name] for name in ("start", "end", "text", *EMOTION)} for one in found["segments"]]
    if kind == "json":
        return JSONResponse({"text": text, "emotions": emotions})
    answer: dict[str, Any] = {
        "task": "transcribe",
        "language": next((name for name, own in NAMES.items() if own == found["language"]), found["language"]),
        "duration": found["duration"],
        "text": text,
        "segments": [_segment(number, segment) for number, segment in enumerate(spoken)],
        "emotions": emotions,
    }
    if "word" in granularities:
        answer["words"] = [
            {"word": word["word"].strip(), "start": word["start"], "end": word["end"]}
            for segment in spoken
            for word in segment["words"]
        ]
    return JSONResponse(answer)


def _kind(fields: Mapping[str, list[str]]) -> str:
    """The shape that is asked for. Raises HTTPException for one that there isn't."""
    kind = (fields["response_format"] or ["json"])[0]
    if kind not in KINDS:
        raise HTTPException(422, f"There is no response_format {kind[:40]!r}: choose of {', '.join(KINDS)}.")
    return kind


def _job(name: str, path: Path, fields: Mapping[str, list[str]]) -> Job:
    language = next(iter(fields["language"]), None)
    return Job(path, name, (KINDS[_kind(fields)],), language=code(language) if language else None)


def _segment(number: int, segment: Mapping[str, Any]) -> dict[str, Any]:
    """A sentence with all of OpenAI's keys: those that intone has no value for are neutral."""
    own = {name: segment[name] for name in ("start", "end", "text", *EMOTION)}
    neutral = {"seek": 0, "tokens": [], "temperature": 0.0, "avg_logprob": 0.0, "compression_ratio": 1.0}
    return {"id": number, **neutral, "no_speech_prob": 0.0, **own}


def add_transcriptions(app: FastAPI, service: Asker) -> None:
    """Add `/v1/audio/transcriptions` to an application."""

    async def transcribe(request: Request) -> Response:
        """Words as OpenAI's service gives them, and the emotion of each sentence."""
        if not service.pool.facts.words:
            raise Missing("Words are off: start the service without --no-text, with Whisper's weights on this machine.")
        fields: dict[str, list[str]] = {name: [] for name in FIELDS}
        made, _ = await service.answered(request, lambda name, path: _job(name, path, fields), fields)
        if made.status != 200:
            raise HTTPException(made.status, made.problem)
        kind = _kind(fields)
        data = made.files[KINDS[kind]]
        if kind in ("srt", "vtt"):
            return Response(data, media_type="text/plain" if kind == "srt" else "text/vtt")
        granularities = fields["timestamp_granularities[]"] + fields["timestamp_granularities"]
        return await asyncio.to_thread(transcription, json.loads(data), kind, granularities)

    given: dict[str, Any] = {name: {"type": "string"} for name in ("model", "language", "response_format")}
    given["file"] = {"type": "string", "format": "binary"}
    body = {"type": "object", "required": ["file"], "properties": given}
    kinds: dict[str, Any] = {kind: {"schema": {}} for kind in ("application/json", "text/plain", "text/vtt")}
    app.add_api_route(
        "/v1/audio/transcriptions",
        transcribe,
        methods=["POST"],
        response_class=Response,
        responses={200: {"description": "The transcript.", "content": kinds}, **refused(*UPLOADS)},
        openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": body}}}},
        operation_id="transcribe",
    )
