"""The service's requests and responses, as FastAPI checks them and /openapi.json describes them."""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict

from intone.inference.formats import FORMATS


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
    formats: tuple[str, ...] = tuple(FORMATS)


@dataclass(frozen=True)
class Problem:
    """What is wrong."""

    error: str
    """One sentence."""


REFUSED: Final = {
    400: "A request or an upload that isn't as HTTP or multipart/form-data should be.",
    401: "The service wants its token.",
    403: "Asked for by another name than its own, or by a page from elsewhere.",
    405: "Another method than those that `Allow` lists.",
    408: "The recording arrived too slowly.",
    413: "More bytes, seconds, memory or time than a recording may take.",
    422: "A recording that can't be heard, or something asked for that there isn't.",
    500: "A failure of intone's own, which stands on its terminal.",
    503: "intone was stopped meanwhile, or too many wait.",
    507: "No room for the recording.",
}
"""Status -> what it means; all of them are `Problem`s."""

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
