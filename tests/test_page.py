"""Both pages in a browser: drawn whenever they are shown, played, dropped on, and never left with the microphone on."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from browser import WHERE, Browser, browser
from conftest import RATE, voice
from test_formats import analysis, segment

from intone.audio.clip import read_clip
from intone.data import ravdess
from intone.inference.formats.html import page

pytestmark = pytest.mark.skipif(WHERE is None, reason="no Chromium on PATH")

STREAMS = """
  const asked = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  window.streams = [];
  window.recorders = [];
  navigator.mediaDevices.getUserMedia = async (...given) => {
    const stream = await asked(...given);
    streams.push(stream);
    return stream;
  };
  const Whole = window.MediaRecorder;
  window.MediaRecorder = class extends Whole {
    constructor(...given) { super(...given); recorders.push(this); }
  };
"""
LIVE = "streams.flatMap((s) => s.getTracks()).filter((t) => t.readyState === 'live').length"
WRONG = "document.querySelector('#why').textContent"
NOTED = "document.querySelector('#note').textContent"
BUTTON = "document.querySelector('#record').textContent"
SUMMARY = "document.querySelector('#summary').textContent"
DRAWN = """['spectrogram', 'mood'].every((id) => {
  const canvas = document.querySelector(`#${id}`);
  return canvas.width && canvas.width === Math.floor(canvas.clientWidth * devicePixelRatio)
    && (id === 'mood' || canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean));
})"""
"""Whether both strips have the size at which they are shown; on the emotions is nothing where nobody speaks."""


@pytest.fixture(scope="module")
def tab() -> Iterator[Browser]:
    with browser("--window-size=1280,900") as made:
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
    """A tab at the service, without a recording of the test before, which it would go on with."""
    tab.open(address)
    if tab.run("sessionStorage.getItem('job') !== null"):
        tab.run("sessionStorage.clear()")
        tab.open(address)
    tab.until("document.body.dataset.ready")
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
    tab.until(f"{inside}.querySelectorAll('#segments tr').length")
    assert not tab.run(drawn)
    for size in ("document.querySelector('iframe').hidden = false", "document.querySelector('iframe').width = 700"):
        tab.run(size)
        tab.until(drawn)
    assert not tab.said


def test_what_was_heard_is_told_in_a_sentence_and_what_was_not_is_accounted_for(opened):
    opened.until(DRAWN)
    assert opened.run(SUMMARY) == "Mostly angry, sad at 0:03."
    assert "unsure: none is probable enough left out" in text(opened, "#legend span")
    told = text(opened, "#account")
    assert told.startswith(
        "0:07.5 of 0:10.0 heard · 0:03.5 of it speech · 0:01.0 of that without words · 0:02.5 left out:"
    )
    assert "0:04.0 – 0:06.0 (damaged)" in told and "0:09.5 – 0:10.0 (nothing there)" in told
    assert [text(opened, f"#segments tr:nth-child({n}) .text") for n in (1, 2, 3)] == [
        "Kids are talking.",
        "Hunde. German",
        "no words",
    ]
    dots = "[...document.querySelectorAll('#segments .dot')].map((e) => getComputedStyle(e).backgroundImage)"
    plain, striped, _ = opened.run(dots)
    assert plain == "none" and "gradient" in striped
    assert not opened.said


def test_a_sentence_is_explained_by_sound_and_words_once_it_is_chosen(opened):
    opened.click("#segments tr:nth-child(3)")
    assert "0:03.0 – 0:04.0" in text(opened, "#details h2") and "Only the sound" in text(opened, "#details")
    first = "document.querySelector('#details tbody tr td').textContent"
    assert opened.run(first) == "sad"
    assert opened.run("document.querySelectorAll('#details tbody tr').length") == 8
    assert opened.run("document.querySelector('#segments tr:nth-child(3)').classList.contains('chosen')")


def test_everything_can_be_done_by_the_keyboard(opened):
    opened.until("player.readyState > 2")
    opened.run("document.querySelector('#segments .pick').focus()")
    opened.press("ArrowDown")
    assert opened.run("document.activeElement.closest('tr').rowIndex") == 2
    assert "0:02.2" in text(opened, "#details h2") or "0:02.3" in text(opened, "#details h2")
    opened.press("Enter")
    opened.until("player.currentTime > 2.25 && document.querySelector('tr.now') !== null")
    opened.until("player.paused")
    assert opened.run("player.currentTime") >= 3
    wide = opened.run("document.querySelector('#wave > div').shadowRoot.querySelector('.wrapper').clientWidth")
    opened.press("+")
    opened.until(
        f"document.querySelector('#wave > div').shadowRoot.querySelector('.wrapper').clientWidth > 1.5 * {wide}"
    )
    assert not opened.said


def test_whoever_moves_the_slider_hears_on(opened):
    opened.until("player.readyState > 2")
    opened.click("#segments tr")
    opened.until("!player.paused && player.currentTime > 0.5")
    opened.run("player.currentTime = 2.5")  # behind the end of the segment
    opened.until("player.currentTime > 3")
    assert not opened.run("player.paused") and not opened.said


def test_a_speaker_gets_a_name_that_is_saved_too(tab, tmp_path):
    found = analysis(
        replace(segment(0.5, 2.25, "angry", "Kids."), speaker="speaker 1"),
        replace(segment(2.5, 4, "calm", "=1+1"), speaker="speaker 2"),
    )
    (tmp_path / "a.html").write_text(page(found), encoding="utf-8")
    tab.open((tmp_path / "a.html").as_uri())
    name = "document.querySelector('.lane input')"
    tab.run(f"{name}.value = 'Anna'; {name}.dispatchEvent(new Event('input'))")
    assert text(tab, "#segments .who").split() == ["Anna", "speaker", "2"]
    assert tab.run(SUMMARY).startswith("Anna: ")
    saved = json.loads(tab.run("saved('json')"))
    assert [s["speaker"] for s in saved["segments"]] == ["Anna", "speaker 2"] and "sound" not in saved
    lines = tab.run("saved('csv')").split("\r\n")
    assert lines[0].startswith("start,end,speaker") and lines[2].endswith('"\'=1+1"')


def conversation(sentences: int, seconds: float = 2.0) -> str:
    """The page of so many sentences of two speakers, one after the other, every fifth of them unsure."""
    felt = ("angry", "calm", "sad", "happy", "unsure")
    own = [
        replace(
            segment(seconds * i, seconds * (i + 0.9), felt[i % 5], f"Sentence {i}."), speaker=f"speaker {1 + i % 2}"
        )
        for i in range(sentences)
    ]
    found = analysis(*own)
    duration = sentences * seconds
    return page(replace(found, duration=duration, sound=lambda: iter([np.zeros(round(duration * 16_000), np.float32)])))


def test_an_hour_is_read_by_its_axis_and_followed_where_it_is_looked_at(tab, tmp_path):
    (tmp_path / "a.html").write_text(conversation(900, 4.0), encoding="utf-8")
    tab.open((tmp_path / "a.html").as_uri())
    ink = "document.querySelector('#{}').getContext('2d').getImageData(0, 0, 999, 99).data.filter(Boolean).length"
    assert tab.until(ink.format("axis")) and tab.run(ink.format("mood"))
    colours = (
        "new Set(Array.from({length: 200}, (_, x) => mood.getContext('2d').getImageData(4 * x, 50, 1, 1).data.join()))"
    )
    assert tab.run(f"{colours}.size") < 60  # areas, and no bar code
    tab.until("player.readyState > 2")
    tab.run("document.querySelector('#segments tr:nth-child(500)').scrollIntoView()")
    # Who looks at a sentence that is played is taken along with the next one.
    tab.run("player.muted = true; play(segments[499].start + 3, Infinity)")
    tab.until("document.querySelector('#segments tr:nth-child(500)').classList.contains('now')")
    tab.run("scrollBy(0, 30 - innerHeight)")  # it is the last one that is seen
    tab.run("player.currentTime = segments[500].start + 0.5")
    tab.until(
        "document.querySelector('#segments tr:nth-child(501)').getBoundingClientRect().bottom <= innerHeight"
        " && document.querySelector('#segments tr:nth-child(501)').classList.contains('now')"
    )
    assert tab.run("document.querySelectorAll('tr.now').length") == 1
    # Who has gone elsewhere stays there.
    tab.run("scrollTo(0, 0); player.currentTime = segments[700].start + 0.5")
    tab.until("document.querySelector('#segments tr:nth-child(701)').classList.contains('now')")
    assert tab.run("scrollY") == 0
    places = tab.run("[...document.querySelectorAll('.cursor')].map((line) => parseFloat(line.style.left))")
    assert places == [pytest.approx(100 * 701 / 900, abs=1)] * 2
    tab.run("player.pause()")
    assert not tab.said


def test_unsure_has_a_pattern_in_the_waveform_and_no_colour_of_an_emotion(tab, tmp_path):
    (tmp_path / "a.html").write_text(conversation(5), encoding="utf-8")
    tab.open((tmp_path / "a.html").as_uri())
    own = "regions.getRegions().filter(({id}) => id.startsWith('s'))"
    tab.until(f"{own}.length === 5")
    looks = f"{own}.map(({{element: {{style}}}}) => [style.backgroundColor, style.backgroundImage])"
    *sure, unsure = tab.run(looks)
    assert all(image == "" for _, image in sure) and len({colour for colour, _ in sure}) == 4
    assert unsure[0] == "rgba(0, 0, 0, 0)" and "gradient" in unsure[1]


def test_another_scheme_redraws_the_waveform_and_the_chosen_sentence(opened):
    opened.until(DRAWN)
    look = "[surfer.options.waveColor, document.querySelector('#sentence-spectrogram').toDataURL()]"
    light = opened.run(look)
    opened.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    opened.until(f"surfer.options.waveColor !== {json.dumps(light[0])}")
    opened.until(f"{look}[1] !== {json.dumps(light[1])}")
    opened.call("Emulation.setEmulatedMedia", features=[])
    opened.until(f"surfer.options.waveColor === {json.dumps(light[0])}")


def test_on_a_narrow_screen_a_sentence_is_explained_below_it(opened):
    opened.call("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=False)
    opened.until("narrow.matches && document.querySelector('.holder #details') !== null")
    opened.run("document.querySelectorAll('#segments .pick')[2].click()")
    assert opened.run("document.querySelector('.holder').previousElementSibling === rows[2][1]")
    assert opened.run("document.documentElement.scrollWidth") <= 390 and serious(opened) == []
    opened.call("Emulation.clearDeviceMetricsOverride")
    opened.until("document.querySelector('.columns > #details') !== null && !document.querySelector('.holder')")
    opened.run("player.pause()")


def test_printed_a_result_has_no_buttons_and_all_its_sentences(opened):
    opened.call("Emulation.setEmulatedMedia", media="print")
    shown = "[...document.querySelectorAll('{}')].some((e) => e.checkVisibility())"
    assert not opened.run(shown.format(".tools, #save, #details"))
    assert opened.run(shown.format("#segments .text")) and opened.run(shown.format("#wave"))
    opened.call("Emulation.setEmulatedMedia", media="")


def test_where_nobody_was_heard_it_says_what_that_may_come_from(tab, tmp_path):
    (tmp_path / "a.html").write_text(page(analysis()), encoding="utf-8")
    tab.open((tmp_path / "a.html").as_uri())
    assert tab.until(SUMMARY) == "Nobody was heard speaking."
    assert "music, noise" in text(tab, "#details") and tab.run("document.querySelector('#sentences').hidden")
    assert serious(tab) == [] and not tab.said


HOSTILE = "<img src=x onerror='window.pwned=1'></script><script>window.pwned=1</script>"


def test_no_name_and_no_word_of_a_recording_is_run(tab, tmp_path):
    found = analysis(replace(segment(0.5, 2.0, "angry", HOSTILE), speaker=HOSTILE))
    found = replace(found, file=HOSTILE, warnings=(HOSTILE,))
    (tmp_path / "a.html").write_text(page(found), encoding="utf-8")
    tab.open((tmp_path / "a.html").as_uri())
    tab.until(DRAWN)
    assert tab.run("window.pwned") is None and HOSTILE in text(tab, "#segments .text")
    assert tab.run("document.querySelector('h1').textContent") == HOSTILE


def serious(tab: Browser, inside: bool = False) -> list[str]:
    """What axe-core finds that keeps people out."""
    tab.run((Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8") + "; 0", inside)
    found = tab.run("axe.run().then((found) => found.violations.map((v) => [v.impact, v.id, v.nodes[0].html]))", inside)
    return [f"{rule}: {node}" for impact, rule, node in found if impact in ("serious", "critical")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_kept_out_of_a_result(opened, scheme):
    opened.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    opened.until(DRAWN)
    assert serious(opened) == []
    opened.call("Emulation.setEmulatedMedia", features=[])


def test_a_narrow_screen_needs_no_scrolling_sideways(opened):
    opened.call("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=False)
    opened.until(DRAWN)
    assert opened.run("document.documentElement.scrollWidth") <= 390
    opened.call("Emulation.clearDeviceMetricsOverride")


def test_the_first_view_is_small_says_what_it_does_and_asks_nobody_else(served, address):
    assert "how something is said" in text(served, "h1") and "deleted" in text(served, "#privacy")
    entries = served.run(
        "performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))"
        ".map((e) => [e.name, e.decodedBodySize])"
    )
    assert all(name.startswith(address) for name, _ in entries) and sum(size for _, size in entries) < 200_000
    assert serious(served) == [] and not served.said


def test_a_sample_is_analysed_by_a_click(served):
    served.click("#samples button")
    served.until("document.querySelector('#shown') !== null")
    served.until(f"document.querySelector('#file').textContent === 'calm.mp3' && {DRAWN}", inside=True)
    assert not served.said


PARTS = "document.querySelector('.parts button')"
MARKED = """(() => {
  const canvas = document.querySelector('#sentence-spectrogram');
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  return pixels.some((value, i) => i % 4 === 0 && value === 255 && pixels[i + 1] === 0 && pixels[i + 2] === 255);
})()"""
"""Whether some of the chosen sentence's spectrogram has the colour of its deciding parts, which no emotion has."""


