"""What the service has for every request that comes with a recording and waits for its answer."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from fastapi import Request

from intone.inference.serve.job import Answer, Job
from intone.inference.serve.pool import Pool


class Asker(Protocol):
    """The service, as such a request sees it."""

    @property
    def pool(self) -> Pool:
        """What analyses."""

    async def answered(
        self, request: Request, job: Callable[[str, Path], Job], fields: dict[str, list[str]] | None = None
    ) -> tuple[Answer, str]:
        """The answer to the job that is made of a recording's name and path, and its name."""
