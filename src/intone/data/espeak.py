"""Lines to say (voice, text, rate, pitch, range) -> 16-bit mono PCM at eSpeak NG's own rate, one array per line.

eSpeak NG comes as a shared library inside the wheel `espeakng-loader`; nothing is needed from the system. It keeps
state between two utterances that can't be reset (the same line spoken twice differs by some samples), so this file is
run as a separate program: a new process with a fixed seed renders the same list to the same bytes.

    python espeak.py < lines.json > pcm.bin
"""

import ctypes
import importlib.util
import json
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

_SYNCHRONOUS: Final = 2  # espeak_AUDIO_OUTPUT: no sound card, samples go to the callback before Synth returns
_UTF8: Final = 1
_CHARACTERS: Final = 1  # espeak_POSITION_TYPE
_PARAMETERS: Final = {"rate": 1, "pitch": 3, "range": 4}  # espeak_PARAMETER


@dataclass(frozen=True)
class Line:
    """One utterance."""

    voice: str
    """Language and variant, such as `en-us+f2`."""
    text: str
    rate: int
    """Words per minute, 80 to 450; 175 is eSpeak's default."""
    pitch: int
    """0 to 99; 50 is the voice's own pitch, and 50 steps are about an octave."""
    range: int
    """0 to 99; 50 is normal, 0 monotone."""


def installed() -> bool:
    """Whether the wheel with eSpeak NG is installed."""
    return importlib.util.find_spec("espeakng_loader") is not None


def say(lines: Sequence[Line]) -> tuple[list[bytes], int]:
    """Each line's little-endian int16 samples, and their rate in Hz; the same list gives the same bytes."""
    command = [sys.executable, "-P", __file__]  # -P: this folder's modules must not shadow others
    result = subprocess.run(command, input=json.dumps([asdict(x) for x in lines]).encode(), capture_output=True)
    if result.returncode:
        raise RuntimeError(f"eSpeak NG failed: {result.stderr.decode(errors='replace')}")
    return _unpacked(result.stdout)


def _unpacked(data: bytes) -> tuple[list[bytes], int]:
    (rate,) = struct.unpack_from("<i", data)
    at, out = 4, []
    while at < len(data):
        (size,) = struct.unpack_from("<i", data, at)
        out.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return out, rate


def _render(lines: Sequence[dict[str, Any]]) -> tuple[list[bytes], int]:
    import espeakng_loader

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0)
    if rate <= 0:
        raise RuntimeError(f"eSpeak NG does not start from {espeakng_loader.get_data_path()}")
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # breath and flutter; eSpeak's own seed is the time of day
    said: list[bytes] = []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
    def keep(samples: Any, count: int, events: Any) -> int:
        if samples and count:
            said.append(ctypes.string_at(samples, 2 * count))
        return 0

    library.espeak_SetSynthCallback(keep)
    out = []
    for line in lines:
        said.clear()
        _say_one(library, line)
        out.append(b"".join(said))
    return out, rate


def _say_one(library: ctypes.CDLL, line: dict[str, Any]) -> None:
    if library.espeak_SetVoiceByName(line["voice"].encode()):
        raise RuntimeError(f"eSpeak NG has no voice {line['voice']}")
    for name, number in _PARAMETERS.items():
        library.espeak_SetParameter(number, line[name], 0)
    text = line["text"].encode() + b"\0"
    library.espeak_Synth(text, len(text), 0, _CHARACTERS, 0, _UTF8, None, None)
    library.espeak_Synchronize()


def main() -> None:
    """JSON list of lines on stdin -> rate, then each line's byte count and samples, little-endian, on stdout."""
    pieces, rate = _render(json.load(sys.stdin))
    sys.stdout.buffer.write(struct.pack("<i", rate))
    for piece in pieces:
        sys.stdout.buffer.write(struct.pack("<i", len(piece)) + piece)


if __name__ == "__main__":
    main()
