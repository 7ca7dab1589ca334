"""A recording and what is known of its speakers -> whose voice each of its segments is; times are seconds.

What is known is named by `--speakers`: nothing (`none`), that there is one voice (`one`), that each channel is a voice
(`channels`), or a file that says who speaks when. With `auto` voices are told apart by their sound (diarization.py).
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from intone.audio.crosstalk import listened, without_leaks
from intone.audio.recording import Recording
from intone.cache import digest
from intone.errors import BadClip, IntoneError
from intone.inference.diarization import clustered
from intone.inference.found import Judged
from intone.names import field as field_name

NONE, ONE, CHANNELS, AUTO = "none", "one", "channels", "auto"

ONLY: Final = "speaker"
"""Name of the voice where there is one."""

SHORTEST: Final = 0.3
"""Share of a segment that turns of one speaker have to cover for it to be theirs."""

NOBODY: Final = ("", "<na>", "nan", "none", "null")
"""What tables have in place of a speaker's name."""


@dataclass(frozen=True)
class Turn:
    """Somebody speaks."""

    start: float
    end: float
    speaker: str


@dataclass(frozen=True)
class Part:
    """A recording, or a channel of one, whose segments are analysed together."""

    recording: Recording
    speaker: str | None = None
    """Who speaks in all of it; None where that isn't known."""


@dataclass(frozen=True)
class Speakers:
    """What is known of the speakers of recordings."""

    way: str = NONE
    turns: Mapping[str, Sequence[Turn]] = field(default_factory=dict)
    """Recording, as the file calls it ("" where it names none) -> its turns."""
    file: str = ""
    """That file's path."""
    only: str = ONLY
    """Name of the voice, where there is one."""
    asked: bool = True
    """Whether somebody said this, and wants to know where it can't be done."""

    @classmethod
    def of(cls, text: str, voices: Sequence[str] = ()) -> "Speakers":
        """`none`, `one`, `channels`, `auto`, or a file's path; `voices`: names of voices that are known before, one of
        which may be the `one`. Raises IntoneError where that file isn't there or tells no turns, for more voices than
        are told apart, and for voices where nobody is called by a name."""
        if voices and text == ONE:
            if len(voices) > 1:
                both = " and ".join(voices)
                raise IntoneError(f"{both} can't both be the only voice: say who speaks when with --speakers FILE.")
            return cls(ONE, only=voices[0])
        if voices and text in (NONE, CHANNELS, AUTO):
            raise IntoneError(
                f"With --speakers {text} nobody is called {voices[0]}: leave --speakers out where all of it is that "
                "voice, or name a file with turns."
            )
        if text in (NONE, ONE, CHANNELS, AUTO):
            return cls(text)
        path = Path(text)
        if not path.is_file():
            raise IntoneError(f"{text} tells no speakers: give auto, none, one, channels, or an RTTM or CSV file.")
        return cls("file", _turns(path), text)

    @property
    def names_no_recording(self) -> bool:
        """Whether it is a file with turns that doesn't say of which recording they are."""
        return self.way == "file" and set(self.turns) == {""}

    def key(self) -> str:
        """What an analysis depends on."""
        turns = [(name, turn.start, turn.end, turn.speaker) for name, own in self.turns.items() for turn in own]
        return f"{self.way} {self.only}" if not turns else digest(turns)

    def parts(self, recording: Recording) -> tuple[list[Part], list[str]]:
        """What is analysed of a recording, and sentences about what was done instead of what was asked for."""
        if self.way == "file":
            self._own(recording.name)  # what doesn't fit is said before the work is done
        if self.way == ONE:
            return [Part(recording, self.only)], []
        if self.way != CHANNELS:
            return [Part(recording)], []
        found = listened(recording)
        if len(found.own) > 1:
            parts = [Part(without_leaks(recording, k, found), f"channel {k + 1}") for k in found.own]
            return parts, [_leak(k, found.seconds(k)) for k in found.leaks]
        reason = (
            "It has one channel" if found.count == 1 else f"Of its {found.count} channels one has a voice of its own"
        )
        remedy = "it was analysed as a recording of speakers who aren't known; --speakers one says that it is one voice"
        return [Part(recording)], [f"{reason}: {remedy}."]

    def names(
        self, part: Part, spans: Sequence[tuple[float, float]], voiceprints: Sequence[np.ndarray] = ()
    ) -> list[str | None]:
        """Segments (start, end) of a part -> whose voice each is; None where that isn't known.

        `voiceprints` [segments] of [256] are needed where voices are told apart by their sound. Raises BadClip where
        the file that tells turns doesn't fit this recording.
        """
        if self.way == AUTO and spans:
            found = clustered(np.stack(list(voiceprints)), np.array([end - start for start, end in spans]))
            return [None if number < 0 else f"speaker {number + 1}" for number in found]
        if self.way != "file":
            return [part.speaker] * len(spans)
        turns, begin = self._own(part.recording.name), part.recording.begin
        # Behind a part of a recording there may be turns, and in it none.
        if spans and not part.recording.excerpt and min(turn.start for turn in turns) >= max(end for _, end in spans):
            first = min(turn.start for turn in turns)
            raise BadClip(
                f"{self.file} doesn't fit {part.recording.name}: its first turn begins at {first:.1f} s, behind the "
                "last speech; name the recording's own file with --speakers."
            )
        return [_whose((start + begin, end + begin), turns) for start, end in spans]

    def named(self, part: Part, judged: Sequence[Judged]) -> list[Judged]:
        """Segments of a part, in order -> the same with their speakers, in parts where several speak in one. Raises
        BadClip as `names` does."""
        told = [own for one in judged for own in one.parts or (one,)]
        spans = [(one.segment.start, one.segment.end) for one in told]
        names = iter(self.names(part, spans, [one.voiceprint for one in told]))
        return [own for one in judged for own in one.named([next(names) for _ in one.parts or (one,)])]

    def _own(self, name: str) -> Sequence[Turn]:
        for called in (name, Path(name).name, Path(name).stem, field_name(name)):
            if called in self.turns:
                return self.turns[called]
        if self.names_no_recording:
            return self.turns[""]
        told = ", ".join(list(self.turns)[:3])
        raise BadClip(f"{self.file} doesn't fit {name}: it tells of {told}; name the recording's own file.")