def test_the_parts_of_a_sentence_that_decided_are_asked_for_by_keyboard_and_told_in_words(served):
    served.click("#samples button:nth-of-type(2)")
    served.until(f"{PARTS} !== null && {DRAWN}", inside=True)
    assert not served.run(MARKED, inside=True)
    served.run("document.querySelector('#shown').focus()")
    served.run(f"{PARTS}.focus()", inside=True)
    served.press("Enter")
    served.until(f"{PARTS}.ariaPressed === 'true'", inside=True)
    served.until(MARKED, inside=True)
    told = served.run("document.querySelector('.parts').innerText", inside=True)
    assert re.search(r"Most of what speaks for \w+ lies .*, .*\.", told) and "less probable" in told
    assert "It doesn't show why" in told and served.run(f"document.activeElement === {PARTS}", inside=True)
    label = served.run("document.querySelector('#sentence-spectrogram').ariaLabel", inside=True)
    assert "Most of what speaks for" in label
    assert serious(served, inside=True) == []
    served.press("Enter")
    served.until(f"{PARTS}.ariaPressed === 'false' && !{MARKED}", inside=True)
    served.run("explained.clear(); window.samples = async () => new Float32Array(16000 * 31); 0", inside=True)
    served.press("Enter")
    served.until("document.querySelector('.parts .warning') !== null", inside=True)
    told = served.run("document.querySelector('.parts .warning').textContent", inside=True)
    assert "longer than 30 s" in told and not [line for line in served.said if "413" not in line]


