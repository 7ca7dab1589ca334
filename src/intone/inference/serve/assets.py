"""Names of the page's files -> their bytes and media types; nothing else can be asked for."""

import json
from functools import cache
from importlib import resources
from typing import Final

from fastapi import FastAPI, HTTPException, Response

from intone.inference.formats.html import palettes, texts
from intone.inference.serve.contract import refused

SCRIPTS: Final = (
    *("app", "arrival", "explain", "experiment", "files", "job"),
    *("live", "microphone", "model", "recorder", "tabs", "words"),
)
"""Modules of the page; app.js is the first one that is loaded."""

FILES: Final = {
    **{f"{name}.js": "text/javascript" for name in SCRIPTS},
    "app.css": "text/css",
    "text.json": "application/json",
    "experiment.json": "application/json",
    "calm.mp3": "audio/mpeg",
    "angry.mp3": "audio/mpeg",
    "conversation.mp3": "audio/mpeg",
}
"""Name -> media type."""


@cache
def asset(name: str) -> bytes:
    """A file of the page."""
    if name == "text.json":
        return json.dumps(texts("service"), ensure_ascii=False).encode()
    data = resources.files("intone.inference.serve").joinpath("page", name).read_bytes()
    return data + palettes().encode() if name == "app.css" else data


async def file(name: str) -> Response:
    """A file of the page."""
    if name not in FILES:
        raise HTTPException(404, f"The page has no file {name[:40]!r}.")
    return Response(asset(name), media_type=FILES[name])


def add_assets(app: FastAPI) -> None:
    """Add the page's files to an application."""
    found = {"description": "The file.", "content": {kind: {} for kind in sorted(set(FILES.values()))}}
    app.add_api_route(
        "/page/{name}",
        file,
        methods=["GET"],
        response_class=Response,
        responses={200: found, **refused(401, 403, 404, 405, 422, 500)},
        operation_id="page_file",
    )
