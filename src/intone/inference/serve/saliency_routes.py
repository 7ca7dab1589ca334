"""A sentence's own sound -> which parts of it speak for an emotion.

The sound has to be sent: that of a job is deleted as soon as it is analysed, and this one as soon as it is answered.
"""

from typing import Annotated

from fastapi import FastAPI, HTTPException, Query, Request, Response

from intone.inference.serve.asker import Asker
from intone.inference.serve.contract import BODY, UPLOADS, Explained, SaliencyView, refused
from intone.inference.serve.job import Job


def add_saliency(app: FastAPI, service: Asker) -> None:
    """Add `/v1/saliency` to an application."""

    async def saliency(request: Request, asked: Annotated[Explained, Query()]) -> Response:
        """Which times and frequencies of one sentence, of half a minute at most, speak for an emotion."""
        made, _ = await service.answered(
            request, lambda name, path: Job(path, name, ("json",), explained=asked.emotion)
        )
        if made.status != 200:
            raise HTTPException(made.status, made.problem)
        return Response(made.files["json"], media_type="application/json")

    found = {"model": SaliencyView, "description": "What each part does for the emotion."}
    app.add_api_route(
        "/v1/saliency",
        saliency,
        methods=["POST"],
        response_class=Response,
        responses={200: found, **refused(*UPLOADS)},
        openapi_extra={"requestBody": BODY},
        operation_id="saliency",
    )
