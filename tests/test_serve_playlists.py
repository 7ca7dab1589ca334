"""Playlists and scripts that name a recording on the server: none is followed, whatever it is called, nothing hangs."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from serving import asking, post, sentence, served_by
from test_bad_input import wav

from intone.inference.batch import Settings
from intone.inference.serve.child import Child, Limits

ENDINGS = ("flac", "mp3", "ogg", "aac", "ts")
"""Of recordings that FFmpeg's playlists lead to."""


class Trap:
    """A named pipe in a recording's place: whoever opens it, in whatever process, is noticed."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path, self.sprung = path, False
        self.thread = threading.Thread(target=self._wait, daemon=True)
        self.thread.start()

    def _wait(self) -> None:
        line = os.open(self.path, os.O_WRONLY)  # until somebody opens it to read
        self.sprung = True
        os.close(line)

    def untouched(self) -> bool:
        """Whether nobody has opened it; the thread gets a moment to say so."""
        time.sleep(0.01)
        return not self.sprung

    def close(self) -> None:
        os.close(os.open(self.path, os.O_RDONLY | os.O_NONBLOCK))
        self.thread.join(10)


@pytest.fixture(scope="module")
def traps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Trap]]:
    folder = tmp_path_factory.mktemp("secret")
    made = {ending: Trap(folder / f"secret.{ending}") for ending in ENDINGS}
    yield made
    for trap in made.values():
        trap.close()


@pytest.fixture(scope="module")
def client(model_file: Path, tmp_path_factory: pytest.TempPathFactory):
    """Of a service with a real child, that has to answer within seconds."""
    child = Child(Settings(model_file, None, None, 1).analyzer, Limits(stalled=30, time=60))
    child.load()
    yield asking(served_by([child], tmp_path_factory.mktemp("arrived"), waiting=1))
    child.close()


HLS = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:20\n"
SCRIPTS = {
    "hls": ("m3u8", HLS + "#EXTINF:20.0,\n{0}\n#EXT-X-ENDLIST\n"),
    "hls without an end": ("m3u8", HLS + "#EXTINF:20.0,\n{0}\n"),
    "hls of one line": ("m3u8", "#EXTM3U\n#EXTINF:20,\n{0}\n"),
    "hls with a mark before": ("m3u8", "\ufeff" + HLS + "#EXTINF:20.0,\n{0}\n#EXT-X-ENDLIST\n"),
    "hls with a map": ("m3u8", HLS + '#EXT-X-MAP:URI="{0}"\n#EXTINF:20.0,\n{0}\n#EXT-X-ENDLIST\n'),
    "hls with a key": ("m3u8", HLS + '#EXT-X-KEY:METHOD=AES-128,URI="{0}"\n#EXTINF:20.0,\n{0}\n#EXT-X-ENDLIST\n'),
    "hls of variants": ("m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=128000\n{0}\n"),
    "hls with media": (
        "m3u8",
        '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",DEFAULT=YES,URI="{0}"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=128000,AUDIO="a"\n{0}\n',
    ),
    "m3u": ("m3u", "{0}\n"),
    "dash": (
        "mpd",
        '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"'
        ' mediaPresentationDuration="PT20S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011">'
        '<Period><AdaptationSet mimeType="audio/mp4">'
        '<Representation id="1" bandwidth="128000"><BaseURL>{0}</BaseURL><SegmentList><SegmentURL media="{0}"/>'
        "</SegmentList></Representation></AdaptationSet></Period></MPD>\n",
    ),
    "dash that grows": (
        "mpd",
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic" minimumUpdatePeriod="PT1S"><Period>'
        '<AdaptationSet mimeType="audio/mp4"><Representation id="1" bandwidth="1"><BaseURL>{0}</BaseURL>'
        "</Representation></AdaptationSet></Period></MPD>\n",
    ),
    "concat": ("ffconcat", "ffconcat version 1.0\nfile '{0}'\nduration 20\n"),
    "concat without a version": ("txt", "file '{0}'\n"),
    "concat with options": ("ffconcat", "ffconcat version 1.0\nfile '{0}'\noption safe 0\n"),
    "sdp": ("sdp", "v=0\no=- 0 0 IN IP4 0.0.0.0\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\na=control:{0}\n"),
    "asx": ("asx", '<ASX VERSION="3.0"><ENTRY><REF HREF="{0}"/></ENTRY></ASX>\n'),
    "asf of references": ("asx", "[Reference]\nRef1={0}\nRef2={0}\n"),
    "pls": ("pls", "[playlist]\nFile1={0}\nNumberOfEntries=1\nVersion=2\n"),
    "xspf": (
        "xspf",
        '<?xml version="1.0"?><playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList><track>'
        "<location>{0}</location></track></trackList></playlist>\n",
    ),
    "smil": ("smil", '<smil><body><audio src="{0}"/></body></smil>\n'),
    "wpl": ("wpl", '<?wpl version="1.0"?><smil><body><seq><media src="{0}"/></seq></body></smil>\n'),
    "real": ("ram", "{0}\n"),
    "cue": ("cue", 'FILE "{0}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n'),
    "imf": (
        "xml",
        '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">'
        "<Id>urn:uuid:{0}</Id></CompositionPlaylist>\n",
    ),
    "dash of little": ("xml", "<MPD><Period><Representation><BaseURL>{0}</BaseURL></Representation></Period></MPD>\n"),
    "a graph of filters": ("lavfi", "amovie={0}\n"),
    "a script of AviSynth": ("avs", 'DirectShowSource("{0}")\n'),
    "an address": ("url", "[InternetShortcut]\nURL=file://{0}\n"),
}
"""Kind -> its own ending and its text, which names a recording."""

WAYS = ("{}", "file:{}", "file://{}", "subfile,,start,0,end,100000,,:{}", "concat:{}", "crypto:{}", "async:cache:{}")
"""How a script may name a file to FFmpeg."""


def test_ffmpeg_by_itself_follows_a_playlist(tmp_path):
    """Else the trap would prove nothing."""
    import av

    trap = Trap(tmp_path / "secret.flac")
    (tmp_path / "a.m3u8").write_text(SCRIPTS["hls"][1].format(trap.path))
    with suppress(av.FFmpegError), av.open(str(tmp_path / "a.m3u8")):
        pass  # the trap is a recording of nothing
    assert not trap.untouched()
    trap.close()


@pytest.mark.parametrize("kind", SCRIPTS)
def test_no_script_leads_to_another_recording(kind, client, traps, tmp_path):
    own, text = SCRIPTS[kind]
    path = tmp_path / "script"
    for number, way in enumerate(WAYS):
        trap = traps[ENDINGS[number % len(ENDINGS)]]
        path.write_text(text.format(way.format(trap.path)), encoding="utf-8")
        for name in (f"a.{own}", "a.m3u8", "a.mp3", "a.wav", "a"):
            said = sentence(post(client, path, name), 422)
            assert said.startswith(name) and str(trap.path) not in said
    assert all(trap.untouched() for trap in traps.values())


@pytest.mark.parametrize(
    "head", [b"ID3\4\0\0\0\0\0\0", b"RIFF\0\0\0\0WAVE", b"OggS\0", b"fLaC", b"\xff\xfb\x90\0", b"\0" * 64]
)
def test_nor_one_that_begins_as_a_recording(head, client, traps, tmp_path):
    for trap in traps.values():
        for kind in ("hls", "hls without an end", "concat", "dash"):
            (tmp_path / "script").write_bytes(head + b"\n" + SCRIPTS[kind][1].format(trap.path).encode())
            for name in ("a.m3u8", "a.mp3", "a.wav"):
                answer = post(client, tmp_path / "script", name)
                assert answer.status_code in (200, 422), answer.text
    assert all(trap.untouched() for trap in traps.values())


def test_after_all_of_them_a_recording_is_heard(client, tmp_path):
    wav(tmp_path / "a.wav")
    assert client.get("/health").status_code == post(client, tmp_path / "a.wav").status_code == 200
