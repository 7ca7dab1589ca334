"""Both pages in a browser: drawn whenever they are shown, played, dropped on, and never left with the microphone on."""

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from browser import WHERE, Browser, browser
from test_formats import analysis, segment

from intone.inference.formats.html import page

pytestmark = pytest.mark.skipif(WHERE is None, reason="no Chromium on PATH")

STREAMS = """
  const asked = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  window.streams = [];
  navigator.mediaDevices.getUserMedia = async (...given) => {
    const stream = await asked(...given);
    streams.push(stream);
    return stream;
  };
"""
LIVE = "streams.flatMap((s) => s.getTracks()).filter((t) => t.readyState === 'live').length"
SAID = "document.querySelector('#status').textContent"
NOTED = "document.querySelector('#note').textContent"
BUTTON = "document.querySelector('#record').textContent"
DRAWN = """['wave', 'curve'].every((id) => {
  const canvas = document.querySelector(`#${id} canvas`);
  return canvas.width && canvas.width === Math.floor(canvas.clientWidth * devicePixelRatio)
    && (id === 'curve' || canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean));
})"""
"""Whether both charts have the size at which they are shown; on the curve is nothing where nobody speaks."""


@pytest.fixture(scope="module")
def tab() -> Iterator[Browser]:
    with browser() as made:
        made.call("Page.addScriptToEvaluateOnNewDocument", source=f"if (navigator.mediaDevices) {{{STREAMS}}}")
        yield made


def shown(**more: Any) -> str:
    """The page of three segments: angry, unsure and sad, the last of them without words; `more` to its data."""
    found = analysis(
        segment(0.5, 2.25, "angry", "Kids are talking."), segment(2.25, 3, "unsure", "Hunde."), segment(3, 4, "sad", "")
    )
    before, rest = page(found).split('id="data">')
    text, after = rest.split("</script>", 1)
    data = json.loads(text) | more
    data["segments"][1]["language"] = "de"
    return f'{before}id="data">{json.dumps(data)}</script>{after}'


