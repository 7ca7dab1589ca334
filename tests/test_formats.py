"""Every format is read back by what opens it: Praat, subtitle parsers, pyannote, pandas, a browser's own parser."""

import base64
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intone.audio.account import Account, LeftOut
from intone.emotions import COLOURS, EMOTIONS
from intone.errors import IntoneError
from intone.inference.formats import FORMATS, TEXTS, chosen, places, write
from intone.inference.formats.html import (
    DARK,
    LIGHT,
    coarser,
    contrast,
    mp3,
    page,
    palette,
    script_hashes,
    seen,
    vendor,
)
from intone.inference.result import Analysis, Segment, curve, table

SPOKEN = ((0.5, 2.5, "anna lee"), (2.0, 4.0, "Tom"))
"""Two speakers, who overlap: start, end, name."""

NASTY = ' Tabs\tand "quotes", <b>&amp;</b> </script> {\\b1} 1 --> 2 \\N Über 怒る 😂 '


def chances(emotion: str, p: float) -> dict[str, float]:
    return {e: p if e == emotion else (1 - p) / (len(EMOTIONS) - 1) for e in EMOTIONS}


def segment(start: float, end: float, emotion: str, text: str, p: float = 0.8) -> Segment:
    words, each = text.split(), (end - start) / max(1, len(text.split()))
    timed = [
        {"word": f" {w}", "start": start + i * each, "end": start + (i + 1) * each, "probability": 0.9}
        for i, w in enumerate(words)
    ]
    return Segment(start, end, chances(emotion, p), emotion, text, timed, chances(emotion, 0.7))


def analysis(*segments: Segment, name: str = "talks/a b.mp3") -> Analysis:
    times = [(s.start + s.end) / 2 for s in segments]
    rows = [np.array(list(s.probabilities.values())) for s in segments]
    sound = 0.1 * np.sin(np.arange(16_000 * 4) / 20).astype(np.float32)
    return Analysis(
        name,
        8.0,
        "tiny 1",
        "en",
        table(name, segments),
        curve(name, times, rows),
        ("It is quiet.",),
        np.abs(sound).reshape(-1, 160).max(1),
        lambda: iter(np.split(sound, 4)),
        account=Account(8.0, 7.5, 5.0, 1.5, (LeftOut(7.5, 8.0, "damaged"),)),
        windows=(1,) * len(segments),
    )


@pytest.fixture
def found() -> Analysis:
    return analysis(
        segment(0.5, 2.25, "angry", "Kids are talking."), segment(2.25, 4.0, "calm", NASTY), segment(6, 7.5, "sad", "")
    )


@pytest.fixture
def files(found: Analysis, tmp_path: Path) -> dict[str, Path]:
    return dict(zip(FORMATS, write(found, tmp_path, "a b", list(FORMATS)), strict=True))


def test_json_has_the_documented_shape(files):
    got = json.loads(files["json"].read_text())
    assert list(got) == ["file", "duration", "model", "language", "account", "segments", "warnings"]
    account = got["account"]
    assert list(account) == ["length", "heard", "speech", "speech_without_words", "left_out"]
    assert account["left_out"] == [{"start": 7.5, "end": 8.0, "reason": "damaged"}] and account["heard"] == 7.5
    keys = ["start", "end", "text", "language", "emotion", "confidence", "probabilities", "audio"]
    keys += ["speaker", "adapted", "words"]
    assert [list(s) for s in got["segments"]] == [keys] * 3
    assert list(got["segments"][0]["probabilities"]) == list(EMOTIONS)
    assert list(got["segments"][0]["words"][0]) == ["word", "start", "end", "probability"]
    assert got["segments"][1]["text"] == NASTY and got["duration"] == 8.0


@pytest.mark.parametrize(("name", "mark"), [("csv", ","), ("tsv", "\t")])
def test_tables_come_back_as_they_were(files, found, name, mark):
    got = pd.read_csv(files[name], sep=mark, keep_default_na=False).set_index(["file", "start", "end"])
    pd.testing.assert_frame_equal(
        got[["text", "emotion", "confidence", *EMOTIONS]],
        pd.DataFrame(found.segments[["text", "emotion", "confidence", *EMOTIONS]]),
        atol=1e-4,
    )
    assert list(got["audio"]) == ["angry", "calm", "sad"]
    assert set(got["speaker"]) == {""} and set(got["adapted"]) == {0}