def test_a_result_by_itself_has_nobody_to_ask(opened, tab, tmp_path):
    assert opened.run("document.querySelector('.parts')") is None
    opened.run("window.postMessage({ service: true }, '*')")
    assert opened.run("new Promise((done) => setTimeout(() => done(service), 100))") is False


def test_the_sound_of_a_sentence_is_cut_out_to_the_sample(tab, tmp_path):
    noise = np.random.default_rng(0).normal(0, 0.1, 16_000 * 6)
    sound = np.convolve(noise, np.ones(8) / 8, "same").astype(np.float32)  # what MP3 keeps of noise
    found = replace(analysis(segment(0.5, 2.0, "angry", "Kids.")), duration=6.0, sound=lambda: iter([sound]))
    (tmp_path / "a.html").write_text(page(found), encoding="utf-8")
    tab.open((tmp_path / "a.html").as_uri())
    for start, end in ((0.0, 0.5), (2.5, 4.0), (5.0, 6.0)):
        cut = np.array(tab.run(f"samples({start}, {end}).then((s) => [...s])"))
        there = sound[round(start * 16_000) : round(end * 16_000)]
        assert len(cut) == len(there) and np.corrcoef(cut, there)[0, 1] > 0.9
        assert abs(np.corrcoef(cut[1:], there[:-1])[0, 1]) < np.corrcoef(cut, there)[0, 1]


