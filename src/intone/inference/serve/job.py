"""Messages between the service and the process that analyses; nothing heavy is imported here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

LEFT: Final = "nobody waits any more"
"""The service's message to the child after the client has disconnected."""


@dataclass(frozen=True)
class Facts:
    """The model and options that the child has loaded."""

    model: str
    licence: str
    words: bool
    card: Mapping[str, Any] = field(default_factory=dict)
    """The model's card as a page shows it: labels, languages, corpora, scores."""


@dataclass(frozen=True)
class Progress:
    """The child's message every few seconds of sound, and for each sentence that it finds."""

    seconds: float | None = None
    """Seconds of sound that were read so far, where this message is about that."""
    length: float | None = None
    """Seconds that the recording's header announces, at the beginning, where it is known."""
    segment: Mapping[str, Any] | None = None
    """A sentence as in the JSON format, before its speaker is known."""


@dataclass(frozen=True)
class Job:
    """One recording and how it is to be analysed."""

    path: Path
    name: str
    """The client's name for it."""
    formats: tuple[str, ...]
    text: bool = True
    """Whether words are wanted, where there is a Whisper."""
    language: str | None = None
    """None: that with which the service was started."""
    track: int | None = None
    """Which of several sound tracks; None is the default one."""
    speakers: str | None = None
    """Who speaks: auto, none, one or channels; None: as the service was started."""
    explained: str | None = None
    """The emotion of one sentence that is to be explained instead, "" being the most probable one."""


@dataclass(frozen=True)
class Answer:
    """Format -> the bytes of its file, or why there are none."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    status: int = 200
    """HTTP status."""
    problem: str = ""
    """One sentence for the client."""
    detail: str = ""
    """One line for the terminal."""