def test_every_format_says_who_speaks():
    anna, tom = (replace(segment(a, b, "sad", "So."), speaker=who, adapted=1) for a, b, who in SPOKEN)
    whole = analysis(anna, tom, segment(5, 6, "calm", "Oh."))
    made = {name: FORMATS[name].encoded(whole).decode() for name in TEXTS}
    got = pd.read_csv(io.StringIO(made["csv"]), keep_default_na=False)
    assert list(got["speaker"]) == ["anna lee", "Tom", ""] and list(got["adapted"]) == [1, 1, 0]
    assert [s["speaker"] for s in json.loads(made["json"])["segments"]] == ["anna lee", "Tom", None]
    assert [line.split()[7] for line in made["rttm"].splitlines()] == ["anna_lee", "Tom", "unknown"]
    assert made["txt"].splitlines()[0].split("] ")[1] == "anna lee: So. (sad 80 %)"
    for name in ("srt", "vtt", "audacity"):
        assert "anna lee: So. (sad 80 %)" in made[name] and "Tom: So." in made[name]
    tiers = re.findall('name = "(.*)"', made["textgrid"])
    assert tiers[:4] == [f"{name} (anna lee)" for name in ("emotion", "confidence", "text", "words")]
    assert tiers[4] == "emotion (Tom)"
    assert tiers[-1] == "words"
    said = [r for r in json.loads(made["labelstudio"])[0]["predictions"][0]["result"] if r["from_name"] == "speaker"]
    assert [r["value"]["labels"] for r in said] == [["anna lee"], ["Tom"]]


def test_srt_is_read_by_a_subtitle_parser(files):
    srt = pytest.importorskip("srt")
    got = list(srt.parse(files["srt"].read_text()))
    assert [(s.start.total_seconds(), s.end.total_seconds()) for s in got] == [(0.5, 2.25), (2.25, 4), (6, 7.5)]
    assert got[0].content == "Kids are talking. (angry 80 %)" and got[2].content == "(sad 80 %)"


def test_vtt_is_read_by_a_browsers_rules(files):
    webvtt = pytest.importorskip("webvtt")
    got = list(webvtt.read(files["vtt"]))
    assert [(s.start_in_seconds, s.end_in_seconds) for s in got] == [(0, 2), (2, 4), (6, 7)]
    assert "&lt;b&gt;&amp;amp;&lt;/b&gt;" in got[1].raw_text and "1 --&gt; 2" in got[1].raw_text


def test_praat_opens_the_textgrid(files):
    parselmouth = pytest.importorskip("parselmouth")
    praat, grid = parselmouth.praat, parselmouth.Data.read(str(files["textgrid"]))
    names = [praat.call(grid, "Get tier name...", i) for i in range(1, 5)]
    assert names == ["emotion", "confidence", "text", "words"]
    labels = [
        praat.call(grid, "Get label of interval...", 1, i)
        for i in range(1, 1 + praat.call(grid, "Get number of intervals...", 1))
    ]
    assert labels == ["", "angry", "calm", "", "sad", ""]
    assert praat.call(grid, "Get label of interval...", 3, 3) == " ".join(NASTY.split())
    assert praat.call(grid, "Get starting point...", 1, 2) == 0.5
    assert praat.call(grid, "Get total duration") == 8.0


def test_pyannote_reads_the_rttm(files):
    load_rttm = pytest.importorskip("pyannote.database.util").load_rttm
    ((name, turns),) = load_rttm(str(files["rttm"])).items()
    assert name == "a_b"
    assert [(s.start, s.end, label) for s, _, label in turns.itertracks(yield_label=True)] == [
        (0.5, 2.25, "angry"),
        (2.25, 4.0, "calm"),
        (6.0, 7.5, "sad"),
    ]


def test_audacity_gets_three_fields_a_line(files):
    lines = [line.split("\t") for line in files["audacity"].read_text().splitlines()]
    assert [(float(a), float(b)) for a, b, _ in lines] == [(0.5, 2.25), (2.25, 4), (6, 7.5)]


def test_label_studio_gets_a_task_whose_regions_are_predictions(files):
    (task,) = json.loads(files["labelstudio"].read_text())
    assert task["data"] == {"audio": "talks/a b.mp3"}
    regions = task["predictions"][0]["result"]
    assert [r["value"]["labels"] for r in regions if r["type"] == "labels"] == [["angry"], ["calm"], ["sad"]]
    ids = [r["id"] for r in regions if r["type"] == "labels"]
    assert len(set(ids)) == 3 and {r["id"] for r in regions} == set(ids)


