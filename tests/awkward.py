"""Recipes for awkward recordings: beeps at known times, in any container, cut, joined, damaged, with lying headers."""

import io
from collections.abc import Callable, Sequence
from fractions import Fraction

import av
import numpy as np
import soundfile

RATE = 48_000
EVERY = 0.5
"""Seconds from one beep to the next, the first 0.2 s in; each lasts 0.1 s."""

CONTAINERS = {
    "wav": ("pcm_s16le", "wav"),
    "aiff": ("pcm_s16be", "aiff"),
    "caf": ("pcm_s16le", "caf"),
    "au": ("pcm_s16be", "au"),
    "w64": ("pcm_s16le", "w64"),
    "flac": ("flac", "flac"),
    "mp3": ("libmp3lame", "mp3"),
    "aac": ("aac", "adts"),
    "opus": ("libopus", "ogg"),
    "m4a": ("aac", "ipod"),
    "alac.m4a": ("alac", "ipod"),
    "mov": ("pcm_s16le", "mov"),
    "webm": ("libopus", "webm"),
    "mka": ("aac", "matroska"),
    "avi": ("libmp3lame", "avi"),
    "flv": ("aac", "flv"),
    "ts": ("aac", "mpegts"),
    "mpg": ("mp2", "mpeg"),
}
"""Ending -> FFmpeg's codec and container."""


def beeps(seconds: float, hertz: float = 1000.0) -> np.ndarray:
    """Mono float32 at 48 kHz."""
    time = np.arange(round(seconds * RATE)) / RATE
    on = ((time - 0.2) % EVERY < 0.1) & (time >= 0.2)
    return (0.3 * np.sin(2 * np.pi * hertz * time) * on).astype(np.float32)


def beep_times(signal: np.ndarray, rate: int = 16_000) -> list[float]:
    """When beeps begin, in seconds, to 10 ms; shorter sounds (what is left of a damaged one) are none."""
    size = rate // 100
    loud = np.abs(signal[: len(signal) // size * size].reshape(-1, size)).max(1) > 0.05
    edges = np.flatnonzero(np.diff(np.concatenate([[0], loud.astype(int), [0]])))
    return [start * 0.01 for start, end in edges.reshape(-1, 2) if end - start >= 5]


def encoded(
    ending: str,
    sound: np.ndarray,
    channels: int = 1,
    late: float = 0.0,
    gap: tuple[float, float] | None = None,
    video: float = 0.0,
    tracks: Sequence[np.ndarray] = (),
) -> bytes:
    """A file's bytes. The sound begins `late` seconds into it; `gap` is where, in seconds of the sound, and how long
    its times jump; `video` is the length of a picture track that begins at 0; `tracks` are further sound tracks."""
    codec, container = CONTAINERS[ending]
    layout = {1: "mono", 2: "stereo"}[channels]
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        picture = (
            file.add_stream("flv1" if ending == "flv" else "mpeg4", rate=10, width=64, height=64, pix_fmt="yuv420p")
            if video
            else None
        )
        streams = [file.add_stream(codec, rate=RATE, layout=layout) for _ in (sound, *tracks)]
        for number in range(round(10 * video)):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            file.mux(picture.encode(frame))
        if picture:
            file.mux(picture.encode(None))
        for stream, signal in zip(streams, (sound, *tracks), strict=True):
            for piece in _pieces(stream, signal, layout, late, gap):
                file.mux(stream.encode(piece))
            file.mux(stream.encode(None))
    return out.getvalue()


def _pieces(stream, signal, layout, late, gap):
    stacked = np.ascontiguousarray(np.stack([signal] * (2 if layout == "stereo" else 1)))
    whole = av.AudioFrame.from_ndarray(stacked, format="fltp", layout=layout)
    whole.sample_rate = RATE
    fitting = av.AudioResampler(stream.format, layout, RATE, frame_size=stream.frame_size or 1024)
    at = 0
    for piece in [*fitting.resample(whole), *fitting.resample(None)]:
        behind = gap[1] if gap and at / RATE >= gap[0] else 0.0
        piece.pts, piece.time_base = at + round((late + behind) * RATE), Fraction(1, RATE)
        at += piece.samples
        yield piece


def damaged(data: bytes, share: float = 0.5, size: int = 60, seed: int = 0) -> bytes:
    """Some bytes overwritten by chance, `share` of the way in."""
    place = round(share * len(data))
    noise = np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8).tobytes()
    return data[:place] + noise + data[place + size :]


def wav(sound: np.ndarray, subtype: str = "PCM_16") -> bytes:
    """A WAV with a header of 44 bytes."""
    out = io.BytesIO()
    soundfile.write(out, sound, RATE, subtype=subtype, format="WAV")
    return out.getvalue()


def with_size(data: bytes, size: int) -> bytes:
    """A WAV whose header announces `size` bytes of samples."""
    return (
        data[:4] + min(size + 36, 2**32 - 1).to_bytes(4, "little") + data[8:40] + size.to_bytes(4, "little") + data[44:]
    )


def flac_without_length(sound: np.ndarray) -> bytes:
    """As an encoder writes it that can't go back to its header."""
    data = bytearray(encoded("flac", sound))
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    return bytes(data)


def mp3_without_xing(sound: np.ndarray) -> bytes:
    """As an encoder writes it into a pipe: the first frame, which holds the count of frames, is not there."""
    data = encoded("mp3", sound)
    start = data.index(b"\xff\xfb", data.index(b"\xff\xfb") + 100)
    return data[start:]


PLAYLISTS: dict[str, Callable[[str, str], str]] = {
    "hls": lambda path, ending: (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:20\n#EXTINF:20.0,\n{path}\n" + "#EXT-X-ENDLIST\n" * (ending == "ended")
    ),
    "hls that begins with a byte order mark": lambda path, ending: (
        f"\ufeff#EXTM3U\n#EXTINF:20.0,\n{path}\n#EXT-X-ENDLIST\n"
    ),
    "m3u": lambda path, ending: f"#EXTM3U\n#EXTINF:20,Song\n{path}\n",
    "concat": lambda path, ending: f"ffconcat version 1.0\nfile '{path}'\n",
    "sdp": lambda path, ending: "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
    "asx": lambda path, ending: f'<asx version="3.0"><entry><ref href="{path}"/></entry></asx>\n',
    "pls": lambda path, ending: f"[playlist]\nNumberOfEntries=1\nFile1={path}\n",
    "xspf": lambda path, ending: (
        f'<?xml version="1.0"?><playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList><track><location>file://'
        f"{path}</location></track></trackList></playlist>\n"
    ),
    "smil": lambda path, ending: f'<smil><body><audio src="{path}"/></body></smil>\n',
    "dash": lambda path, ending: (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT20S"><Period><AdaptationSet mimeType="audio/mp4"><Representation '
        f'id="1" bandwidth="64000"><BaseURL>{path}</BaseURL></Representation></AdaptationSet></Period></MPD>\n'
    ),
    "imf": lambda path, ending: (
        '<?xml version="1.0"?><AssetMap xmlns="http://www.smpte-ra.org/schemas/429-9/2007/AM"><AssetList><Asset>'
        f"<ChunkList><Chunk><Path>{path}</Path></Chunk></ChunkList></Asset></AssetList></AssetMap>\n"
    ),
    "rtsp": lambda path, ending: "rtsptext\nrtsp://127.0.0.1:1/x\n",
    "wpl": lambda path, ending: f'<?wpl version="1.0"?><smil><body><seq><media src="{path}"/></seq></body></smil>\n',
}
"""Kind -> what such a file says, given the path that it points to and whether it ends ("ended") or goes on ("live")."""
