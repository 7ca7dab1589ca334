"""The header of a WAV file -> how many bytes of samples it announces, and how many there are."""

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from intone.audio.readers.containers import PLACEHOLDERS
from intone.audio.readers.sound import truncated

METADATA: Final = "LIST,id3 ,ID3 ,cue ,fact,bext,smpl,inst,PEAK,iXML,axml,JUNK,junk,PAD ,DISP,acid,afsp,cart,FLLR"
"""Chunks that may follow the samples; the last of them may be cut off."""

WORD: Final = re.compile(rb"[A-Za-z0-9_ ]{4}")
"""Names of other chunks."""

NEXT: Final = (b"RIFF", b"RIFX", b"RF64")
"""First bytes of another WAV file that was appended to this one."""

MAX_PADDING_BYTES: Final = 1 << 16
"""Up to this many zero bytes after the samples are padding of a block on some medium; more of them are silence."""


@dataclass(frozen=True)
class WavHeader:
    """What a WAV header says about the samples, in bytes."""

    announced: int
    there: int
    """From the first sample to the end of the file."""
    short: bool
    """Whether sound continues after the end that the header gives."""
    second: int
    """Bytes per second, or 0 where the header doesn't say."""

    @property
    def fits(self) -> bool:
        """Whether all of the sound is where the header says."""
        return self.announced <= self.there and not self.short

    @classmethod
    def of(cls, path: Path) -> "WavHeader | None":
        """The header of a file; None where it isn't a WAV."""
        with path.open("rb") as file:
            return cls.read(file)

    @classmethod
    def read(cls, file: Any) -> "WavHeader | None":
        """The header of an open file; None where it isn't a WAV."""
        end = file.seek(0, io.SEEK_END)
        file.seek(0)
        head = file.read(12) or b""
        if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
            return None
        second = large = 0
        place = 12
        while len(chunk := file.read(8)) == 8:
            size = int.from_bytes(chunk[4:], "little")
            place += 8
            if chunk[:4] == b"fmt " and size >= 16:
                second = int.from_bytes(file.read(16)[8:12], "little")
            if chunk[:4] == b"ds64":  # sizes of RF64 that 32 bits can't hold
                large = int.from_bytes(file.read(16)[8:16], "little")
            if chunk[:4] == b"data":
                size = large if head[:4] == b"RF64" else size
                return cls(size, end - place, _goes_on(file, place + size, end), second)
            place += size + size % 2
            file.seek(place)
        return None

    def notes(self, there: float) -> list[str]:
        """At most one sentence about a length that doesn't fit; `there` is the length that was read, in seconds."""
        if self.short:
            said = self.announced / self.second if self.second else 0.0
            return [f"Its header gives {said:.1f} s, and {there:.1f} s are there and were heard."]
        if self.announced >= PLACEHOLDERS > self.there:
            return [f"Its header doesn't say how long it is: {there:.1f} s are there and were heard."]
        if self.announced > self.there + 1:
            said = self.announced / self.second if self.second else there
            return [truncated(there, said)]
        if self.announced > self.there:
            return [f"Its header announces a byte more than there is: all of its {there:.1f} s were heard."]
        return []


def _goes_on(file: Any, place: int, end: int) -> bool:
    """Whether there are samples from `place` to the end, and not just chunks (tags, cues) or a few zeros."""
    while place + 8 <= end:
        file.seek(place)
        chunk = file.read(8)
        name, size = chunk[:4], int.from_bytes(chunk[4:], "little")
        if name in NEXT:
            return True
        if not any(name):
            return end - place > MAX_PADDING_BYTES or any(file.read(end - place))
        if name not in METADATA.encode().split(b",") and (not WORD.fullmatch(name) or place + 8 + size > end + 1):
            return True
        place += 8 + size + size % 2
    return False