class Page(HTMLParser):
    """What a browser makes of a page: where its scripts begin and end, and what it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.inside, self.fetched = False, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.inside = tag == "script"
        self.scripts += [""] * self.inside
        self.fetched += [v for k, v in attributes if k in ("src", "href")]

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.scripts[-1] += data


def test_the_page_holds_everything_and_fetches_nothing(found):
    got = Page(text := page(found))
    assert len(got.scripts) == 4 and not got.fetched
    own = text.replace(vendor(), "").replace("http-", "")
    assert "http" not in own and "default-src 'none'" in own
    assert all(f"'{mark}'" in own for mark in script_hashes()) and "script-src 'unsafe-inline'" not in own
    data = json.loads(got.scripts[0])
    assert data["segments"][1]["text"] == NASTY
    assert len(data["sound"]) > 5_000 and len(data["curve"]["times"]) == len(data["curve"]["sad"]) == 3


@pytest.mark.parametrize("background", [LIGHT, DARK])
def test_every_colour_of_the_page_is_seen_on_its_background(found, background):
    assert contrast("#000000", "#ffffff") == pytest.approx(21) and contrast("#777777", "#ffffff") == pytest.approx(
        4.48, abs=0.01
    )
    colours = dict(re.findall(r"--(\w+): (#\w{6});", palette(background)))
    assert list(colours) == [*EMOTIONS, "unsure"] and palette(background) in page(found)
    assert all(contrast(c, background) >= 3 for c in colours.values()) and len(set(colours.values())) == 9
    assert contrast(colours["neutral"], colours["unsure"]) >= 3
    assert seen(COLOURS["disgust"], LIGHT) == COLOURS["disgust"].lower()


def test_the_pages_sound_is_the_recording(found, tmp_path):
    import av

    path = tmp_path / "a.mp3"
    path.write_bytes(mp3(found.sound()))
    with av.open(str(path)) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert samples / 16_000 == pytest.approx(4.0, abs=0.2)


def test_the_waveform_keeps_its_peaks():
    peaks = np.zeros(10_001, np.float32)
    peaks[7777] = 1
    got = coarser(peaks, 3)
    assert len(got) == 3334 and got.max() == 1 and got.argmax() == 7777 // 3


def test_a_long_recording_has_no_more_bars_and_columns_than_a_screen_shows(found):
    blocks = [0.1 * np.sin(np.arange(16_000 * 60) / 20).astype(np.float32)] * 2
    long = replace(found, duration=120.0, peaks=np.zeros(12_000, np.float32), sound=lambda: iter(blocks))
    data = json.loads(Page(page(long)).scripts[0])
    assert len(data["peaks"]) == 4_000
    picture = data["spectrogram"]
    assert picture["columns"] == 2_400 and picture["columns"] * picture["step"] == pytest.approx(120)
    levels = np.frombuffer(base64.b64decode(picture["levels"]), np.uint8).reshape(picture["columns"], picture["rows"])
    # 20 radians in a sample of 1/16000 s are 127 Hz: the lowest bands are loud, the highest are not.
    assert levels[:, :8].max(1).min() > 200 > levels[:, -8:].max()


def test_a_recording_shorter_than_a_column_has_no_spectrogram(found):
    short = replace(found, duration=0.005, sound=lambda: iter([np.zeros(80, np.float32)]))
    assert json.loads(Page(page(short)).scripts[0])["spectrogram"]["columns"] == 0


def test_a_recording_without_speech_still_makes_every_file(tmp_path):
    for path in write(analysis(), tmp_path, "silence", list(FORMATS)):
        assert path.exists(), path
    assert json.loads((tmp_path / "silence.json").read_text())["segments"] == []


@settings(max_examples=20, deadline=None)
@given(text=st.text(max_size=60), name=st.text(min_size=1, max_size=20))
def test_any_words_and_any_name_come_through(text, name):
    import srt

    found = analysis(segment(0.5, 2.0, "happy", text), segment(2.0, 3.0, "happy", "and on"), name=name)
    got = {kind: FORMATS[kind].encoded(found).decode() for kind in TEXTS}
    assert len(json.loads(got["json"])["segments"]) == 2
    assert len(list(srt.parse(got["srt"]))) == 2
    assert len(got["audacity"].split("\n")) == len(got["rttm"].split("\n")) == 3
    assert all(len(line.split(" ")) == 10 for line in got["rttm"].splitlines())
    assert len(Page(got["html"]).scripts) == 4


def test_formats_are_named_and_unknown_ones_refused():
    assert chosen("json, SRT,json") == ("json", "srt")
    for bad in ("docx", "", "json,docx"):
        with pytest.raises(IntoneError, match="There is no format"):
            chosen(bad)


def test_a_folder_that_cannot_be_written_is_one_sentence(found, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(IntoneError, match=r"can't be written .*-o"):
        write(found, tmp_path / "file", "a", ["json"])
    with pytest.raises(IntoneError, match="name is too long"):
        write(found, tmp_path, "a" * 300, ["json"])


def test_a_full_disk_leaves_nothing_half_written(found, tmp_path, monkeypatch):
    import errno

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("intone.inference.formats.write_whole", full)
    with pytest.raises(IntoneError, match="no space left on device"):
        write(found, tmp_path, "a", ["json"])
    assert not list(tmp_path.iterdir())


def test_files_end_as_their_programs_want(tmp_path):
    assert [p.name for p in places(tmp_path, "x", ["textgrid", "labelstudio"])] == ["x.TextGrid", "x.labelstudio.json"]


def test_top_gives_what_the_hubs_pipelines_give(found):
    first = found.segments.top(2)[0]
    assert first[0]["label"] == "angry" and first[0]["score"] == 0.8 and len(first) == 2
