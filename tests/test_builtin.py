import sys
from pathlib import Path

import numpy as np
import pytest

from intone.audio.clip import read_clip
from intone.audio.pitch import contour
from intone.audio.trimming import trim_silence
from intone.data import synthetic
from intone.data.corpus import CLIP_COLUMNS, Corpus
from intone.emotions import EMOTIONS
from intone.errors import IntoneError, Missing

needs_espeak = pytest.mark.skipif(not synthetic.installed(), reason="espeakng-loader is not installed")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return synthetic.make(tmp_path_factory.mktemp("builtin"), speakers=2, takes=1)


@needs_espeak
def test_the_clip_table(corpus: Corpus) -> None:
    clips = corpus.clips
    assert corpus.name == "builtin" and tuple(clips.columns) == CLIP_COLUMNS
    assert len(clips) == 2 * 8 * 2 and clips["file"].is_unique and clips["file"].is_monotonic_increasing
    assert set(clips["speaker"]) == {"builtin-01", "builtin-02"} and set(clips["sex"]) == {"female", "male"}
    assert set(clips["emotion"]) == set(EMOTIONS) and set(clips["statement"]) == set(corpus.sentences)
    assert all(corpus.paths[file].is_file() for file in clips["file"])
    assert clips["duration"].between(1, 5).all()


@needs_espeak
def test_every_clip_is_speech_that_the_road_reads(corpus: Corpus) -> None:
    for row in corpus.clips.itertuples():
        speech = trim_silence(read_clip(corpus.paths[row.file]))
        assert 0.6 < speech.size / 16_000 < row.duration - 0.2
        assert np.abs(speech).max() < 1


@needs_espeak
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(corpus: Corpus, tmp_path: Path) -> None:
    again = synthetic.make(tmp_path / "again", speakers=2, takes=1)
    other = synthetic.make(tmp_path / "other", speakers=2, takes=1, seed=1)
    for file, path in corpus.paths.items():
        assert again.paths[file].read_bytes() == path.read_bytes()
        assert other.paths[file].read_bytes() != path.read_bytes()


@needs_espeak
def test_women_speak_higher_than_men_and_fear_higher_than_sadness(corpus: Corpus) -> None:
    clips = corpus.clips.set_index("file")
    pitch = {file: np.nanmedian(contour(read_clip(path))) for file, path in corpus.paths.items()}
    clips["pitch"] = [pitch[file] for file in clips.index]
    sexes = clips.groupby("sex")["pitch"].median()
    assert sexes["female"] > 1.3 * sexes["male"]
    for _, one in clips.groupby("speaker"):
        emotions = one.groupby("emotion")["pitch"].mean()
        assert emotions["fearful"] > 1.1 * emotions["sad"]


def test_numbers_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "installed", lambda: True)
    for speakers, takes in ((0, 1), (13, 1), (2, 0)):
        with pytest.raises(IntoneError, match="1 to 12 speakers"):
            synthetic.make(tmp_path, speakers, takes)


def test_without_espeak_the_error_says_what_brings_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    monkeypatch.setattr(synthetic, "installed", lambda: False)
    with pytest.raises(Missing, match=r'pip install "\.\[demo\]"'):
        synthetic.make(tmp_path)