def test_a_recording_is_shown_and_another_one_dropped_on_it(served, talk, tmp_path):
    other = shutil.copy(talk, tmp_path / "other.wav")
    served.drop("#drop", talk)
    served.until(f"document.querySelector('#file').textContent === 'talk.wav' && {DRAWN}", inside=True)
    served.drop("#shown", other, inside=True)
    served.until(f"document.querySelector('#file').textContent === 'other.wav' && {DRAWN}", inside=True)
    served.until("document.querySelectorAll('#files a').length >= 10")
    assert not served.run(NOTED)
    assert not served.said


def test_a_page_that_is_loaded_again_goes_on_with_its_recording(served, address, tmp_path):
    soundfile.write(tmp_path / "long.wav", 0.1 * np.sin(np.arange(16_000 * 40) / 20), 16_000)
    served.drop("#drop", tmp_path / "long.wav")
    served.until("sessionStorage.getItem('job')")
    served.open(address)
    served.until("document.querySelector('#file').textContent === 'long.wav'", inside=True)
    assert not served.said


def test_what_cannot_be_heard_has_a_page_that_says_why_and_what_to_do(served, tmp_path):
    (tmp_path / "empty.wav").write_bytes(b"")
    served.drop("#drop", tmp_path / "empty.wav")
    assert served.until(WRONG) == "empty.wav is an empty file."
    assert "convert it" in text(served, "#remedy") and served.run("document.querySelector('#work').hidden")


