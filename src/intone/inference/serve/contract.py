"""The service's requests and responses, as FastAPI checks them and /openapi.json describes them."""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias

from fastapi import HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict

from intone.asr.languages import code
from intone.errors import Missing
from intone.inference.formats import FORMATS, TEXTS, chosen


class Asked(BaseModel):
    """What the address of a request may ask for."""

    model_config = ConfigDict(extra="forbid")
    format: Annotated[str, Query(description=f"Of {', '.join(FORMATS)}; several with commas.")] = "json"
    text: Annotated[bool | None, Query(description="Write down the words too; as the service was started.")] = None
    track: Annotated[
        int | None, Query(ge=1, description="Sound track of a video, 1 being the first; else its default one.")
    ] = None
    language: Annotated[
        str | None, Query(description="Which is spoken, such as en or English; found out where it isn't given.")
    ] = None
    speakers: Annotated[
        Literal["auto", "none", "one", "channels"] | None,
        Query(
            description="Who speaks: one voice, one in each channel, or voices that are told apart by their sound "
            "(auto); sentences are then judged against the same voice's others. Default: as the service was started."
        ),
    ] = None

    def of_request(self, request: Request, words: bool) -> dict[str, Any]:
        """Fields of a `Job`, besides path and name. Raises IntoneError or HTTPException for an impossible request;
        `words`: whether there is a Whisper."""
        given = [name for name, _ in request.query_params.multi_items()]
        if twice := next((name for name in given if given.count(name) > 1), None):
            raise HTTPException(422, f"{twice!r} is given twice: give it once.")
        if self.text and not words:
            raise Missing("Words are off: start the service without --no-text, with Whisper's weights on this machine.")
        formats = chosen(self.format)
        if len(formats) > 1 and not set(formats) <= set(TEXTS):
            raise HTTPException(422, f"A JSON object can't hold parquet: ask for it alone, or for {', '.join(TEXTS)}.")
        return {
            "formats": formats,
            "text": self.text is not False,
            "language": code(self.language) if self.language is not None else None,
            "track": self.track,
            "speakers": self.speakers,
        }


class Explained(BaseModel):
    """What may be asked about a sentence."""

    model_config = ConfigDict(extra="forbid")

    emotion: Annotated[
        str,
        Query(
            max_length=60,
            description="A label of the model; that which is the most probable by the sound, where none is given.",
            examples=["angry"],
        ),
    ] = ""


class RegionView(BaseModel):
    """A part of a sentence."""

    start: float
    """Seconds from the beginning of what was sent."""
    end: float
    low: float
    """Hz."""
    high: float


class SaliencyView(BaseModel):
    """Which parts of a sentence speak for an emotion: how much less probable it becomes without each of them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "emotion": "angry",
                    "probability": 0.57,
                    "times": [0.4, 0.65, 0.9],
                    "bands": [18.6, 1025.1, 7847.8],
                    "falls": [[0.31, 0.02], [-0.04, 0.0]],
                    "most": {"start": 0.4, "end": 0.65, "low": 18.6, "high": 1025.1},
                }
            ]
        },
    )

    emotion: str
    probability: float
    """By the sound alone, as of a speaker never heard before."""
    times: list[float]
    """Seconds from the beginning of what was sent, between which the cells lie."""
    bands: list[float]
    """Hz between which they lie, the lowest first."""
    falls: list[list[float]]
    """For each band the cells by time: fall of the emotion's log-probability (natural) without what is there."""
    most: RegionView | None
    """The smallest block of cells in which most of it lies; null where no part does much."""


State: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True)
class JobView:
    """How far a job is."""

    id: str
    name: str
    """The client's name for the recording."""
    state: State
    place: int | None
    """In the queue, 1 being the next; null where it isn't waiting."""
    formats: tuple[str, ...]
    seconds_done: float
    """Seconds of sound that were read so far."""
    seconds: float | None
    """Of the whole recording; null while that isn't known."""
    segments: int
    """Sentences that were found so far."""
    error: str | None
    """One sentence, where it failed."""
    created: str
    """Time in ISO 8601, UTC."""


@dataclass(frozen=True)
class Health:
    """Who answers here."""

    version: str
    model: str
    licence: str
    words: bool
    """Whether words are transcribed unless a request asks otherwise."""
    most: int
    """Largest size of a recording in MB."""
    formats: tuple[str, ...] = TEXTS


@dataclass(frozen=True)
class Problem:
    """What is wrong."""

    error: str
    """One sentence."""


REFUSED: Final = {
    400: "A request or an upload that isn't as HTTP or multipart/form-data should be.",
    401: "The service wants its token.",
    403: "Asked for by another name than its own, or by a page from elsewhere.",
    404: "No such job, or no such format of it.",
    405: "Another method than those that `Allow` lists.",
    408: "The recording arrived too slowly.",
    409: "The job isn't done yet.",
    413: "More bytes, seconds, memory or time than a recording may take.",
    415: "A body of another type than multipart/form-data.",
    422: "A recording that can't be heard, or something asked for that there isn't.",
    429: "Too many recordings of one client at once, or within a minute.",
    500: "A failure of intone's own, which stands on its terminal.",
    503: "intone was stopped meanwhile, or too many wait.",
    507: "No room for the recording.",
}
"""Status -> what it means; all of them are `Problem`s."""

UPLOADS: Final = (400, 401, 403, 405, 408, 413, 415, 422, 429, 500, 503, 507)
"""Those that a request with a recording may get."""

FILES: Final[dict[str, Any]] = {
    "description": "The file in that format, or of several a JSON object, file name -> content.",
    "content": {format.media_type: {"schema": {}} for format in FORMATS.values()},
}
"""The response without an error."""

BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "additionalProperties": False,
                "properties": {
                    "file": {"type": "string", "format": "binary", "description": "A recording: a sound or video file."}
                },
            }
        }
    },
}
"""Body of a request to analyse, in OpenAPI's form; it is read by `upload.received`."""


def refused(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These of `REFUSED`, in OpenAPI's form."""
    allow = {"Allow": {"description": "The methods that there are.", "schema": {"type": "string"}}}
    found: dict[int | str, dict[str, Any]] = {s: {"model": Problem, "description": REFUSED[s]} for s in statuses}
    if 405 in found:
        found[405]["headers"] = allow
    return found