@pytest.fixture
def opened(tab: Browser, tmp_path: Path) -> Browser:
    """A tab with that page in it."""
    lost = [{"start": 4.0, "end": 6.0, "reason": "damaged"}, {"start": 9.5, "end": 10.0, "reason": "nothing there"}]
    account = {"length": 10.0, "heard": 7.5, "speech": 3.5, "speech_without_words": 1.0, "left_out": lost}
    path = tmp_path / "a.html"
    path.write_text(shown(account=account), encoding="utf-8")
    tab.open(path.as_uri())
    return tab


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a service with the model that is in the package."""
    code = "import sys; from intone.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "serve", "--port", "0", "--no-text", "--speakers", "none"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield re.search(r"http://127\.0\.0\.1:\d+/", process.stderr.readline())[0]
        finally:
            process.send_signal(signal.SIGINT)


@pytest.fixture
def served(tab: Browser, address: str) -> Browser:
    """A tab at the service."""
    tab.open(address)
    tab.until("document.querySelector('#facts').textContent")
    return tab


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    path = tmp_path / "talk.wav"
    soundfile.write(path, 0.1 * np.sin(np.arange(16_000) / 20), 16_000)
    return path


def text(opened: Browser, selector: str) -> str:
    return " ".join(
        opened.run(f"[...document.querySelectorAll('{selector}')].map((e) => e.innerText).join(' ')").split()
    )


def test_the_charts_are_drawn_once_their_frame_has_a_size(tab, tmp_path):
    host = (
        f"<!doctype html><iframe hidden srcdoc='{re.sub('[&]', '&amp;', shown()).replace(chr(39), '&#39;')}'></iframe>"
    )
    (tmp_path / "host.html").write_text(host, encoding="utf-8")
    tab.open((tmp_path / "host.html").as_uri())
    inside = "document.querySelector('iframe').contentDocument"
    drawn = DRAWN.replace("document.q", f"{inside}.q")
    tab.until(f"{inside}.querySelectorAll('tbody tr').length")
    assert not tab.run(drawn)
    for size in ("document.querySelector('iframe').hidden = false", "document.querySelector('iframe').width = 700"):
        tab.run(size)
        tab.until(drawn)
    assert not tab.said


def test_unsure_left_out_and_languages_are_shown(opened):
    assert "unsure: none is probable enough left out" in text(opened, "#legend span")
    assert text(
        opened, "#account"
    ) == "0:07.5 of 0:10.0 heard · 0:03.5 of it speech · 0:01.0 of that without words · " + ("0:02.5 left out:")
    assert text(opened, "#account + ul") == "0:04.0 – 0:06.0 (damaged) 0:09.5 – 0:10.0 (nothing there)"
    titles = opened.run(
        "[...document.querySelectorAll('#wave .gap')].map((e) => [e.title, e.offsetLeft / wave.clientWidth])"
    )
    assert titles[0][0] == "left out, 0:04.0 – 0:06.0: damaged" and titles[0][1] == pytest.approx(0.4, abs=0.01)
    assert [text(opened, f"tbody tr:nth-child({n}) .text") for n in (1, 2, 3)] == [
        "Kids are talking.",
        "Hunde. German",
        "no words",
    ]
    dots = "[...document.querySelectorAll('tbody .dot')].map((e) => getComputedStyle(e).backgroundImage)"
    plain, striped, _ = opened.run(dots)
    assert plain == "none" and "gradient" in striped
    assert opened.until(DRAWN) and not opened.said


def test_a_row_plays_its_segment_by_the_keyboard_too(opened):
    opened.until("player.readyState > 2")
    opened.run("document.querySelector('tbody tr:nth-child(2)').focus()")
    opened.press("Enter")
    opened.until("player.currentTime > 2.25 && document.querySelector('tr.now') !== null")
    opened.until("player.paused")
    assert opened.run("player.currentTime") >= 3


def test_whoever_moves_the_slider_hears_on(opened):
    opened.until("player.readyState > 2")
    opened.click("tbody tr")
    opened.until("!player.paused && player.currentTime > 0.5")
    opened.run("player.currentTime = 2.5")  # behind the end of the segment
    opened.until("player.currentTime > 3")
    assert not opened.run("player.paused") and not opened.said


def test_a_recording_is_shown_and_another_one_dropped_on_it(served, talk, tmp_path):
    other = shutil.copy(talk, tmp_path / "other.wav")
    served.drop("#drop", talk)
    served.until(f"document.querySelector('#file').textContent === 'talk.wav' && {DRAWN}", inside=True)
    served.drop("#shown", other, inside=True)
    served.until(f"document.querySelector('#file').textContent === 'other.wav' && {DRAWN}", inside=True)
    assert served.run("document.querySelectorAll('#files a').length") >= 10 and not served.run(NOTED)
    assert not served.said


def test_folders_and_second_files_get_a_sentence(served, talk, tmp_path):
    (tmp_path / "talks").mkdir()
    others = [Path(shutil.copy(talk, tmp_path / f"{n}.wav")) for n in range(3)]
    served.drop("#drop", tmp_path / "talks")
    assert served.until(NOTED).startswith("talks is a folder: ") and not served.run(SAID)
    served.drop("#drop", talk, *others)
    served.until("document.querySelector('#shown') !== null")
    assert served.run(NOTED) == "One recording at a time: talk.wav is listened to, 0.wav, 1.wav, and 2.wav not."
    served.until(DRAWN, inside=True)
    served.drop("#shown", tmp_path / "talks", inside=True)
    served.until(f"{NOTED}.startsWith('talks is a folder')")
    assert not served.said


def test_a_double_click_records_once_and_a_click_ends_it(served):
    served.click("#record", 2)
    served.until(LIVE)
    assert served.until(f"{BUTTON} !== 'Record' && {BUTTON}").startswith("Stop 0:0")
    assert served.run("streams.length") == 1
    served.click("#record")
    served.until(f"!({LIVE}) && {BUTTON} === 'Record'")
    # Whatever became of it, there is no other copy.
    assert served.until("document.querySelector('#files a')?.download").startswith("recording.")


@pytest.mark.parametrize("broken", ["constructor", "start"])
def test_a_recorder_that_fails_leaves_the_microphone_off(served, broken):
    served.run(f"window.MediaRecorder = class {{ {broken}() {{ throw new Error('no codec'); }} }}")
    served.click("#record")
    assert "microphone can't be used (no codec)" in served.until(SAID)
    assert served.run("streams.length") == 1 and served.run(LIVE) == 0 and served.run(BUTTON) == "Record"


@pytest.mark.parametrize(
    "end",
    [
        "recorder.dispatchEvent(new Event('error'))",
        "streams[0].getTracks()[0].stop()",
        "dispatchEvent(new Event('pagehide'))",
    ],
)
def test_an_error_or_leaving_turns_the_microphone_off(served, end):
    served.click("#record")
    served.until(LIVE)
    served.until("recorder !== null")
    served.run(end)
    served.until(f"!({LIVE}) && {BUTTON} === 'Record'")


def test_a_microphone_that_is_refused_is_said_and_leaving_while_recording_is_asked_about(served, address):
    served.run("navigator.mediaDevices.getUserMedia = async () => { throw new Error('Permission denied'); }")
    served.click("#record")
    assert "(Permission denied)" in served.until(SAID) and served.run(BUTTON) == "Record"
    served.open(address)
    served.click("#record")
    served.until("recorder !== null")
    served.open(address)
    assert served.asked == ["beforeunload"]