def _leak(channel: int, seconds: float) -> str:
    return (
        f"Channel {channel + 1} holds the other voice faintly for {seconds:.0f} s: that was counted to the channel "
        "in which it is loud."
    )


def _whose(span: tuple[float, float], turns: Sequence[Turn]) -> str | None:
    """The speaker of most of a segment."""
    shares: dict[str, float] = {}
    for turn in turns:
        together = min(span[1], turn.end) - max(span[0], turn.start)
        if together > 0:
            shares[turn.speaker] = shares.get(turn.speaker, 0.0) + together
    if not shares:
        return None
    most = max(shares, key=shares.__getitem__)
    return most if shares[most] >= SHORTEST * (span[1] - span[0]) else None


def _turns(path: Path) -> dict[str, list[Turn]]:
    """The turns that an RTTM or a CSV tells, by recording."""
    try:
        text = path.read_bytes().decode("utf-8-sig", "replace")
    except OSError as problem:
        raise IntoneError(f"{path} can't be read ({problem.strerror}): name another file with --speakers.") from problem
    lines = [line.split() for line in text.splitlines()]
    rows = [parts for parts in lines if parts and parts[0] == "SPEAKER" and len(parts) > 7]
    try:
        found = [(r[1], float(r[3]), float(r[3]) + float(r[4]), r[7]) for r in rows] if rows else _csv(path)
    except ValueError as problem:
        raise IntoneError(f"{path} has a time that is no number ({problem}): give seconds, such as 12.5.") from None
    out: dict[str, list[Turn]] = {}
    for name, start, end, speaker in found:
        if not np.isfinite((start, end)).all():
            raise IntoneError(f"{path} has a turn from {start} to {end}: give seconds, such as 12.5.")
        if end > start and (known := speaker_name(speaker)):
            out.setdefault(name, []).append(Turn(start, end, known))
    if not out:
        raise IntoneError(f"{path} tells of no turn: an RTTM has lines SPEAKER, a CSV the columns start, end, speaker.")
    return out


def speaker_name(speaker: str) -> str:
    """A speaker's name in one line, without characters that formats can't hold; "" where it names nobody."""
    name = "".join(sign for sign in " ".join(speaker.split()) if sign.isprintable())
    return "" if name.lower() in NOBODY else name


def _csv(path: Path) -> list[tuple[str, float, float, str]]:
    wanted = ("start", "end", "speaker")
    try:
        table = pd.read_csv(path, sep=None, engine="python", dtype=str, encoding="utf-8-sig", keep_default_na=False)
    except (ValueError, csv.Error, pd.errors.ParserError) as problem:
        raise IntoneError(f"{path} is neither RTTM nor CSV: an RTTM has lines that begin with SPEAKER.") from problem
    table.columns = [str(name).strip().lower() for name in table.columns]
    if missing := [name for name in wanted if name not in table]:
        raise IntoneError(f"{path} has no column {missing[0]}: a CSV of turns has {', '.join(wanted)}.")
    files = table["file"] if "file" in table else [""] * len(table)
    return [
        (str(file), float(start), float(end), str(speaker).strip())
        for file, start, end, speaker in zip(files, table["start"], table["end"], table["speaker"], strict=True)
    ]
