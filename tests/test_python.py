"""From Python: whatever holds a recording is heard alike, in any thread and process, forked or spawned."""

import asyncio
import copy
import io
import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

import intone
from intone import inference, weights
from intone.audio.recording import Recording
from intone.audio.segments import Stretch
from intone.errors import BadClip, IntoneError, Missing
from intone.inference.analyzer import Analyzer
from intone.inference.result import Segments

RATE = 16_000


def one_stretch(blocks, voice, longest):
    """Somebody speaks all the time."""
    yield Stretch(0.0, np.concatenate(list(blocks)))


@pytest.fixture(autouse=True)
def _speech(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intone.inference.heard.stretches", one_stretch)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a tone, as FLAC."""
    path = tmp_path_factory.mktemp("sound") / "talk.flac"
    soundfile.write(path, 0.2 * np.sin(np.arange(2 * RATE) / 9), RATE)
    return path


@pytest.fixture(scope="module")
def analyzer(model_file: Path) -> Analyzer:
    """Two threads, of which none survives a fork."""
    return intone.load(model_file, whisper=None, threads=2)


def same(one: Segments, other: Segments) -> None:
    pd.testing.assert_frame_equal(one.reset_index(drop=True), other.reset_index(drop=True), check_exact=True)


def names(found: Segments) -> set[str]:
    return set(found.index.get_level_values("file"))


@pytest.mark.parametrize("rate", [16_000.0, np.int32(16_000), np.float32(16_000), np.array(16_000)])
def test_a_rate_may_be_any_whole_number(analyzer, rate):
    tone = 0.2 * np.sin(np.arange(2 * RATE) / 9)
    same(analyzer.signal(tone, rate), analyzer.signal(tone, RATE))


@pytest.mark.parametrize("rate", [16_000.5, float("nan"), float("inf"), "16000", None, True, [16_000], np.zeros(2), 5])
def test_what_is_no_rate_is_refused(rate):
    with pytest.raises(IntoneError, match=r"sampling rate in Hz.*\.$"):
        Recording.of_signal(np.zeros(RATE), rate)


def test_a_single_path_is_one_file(analyzer, sound):
    for given in (str(sound), sound, sound.read_bytes(), io.BytesIO(sound.read_bytes())):
        same(analyzer.files(given), analyzer.file(sound))
    assert len(analyzer.files([sound, str(sound)])) == 2 * len(analyzer.file(sound))


def test_open_files_and_bytes_are_heard_as_the_path_is(analyzer, sound):
    data, expected = sound.read_bytes(), analyzer.file(sound)
    assert names(expected) == {str(sound)}
    for given in (data, bytearray(data), memoryview(data), io.BytesIO(data)):
        found = analyzer.file(given)
        same(found, expected)
        assert names(found) == {"recording"}
    with sound.open("rb") as opened:
        found = analyzer.file(opened)
        assert names(found) == {str(sound)} and opened.tell() == 0
        same(analyzer.file(opened, name="mine"), expected)
    with subprocess.Popen(["cat", str(sound)], stdout=subprocess.PIPE) as pipe:
        same(analyzer.file(pipe.stdout), expected)
    assert names(analyzer.file(sound, name="mine")) == {"mine"}


def test_reading_begins_where_it_stands_and_comes_back_there(analyzer, sound):
    buffer = io.BytesIO(b"head" + sound.read_bytes())
    buffer.seek(4)
    same(analyzer.file(buffer), analyzer.file(sound))
    assert buffer.tell() == 4
    buffer.seek(0, os.SEEK_END)
    with pytest.raises(BadClip, match=r"recording was read to its end before: seek\(0\)"):
        analyzer.file(buffer)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (b"", "mine is an empty file"),
        (b"no sound at all", "mine is not audio"),
        (io.StringIO("text"), "mode 'rb'"),
        (3, "a path, an open file or bytes, and this is int"),
        (np.zeros(9), "this is ndarray"),
        (None, "this is NoneType"),
    ],
)
def test_what_holds_no_recording_is_one_sentence(analyzer, given, said, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with pytest.raises(IntoneError, match=said) as problem:
        analyzer.file(given, name="mine")
    assert str(tmp_path) not in str(problem.value) and not list(tmp_path.iterdir())


def test_threads_and_an_event_loop_hear_the_same(analyzer, sound):
    expected = analyzer.file(sound)

    async def at_once() -> list[Segments]:
        return await asyncio.gather(*(asyncio.to_thread(analyzer.file, sound) for _ in range(3)))

    with ThreadPoolExecutor(3) as pool:
        for found in [*pool.map(analyzer.file, [sound] * 3), *asyncio.run(at_once())]:
            same(found, expected)


def test_a_copy_and_what_was_pickled_hear_the_same(analyzer, sound):
    data = pickle.dumps(analyzer)
    assert len(data) < 20_000  # no weights travel
    for other in (pickle.loads(data), copy.deepcopy(analyzer)):
        same(other.file(sound), analyzer.file(sound))
        assert other.model.session is not analyzer.model.session


def answer(analyzer: Analyzer, path: Path) -> Segments:
    """In another process, where nothing is patched yet."""
    inference.heard.stretches = one_stretch
    return analyzer.file(path)


@pytest.mark.parametrize("way", ["spawn", "fork"])
def test_another_process_hears_the_same(analyzer, sound, way):
    expected = analyzer.file(sound)
    with multiprocessing.get_context(way).Pool(1) as pool:
        same(pool.apply_async(answer, (analyzer, sound)).get(120), expected)


FORK = """
import os, sys, numpy as np
from intone.asr.whisper import Whisper

whisper = Whisper(sys.argv[1], threads=2)
sound = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
expected = whisper.languages(sound)
whisper.sampled_words(sound)
for generation in range(2):
    if os.fork():
        sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
    assert whisper.languages(sound) == expected
    assert whisper.speaking("de").languages(sound) == expected
    whisper.sampled_words(sound)
print("heard", flush=True)
"""


def test_a_forked_child_hears_words(monkeypatch):
    """In a process of its own, since a child that hangs would hang the tests; its own child too, to the very end."""
    monkeypatch.delenv("INTONE_CACHE")  # the weights of whoever runs the tests
    try:
        folder = weights.find("whisper-base")
    except Missing as reason:
        pytest.skip(str(reason))
    done = subprocess.run([sys.executable, "-c", FORK, str(folder)], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr


def test_a_forked_child_ends_though_it_never_used_what_its_parent_loaded(model_file):
    code = (
        "import os, sys, intone\n"
        "kept = intone.load(sys.argv[1], whisper=None, threads=2)\n"
        "if os.fork(): sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))\n"
        "del kept\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(model_file)], timeout=120)
    assert done.returncode == 0