def test_the_tabs_are_reached_by_arrow_keys_and_show_experiment_and_model(served):
    served.run("document.querySelector('#tab-live').focus()")
    served.press("ArrowRight")
    served.until("document.querySelectorAll('#experiment tbody tr').length > 10")
    assert "95 % interval" in text(served, "#experiment thead") and "another task" in text(served, "#experiment h2")
    assert serious(served) == []
    served.press("ArrowRight")
    assert "CC BY-NC-SA" in text(served, "#model dd") and served.run("document.querySelector('#experiment').hidden")
    assert serious(served) == [] and not served.said


def test_files_are_offered_by_what_they_are_for_and_one_bar_scrolls_the_result(served, talk):
    served.drop("#drop", talk)
    served.until("document.querySelectorAll('#files a').length >= 11")
    links = served.run("[...document.querySelectorAll('#files > a')].map((e) => e.textContent)")
    assert sorted(links) == ["Subtitles (SRT)", "Table (CSV)", "This page, to open without intone (HTML)"]
    inside = served.run("[...document.querySelectorAll('#files details a')].map((e) => e.textContent)")
    assert "Praat, ELAN (TEXTGRID)" in inside and all("(" in one for one in inside)
    served.until(DRAWN, inside=True)
    assert served.run("document.documentElement.scrollHeight <= innerHeight")
    assert serious(served) == [] and serious(served, inside=True) == []
    served.call("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=False)
    served.until("innerWidth === 390")
    assert served.run("document.documentElement.scrollWidth") <= 390
    served.call("Emulation.clearDeviceMetricsOverride")


def test_on_a_phone_the_result_is_part_of_the_page_and_followed_where_it_is_looked_at(served):
    served.call("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=False)
    served.click("#samples button:nth-of-type(3)")
    grown = "document.documentElement.scrollHeight <= innerHeight && innerHeight"
    rest = f"new Promise((done) => {{ const was = innerHeight; setTimeout(() => done({grown} === was && was), 300); }})"
    served.until("document.querySelectorAll('#segments .pick').length > 2 && innerHeight > 1500", inside=True)
    tall = served.until(rest, inside=True)
    assert served.run("document.documentElement.scrollWidth") <= 390
    served.run("made('p', '', document.body).style.height = '500px'; 0", inside=True)
    served.until(f"innerHeight >= {tall} + 500", inside=True)
    served.run("document.body.lastChild.remove()", inside=True)
    served.until(f"innerHeight === {tall} && {grown}", inside=True)
    # Who looks at the top stays there; who looks at a sentence that is played is taken along with the next one.
    now = "rows[{0}][1].classList.contains('now') && last === rows[{0}][1] && !near"
    served.run("scrollTo(0, 0)")
    served.run("player.muted = true; play(segments[0].start, Infinity)", inside=True)
    for number in (0, 1):
        served.run(f"player.currentTime = segments[{number}].start + 0.1; 0", inside=True)
        served.until(now.format(number), inside=True)
    assert served.run("scrollY") == 0
    served.run("rows[1][1].scrollIntoView({ block: 'end' })", inside=True)
    served.until("near && seen(last)", inside=True)
    before = served.run("scrollY")
    served.run("player.currentTime = segments[2].start + 0.1; 0", inside=True)
    served.until(f"scrollY > {before}")
    served.run("player.pause()", inside=True)
    served.call("Emulation.clearDeviceMetricsOverride")
    served.until("document.documentElement.scrollHeight <= innerHeight")
    assert not served.said


@pytest.mark.parametrize(
    ("status", "remedy", "again"),
    [(503, "try again in a moment", True), (413, "Cut it into parts", False), (422, "convert it", False)],
)
def test_what_is_refused_gets_the_remedy_that_works(served, talk, status, remedy, again):
    served.run(
        "window.real = window.fetch; window.fetch = async (place, how) => how?.method === 'POST'"
        f" ? new Response(JSON.stringify({{error: 'No.'}}), {{status: {status}}}) : real(place, how)"
    )
    served.drop("#drop", talk)
    assert served.until(WRONG) == "No." and remedy in text(served, "#remedy")
    assert served.run("document.querySelector('#again').hidden") is not again
    if again:
        served.run("window.fetch = real")
        served.click("#again")
        served.until("document.querySelector('#file').textContent === 'talk.wav'", inside=True)
        assert served.run("document.querySelector('#wrong').hidden")


def test_sentences_appear_while_it_works_and_a_lost_connection_is_said(served, talk):
    served.run(
        "window.EventSource = class extends EventTarget { static CLOSED = 2; readyState = 0; close() {}"
        " constructor() { super(); window.events = this; } }"
    )
    served.drop("#drop", talk)
    served.until("window.events !== undefined")
    found = {"start": 61.5, "emotion": "happy", "text": HOSTILE}
    served.run(f"events.dispatchEvent(new MessageEvent('segment', {{data: {json.dumps(json.dumps(found))}}}))")
    assert text(served, "#found") == f"1:01 happy {HOSTILE}" and serious(served) == []
    state = {"state": "queued", "place": 3, "seconds": 80.0, "seconds_done": 20.0}
    served.run(f"events.dispatchEvent(new MessageEvent('state', {{data: {json.dumps(json.dumps(state))}}}))")
    assert (
        text(served, "#status") == "talk.wav: number 3 in the queue" and text(served, "#time") == "0:20 of 1:20 heard"
    )
    assert served.run("document.querySelector('#share').value") == 0.25
    served.run("events.dispatchEvent(new Event('error'))")
    assert "trying again" in text(served, "#status")
    served.run("events.readyState = 2; events.dispatchEvent(new Event('error'))")
    assert "does not answer any more" in served.until(WRONG) and "load this page again" in text(served, "#remedy")
    served.run("sessionStorage.clear()")


def test_folders_and_second_files_get_a_sentence(served, talk, tmp_path):
    (tmp_path / "talks").mkdir()
    others = [Path(shutil.copy(talk, tmp_path / f"{n}.wav")) for n in range(3)]
    served.drop("#drop", tmp_path / "talks")
    assert served.until(NOTED).startswith("talks is a folder: ") and not served.run(WRONG)
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
    assert "microphone can't be used (no codec)" in served.until(NOTED)
    assert served.run("streams.length") == 1 and served.run(LIVE) == 0 and served.run(BUTTON) == "Record"


@pytest.mark.parametrize(
    "end",
    [
        "recorders[0].dispatchEvent(new Event('error'))",
        "streams[0].getTracks()[0].stop()",
        "dispatchEvent(new Event('pagehide'))",
    ],
)
def test_an_error_or_leaving_turns_the_microphone_off(served, end):
    served.click("#record")
    served.until(LIVE)
    served.until("recorders.length && recorders[0].state === 'recording'")
    served.run(end)
    served.until(f"!({LIVE}) && {BUTTON} === 'Record'")


def test_a_microphone_that_is_refused_is_said_and_leaving_while_recording_is_asked_about(served, address):
    served.run("navigator.mediaDevices.getUserMedia = async () => { throw new Error('Permission denied'); }")
    served.click("#record")
    assert "(Permission denied)" in served.until(NOTED) and served.run(BUTTON) == "Record"
    served.open(address)
    served.until("document.body.dataset.ready")
    served.click("#record")
    served.until("recorders.length && recorders[0].state === 'recording'")
    served.open(address)
    assert served.asked == ["beforeunload"]


def test_a_microphone_that_comes_after_the_tab_was_left_is_given_back(served):
    served.run(
        "window.slow = navigator.mediaDevices.getUserMedia; navigator.mediaDevices.getUserMedia = async (...given) =>"
        " { const stream = await slow(...given); await new Promise((go) => { window.go = go; }); return stream; }"
    )
    served.click("#tab-live")
    served.click("#hear")
    served.until("window.go !== undefined")
    served.click("#tab-model")
    served.run("go()")
    served.until(f"streams.length === 1 && !({LIVE})")
    assert served.run("document.querySelector('#hear').textContent") == "Start listening" and not served.said


def test_a_voice_at_the_microphone_is_heard_live(address, tmp_path):
    """A clip that is repeated, as Chromium's fake microphone does."""
    clip = voice(4, 1, seconds=2.5)
    soundfile.write(tmp_path / "voice.wav", clip, RATE, subtype="PCM_16")
    with browser(f"--use-file-for-fake-audio-capture={tmp_path / 'voice.wav'}") as tab:
        tab.open(address)
        tab.until("document.body.dataset.ready")
        tab.click("#tab-live")
        tab.click("#hear")
        tab.until("document.querySelectorAll('#live-bars .probability').length === 8")
        tab.until("document.querySelector('#now').textContent !== ''")
        tab.click("#hear")
        tab.until("document.querySelector('#hear').textContent === 'Start listening'")
        assert not tab.said


@pytest.mark.skipif("INTONE_RAVDESS" not in os.environ, reason="INTONE_RAVDESS isn't set: no real clip")
def test_a_real_clip_at_the_microphone_is_recorded_and_analysed(address, tmp_path):
    """Two people at once: one records a clip of RAVDESS, the other one clicks a sample meanwhile."""
    corpus = ravdess.load(actors=range(1, 2))
    clip = next(path for file, path in corpus.paths.items() if "-05-02-" in file)  # strong anger
    soundfile.write(tmp_path / "clip.wav", read_clip(clip), 16_000, subtype="PCM_16")
    with browser(f"--use-file-for-fake-audio-capture={tmp_path / 'clip.wav'}") as one, browser() as other:
        for tab in (one, other):
            tab.open(address)
            tab.until("document.body.dataset.ready")
        one.click("#record")
        one.until(f"{BUTTON} === 'Stop 0:04'")
        other.click("#samples button:nth-of-type(2)")
        one.click("#record")
        one.until("document.querySelectorAll('#segments tr').length > 0", inside=True)
        other.until("document.querySelector('#file').textContent === 'angry.mp3'", inside=True)
        assert one.run("document.querySelector('#file').textContent", inside=True).startswith("recording.")
        assert not one.said and not other.said
