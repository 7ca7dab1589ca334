"""A table of one's own clips: columns, labels, segments, and the same sound twice."""

import os
import shutil
from csv import writer
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import soundfile
from conftest import RATE, voice
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_docs import example

from intone.asr.transcripts import transcribe
from intone.audio.clip import read_clip
from intone.audio.features import FeatureSettings
from intone.audio.readers.sound import Sound
from intone.data import csv_corpus, excerpts
from intone.data.corpus import CLIP_COLUMNS, Corpus
from intone.data.csv_entries import Conventions
from intone.data.labels import LABELS, SYNONYMS, emotion_of, mapping, ordered
from intone.emotions import EMOTIONS
from intone.errors import IntoneError, Missing
from intone.inference.formats import FORMATS
from intone.training.spectrogram_views import screened

FILE = "Actor_01/03-01-05-01-01-01-01.wav"
OTHER = "Actor_02/03-01-04-01-02-01-02.wav"
PAGE = Path(__file__).parent.parent / "docs" / "data.md"
SEGMENTS = "file,start,end,speaker,emotion"


def written(path: Path, *rows: str, header: str = "file,speaker,emotion") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def refused(csv: Path, root: Path | None = None, conventions: Conventions | None = None) -> str:
    """The sentence with which a table is refused."""
    with pytest.raises(IntoneError) as caught:
        csv_corpus.load(csv, root, conventions=conventions)
    assert str(csv) in str(caught.value) and str(caught.value).endswith(".") and "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def long(tmp_path: Path) -> np.ndarray:
    """Three seconds of two voices, [samples, 2], also as long.wav."""
    sound = np.stack([voice(5, 1, 2.6), voice(3, 2, 2.6)], axis=1)
    soundfile.write(tmp_path / "long.wav", sound, RATE, subtype="PCM_16")
    return sound


def test_three_columns_are_enough(ravdess_folder: Path, tmp_path: Path) -> None:
    csv = written(tmp_path / "mine.csv", f"{OTHER},Bea,sadness", f"{FILE},Al,Angry")
    corpus = csv_corpus.load(csv, root=ravdess_folder)
    assert tuple(corpus.clips.columns) == CLIP_COLUMNS and corpus.name == "mine"
    assert list(corpus.clips["file"]) == [FILE, OTHER] and list(corpus.clips["emotion"]) == ["angry", "sad"]
    assert list(corpus.clips["speaker"]) == ["mine-Al", "mine-Bea"]
    assert corpus.clips["duration"].tolist() == pytest.approx([1.0, 1.1], abs=1e-3)
    assert corpus.paths[FILE] == ravdess_folder / FILE


def test_more_columns_are_taken_in_any_order(ravdess_folder: Path, tmp_path: Path) -> None:
    header = "emotion,Text,statement,sex,file,speaker,duration,intensity,mood"
    csv = written(tmp_path / "m.csv", f'happy,"Yes, it is",yes,female,{FILE},m-1,2.5,nan,fine', header=header)
    corpus = csv_corpus.load(csv, root=ravdess_folder)
    row = corpus.clips.iloc[0]
    assert row["sex"] == "female" and row["duration"] == 2.5 and row["speaker"] == "m-1" and row["intensity"] == ""
    assert corpus.sentences == {"yes": "Yes, it is"}


def test_a_speaker_called_like_another_with_the_tables_name_before_it_stays_another(ravdess_folder, tmp_path):
    csv = written(tmp_path / "m.csv", f"{FILE},m-1,sad", f"{OTHER},1,sad")
    assert csv_corpus.load(csv, ravdess_folder).clips["speaker"].nunique() == 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"{FILE},,angry", "row 3: speaker is empty"),
        (f"{FILE},  ,angry", "row 3: speaker is empty"),
        (f"{FILE},Al", "row 3: emotion is empty"),
        (f"{FILE},NaN,angry", "row 3: speaker is 'NaN', which stands for no value: write the speaker"),
        (f"{FILE},-,angry", "row 3: speaker is '-'"),
        (f"{FILE},Al,#N/A", "row 3: emotion is '#N/A'"),
        ("nan,Al,angry", "row 3: file is 'nan'"),
        (f"{FILE},Al,b", "row 3: 'b' is no name of an emotion; say what it means: --map 'b=neutral'"),
        ("absent.wav,Al,angry", "row 3: there is no "),
        (f"{'x' * 300}.wav,Al,angry", "row 3: there is no "),
        ("Actor_02,Al,angry", "row 3: there is no "),
        (f"{OTHER},Al,angry", f"row 3: {OTHER} is listed twice, emotion sad in row 2 and angry here: "),
        (f"{OTHER},Al,sad", f"row 3: {OTHER} is listed twice, speaker Bea in row 2 and Al here: "),
        (f"{OTHER},Bea,sad", f"row 3: {OTHER} is listed twice, first in row 2: delete one"),
        (f"{FILE},bea,sad", "row 3: the speaker 'bea' is 'Bea' in row 2"),
    ],
)
def test_a_bad_row_is_named(ravdess_folder: Path, tmp_path: Path, row: str, reason: str) -> None:
    csv = written(tmp_path / "mine.csv", f"{OTHER},Bea,sad", row)
    assert reason in refused(csv, ravdess_folder)


def test_a_bad_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="There is no table"):
        csv_corpus.load(tmp_path / "absent.csv")
    assert "no column speaker and emotion; it has file." in refused(written(tmp_path / "a.csv", "x.wav", header="file"))


def test_audio_that_cannot_be_read_is_skipped_by_name(ravdess_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_text("no audio")
    (tmp_path / "good.wav").write_bytes((ravdess_folder / FILE).read_bytes())
    corpus = csv_corpus.load(written(tmp_path / "mine.csv", "bad.wav,Al,sad", "good.wav,Al,happy"))
    assert list(corpus.clips["file"]) == ["good.wav"] and [s.file for s in corpus.skipped] == ["bad.wav"]
    assert "lists no clip that can be read: bad.wav: " in refused(written(tmp_path / "mine.csv", "bad.wav,Al,sad"))


@pytest.mark.parametrize("name", ["./{}", "a/../{}", "{}", "Actor_01//{}", "Actor_01\\{}", "{root}/Actor_01/{}"])
def test_a_path_has_one_key_however_it_is_written(ravdess_folder: Path, tmp_path: Path, name: str) -> None:
    folder, file = FILE.split("/")
    (tmp_path / "a").mkdir()
    for place in (tmp_path / file, tmp_path / folder / file):
        place.parent.mkdir(exist_ok=True)
        shutil.copy(ravdess_folder / FILE, place)
    cell = name.format(file, root=tmp_path)
    corpus = csv_corpus.load(written(tmp_path / "m.csv", f"{cell},Al,sad"))
    (key,) = corpus.paths
    assert key == (FILE if folder in cell else file) and corpus.paths[key].samefile(tmp_path / key)


def test_a_table_of_what_was_analysed_elsewhere_names_files_from_where_the_command_runs(
    ravdess_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ravdess_folder)
    assert list(csv_corpus.load(written(tmp_path / "m.csv", f"{FILE},Al,sad")).paths) == [FILE]


@pytest.mark.parametrize("copy", [os.symlink, os.link, shutil.copy])
def test_one_sound_by_two_names_has_one_emotion_and_one_speaker(ravdess_folder: Path, tmp_path: Path, copy) -> None:
    shutil.copy(ravdess_folder / FILE, tmp_path / "a.wav")
    copy(tmp_path / "a.wav", tmp_path / "b.wav")
    csv = written(tmp_path / "m.csv", "a.wav,Al,sad", "b.wav,Al,happy")
    assert "row 3: b.wav is the same sound as a.wav, emotion sad in row 2 and happy here" in refused(csv)
    csv = written(tmp_path / "m.csv", "a.wav,Al,sad", "b.wav,Bea,sad")
    assert "row 3: b.wav is the same sound as a.wav, speaker Al in row 2 and Bea here" in refused(csv)
    corpus = csv_corpus.load(written(tmp_path / "m.csv", "a.wav,Al,sad", "b.wav,Al,sad"))
    assert list(corpus.clips["file"]) == list(corpus.paths) == ["a.wav"]
    assert [(s.file, s.reason) for s in corpus.skipped] == [("b.wav", "it is the same sound as a.wav (rows 2 and 3)")]


def test_a_segment_is_a_clip_that_holds_just_that_part(long: np.ndarray, tmp_path: Path) -> None:
    csv = written(tmp_path / "m.csv", "long.wav,0.5,1.25,Al,sad", "./long.wav,1.0,2.5,Bea,happy", header=SEGMENTS)
    corpus = csv_corpus.load(csv)
    assert list(corpus.clips["file"]) == list(corpus.paths) == ["long.wav#0.500-1.250", "long.wav#1.000-2.500"]
    assert corpus.clips["duration"].tolist() == pytest.approx([0.75, 1.5], abs=1 / RATE)
    for key, (start, end) in zip(corpus.paths, ((0.5, 1.25), (1.0, 2.5)), strict=True):
        part = long[round(start * RATE) : round(end * RATE)]
        soundfile.write(tmp_path / "part.wav", part, RATE, subtype="PCM_16")
        np.testing.assert_array_equal(read_clip(corpus.paths[key]), read_clip(tmp_path / "part.wav"))


def test_segments_of_one_file_have_their_own_features_and_words(long: np.ndarray, tmp_path: Path) -> None:
    class Length:
        settings: ClassVar = {"name": "length"}

        def words(self, signal: np.ndarray) -> str:
            return str(len(signal))

    csv = written(tmp_path / "m.csv", "long.wav,0,1,Al,sad", "long.wav,1,2.5,Bea,happy", header=SEGMENTS)
    corpus = screened(csv_corpus.load(csv), FeatureSettings(), 1)
    assert transcribe(corpus, Length(), progress=False)["text"].tolist() == ["16000", "24000"]
    assert len(corpus.clips) == 2


def test_a_long_recording_is_heard_once_for_all_its_segments(long, tmp_path, monkeypatch):
    heard = []
    opened = excerpts.opened
    monkeypatch.setattr(excerpts, "opened", lambda path: heard.append(path) or opened(path))
    csv = written(tmp_path / "m.csv", *(f"long.wav,{k},{k + 0.5},Al,sad" for k in (0, 1, 2)), header=SEGMENTS)
    first, again = csv_corpus.load(csv), csv_corpus.load(csv)
    assert len(heard) == 1 and first.paths == again.paths
    soundfile.write(tmp_path / "long.wav", long[::-1], RATE, subtype="PCM_16")  # other sound by the same name
    assert set(csv_corpus.load(csv).paths.values()).isdisjoint(first.paths.values())


def test_floats_stay_floats(tmp_path: Path) -> None:
    sound = voice(5, 1, 1.0)
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype="FLOAT")
    corpus = csv_corpus.load(written(tmp_path / "m.csv", "a.wav,0.2,0.9,Al,sad", header=SEGMENTS))
    soundfile.write(tmp_path / "part.wav", sound[round(0.2 * RATE) : round(0.9 * RATE)], RATE, subtype="FLOAT")
    np.testing.assert_array_equal(*map(read_clip, (*corpus.paths.values(), tmp_path / "part.wav")))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spans=st.lists(st.tuples(st.integers(0, 2000), st.integers(150, 900)), min_size=1, max_size=6, unique=True))
def test_any_segments_are_cut_where_they_say(spans, tmp_path):
    """The sound counts its own samples, over several blocks, so that a cut shows from where it is."""
    rate = 1000
    count = np.arange(3000, dtype=np.int16)
    soundfile.write(tmp_path / "count.wav", count, rate, subtype="PCM_16")
    rows = [f"count.wav,{start / 1000},{(start + length) / 1000},Al,sad" for start, length in spans]
    with pytest.MonkeyPatch.context() as patch:
        blocks = (count[k : k + 700, None] for k in range(0, 3000, 700))
        patch.setattr(excerpts, "opened", lambda path: Sound(rate, blocks))
        corpus = csv_corpus.load(written(tmp_path / "m.csv", *rows, header=SEGMENTS))
    for start, length in spans:
        place = corpus.paths.get(f"count.wav#{start / 1000:.3f}-{(start + length) / 1000:.3f}")
        if place:  # else nearly the same as another
            np.testing.assert_array_equal(soundfile.read(place, dtype="int16")[0], count[start : start + length])
    assert len(corpus.paths) + len(corpus.skipped) == len(spans)


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        ("2", "1", "the segment begins at 2 s and ends at 1 s: end has to come after start"),
        ("1", "1", "the segment begins at 1 s and ends at 1 s"),
        ("-0.5", "1", "start is -0.5 s"),
        ("1", "", "it has a time for start alone"),
        ("NaN", "1", "it has a time for end alone"),
        ("2", "3.1", "the segment from 2 s to 3.1 s is not in long.wav, which lasts 3.000 s"),
        ("7", "8", "the segment from 7 s to 8 s is not in long.wav"),
        ("0:01", "2", "start is '0:01', and no time in seconds such as 1.5"),
        ("1", "inf", "end is 'inf'"),
    ],
)
def test_a_bad_span_names_its_row(long: np.ndarray, tmp_path: Path, start: str, end: str, reason: str) -> None:
    rows = ("long.wav,0,1,Al,sad", f"long.wav,{start},{end},Al,sad")
    assert f"row 3: {reason}" in refused(written(tmp_path / "m.csv", *rows, header=SEGMENTS))


def test_an_end_that_was_rounded_up_is_the_end_of_the_file(long: np.ndarray, tmp_path: Path) -> None:
    corpus = csv_corpus.load(written(tmp_path / "m.csv", "long.wav,2,3.04,Al,sad", header=SEGMENTS))
    assert corpus.clips["duration"].tolist() == pytest.approx([1.0])


def test_decimal_commas_between_semicolons(long: np.ndarray, tmp_path: Path) -> None:
    csv = written(tmp_path / "m.csv", "long.wav;0,5;1,25;Al;sad", header=SEGMENTS.replace(",", ";"))
    assert list(csv_corpus.load(csv).paths) == ["long.wav#0.500-1.250"]


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ("0.5,1.5,Al,sad", "0.5,1.5,Al,happy", "is listed twice, emotion sad in row 2 and happy here"),
        ("0.5,1.5,Al,sad", "0.5,1.5,Bea,sad", "is listed twice, speaker Al in row 2 and Bea here"),
        ("0.5,1.5,Al,sad", "0.50,1.500,Al,sad", "is listed twice, first in row 2"),
        ("0.5,1.5,Al,sad", "0.503,1.496,Al,happy", "is the same sound as long.wav#0.500-1.500, emotion sad"),
        (",,Al,sad", "0,3,Al,happy", "is the same sound as long.wav, emotion sad in row 2 and happy here"),
    ],
)
def test_the_same_segment_under_two_labels(long, tmp_path, one, other, reason):
    csv = written(tmp_path / "m.csv", f"long.wav,{one}", f"long.wav,{other}", header=SEGMENTS)
    assert f"row 3: long.wav#{'0.000-3.000' if one[0] == ',' else '0.50'}" in refused(csv) and reason in refused(csv)


def test_segments_that_overlap_are_clips_of_their_own(long: np.ndarray, tmp_path: Path) -> None:
    rows = ("long.wav,0,1,Al,sad", "long.wav,0.5,1.5,Al,happy", "long.wav,0.4,1.4,Bea,sad", "long.wav,,,Al,sad")
    assert len(csv_corpus.load(written(tmp_path / "m.csv", *rows, header=SEGMENTS)).clips) == 4


def test_a_broken_recordings_segments_are_skipped_by_name(tmp_path: Path, ravdess_folder: Path) -> None:
    (tmp_path / "bad.wav").write_text("no audio")
    shutil.copy(ravdess_folder / FILE, tmp_path / "good.wav")
    rows = ("bad.wav,0,1,Al,sad", "bad.wav,1,2,Al,happy", "good.wav,0,0.5,Al,sad")
    corpus = csv_corpus.load(written(tmp_path / "m.csv", *rows, header=SEGMENTS))
    assert [s.file for s in corpus.skipped] == ["bad.wav#0.000-1.000", "bad.wav#1.000-2.000"]
    assert list(corpus.paths) == ["good.wav#0.000-0.500"]


def own_output(folder: Path, name: str) -> Path:
    """What intone writes of two recordings, joined; one answer in two is unsure."""
    analysis = example()
    analysis.segments["emotion"] = ["angry", "unsure"]
    analysis.segments["speaker"] = None
    text = FORMATS[name].write(analysis)
    path = folder / f"mine.{name}"
    path.write_text(text + text.replace("a.wav", "long.wav"), encoding="utf-8")
    return path


@pytest.mark.parametrize("form", ["csv", "tsv"])
def test_intones_own_tables_come_back_in(long: np.ndarray, tmp_path: Path, form: str, capsys) -> None:
    soundfile.write(tmp_path / "a.wav", long[::-1], RATE, subtype="PCM_16")
    csv = own_output(tmp_path, form)
    remedy = "add one, or give --speaker file where each file is a speaker of its own (--speaker folder: each folder)"
    assert remedy in refused(csv)
    corpus = csv_corpus.load(csv, conventions=Conventions(speaker="file"))
    assert corpus.clips["emotion"].tolist() == ["angry", "angry"]
    assert list(corpus.paths) == ["a.wav#0.500-1.400", "long.wav#0.500-1.400"]
    assert corpus.clips["speaker"].tolist() == ["mine-a.wav", "mine-long.wav"]
    assert "2 of 4 rows left out by their label: unsure 2." in capsys.readouterr().err


def test_a_name_that_a_spreadsheet_would_run_comes_back_too(long: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "long.wav").rename(tmp_path / "=1+1.wav")
    assert list(csv_corpus.load(written(tmp_path / "m.csv", "'=1+1.wav,Al,sad")).paths) == ["=1+1.wav"]


def test_a_folder_may_be_a_speaker(ravdess_folder: Path, tmp_path: Path) -> None:
    csv = written(tmp_path / "m.csv", f"{FILE},sad", f"{OTHER},sad", header="file,emotion")
    corpus = csv_corpus.load(csv, ravdess_folder, conventions=Conventions(speaker="folder"))
    assert corpus.clips["speaker"].tolist() == ["m-Actor_01", "m-Actor_02"]
    assert corpus.origin == {"name": "m", "table": str(csv.absolute()), "flags": "--speaker folder"}


def test_files_that_differ_in_capitals_are_speakers_of_their_own(ravdess_folder: Path, tmp_path: Path) -> None:
    for place, name in ((FILE, "a.wav"), (OTHER, "A.wav")):
        shutil.copy(ravdess_folder / place, tmp_path / name)
    csv = written(tmp_path / "m.csv", "a.wav,sad", "A.wav,happy", header="file,emotion")
    assert len(csv_corpus.load(csv, conventions=Conventions(speaker="file")).clips) == len({*tmp_path.glob("?.wav")})


ROW = st.tuples(
    st.sampled_from(
        ["a.wav", "./a.wav", "b.wav", "c.wav", "long.wav", "none.wav", "", "nan", "a\nb", "a\0", "..", "é" * 200]
    ),
    st.sampled_from(["", "0", "0.5", "1", "NaN", "-1", "0,5", "1e9", "x", "1e-9"]),
    st.sampled_from(["", "1", "1.5", "2", "3", "-", "inf"]),
    st.sampled_from(["Al", "Bea", " Al ", "al", "", "null", "=1"]),
    st.sampled_from(["sad", "Sadness", "happy", "unsure", "", "#N/A", "bored", "a\nb"]),
)
GOOD = st.tuples(
    st.sampled_from(["a.wav", "./a.wav", "b.wav", "long.wav"]),
    st.sampled_from(["0", "0.5"]),
    st.sampled_from(["0.7", "0.9"]),
    st.sampled_from(["Al", "Bea"]),
    st.sampled_from(["sad", "happy", "unsure"]),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(GOOD, max_size=4) | st.lists(GOOD | ROW, max_size=4))
def test_any_table_is_a_corpus_or_a_sentence(tmp_path: Path, rows) -> None:
    folder = tmp_path / "sounds"
    if not folder.exists():
        folder.mkdir()
        for name, seconds in (("a.wav", 0.6), ("c.wav", 0.7), ("long.wav", 2.6)):
            soundfile.write(folder / name, voice(5, 1, seconds), RATE, subtype="PCM_16")
        shutil.copy(folder / "a.wav", folder / "b.wav")
    with (folder / "m.csv").open("w", encoding="utf-8", newline="") as file:
        writer(file).writerows([SEGMENTS.split(","), *rows])
    try:
        corpus = csv_corpus.load(folder / "m.csv")
    except IntoneError as problem:
        assert (
            str(problem).startswith(str(folder / "m.csv")) and str(problem).endswith(".") and "\n" not in str(problem)
        )
        return
    assert not corpus.clips["file"].duplicated().any() and list(corpus.clips["file"]) == list(corpus.paths)
    said = corpus.clips.assign(sound=[read_clip(path).tobytes() for path in corpus.paths.values()])
    assert (said.groupby("sound")[["emotion", "speaker"]].nunique() == 1).all(axis=None)


def three(tmp_path: Path, ravdess_folder: Path, *labels: str) -> Path:
    files = sorted((ravdess_folder / "Actor_01").iterdir())
    return written(tmp_path / "m.csv", *(f"{f},Al,{label}" for f, label in zip(files, labels, strict=False)))


def test_labels_may_be_mapped_and_left_out(ravdess_folder: Path, tmp_path: Path, capsys) -> None:
    csv = three(tmp_path, ravdess_folder, "Boredom", "excited", "calmness", "other", "boredom", "unsure")

    def labels(names: str) -> list[str]:
        return csv_corpus.load(csv, conventions=Conventions(names)).clips["emotion"].tolist()

    assert labels("") == ["boredom", "excited", "calm", "other", "boredom"]
    assert "boredom, excited, other stand for themselves" in capsys.readouterr().err
    assert csv_corpus.load(csv).labels == ("calm", "boredom", "excited", "other")
    assert labels("boredom=Very dull,excited=,other=") == ["very_dull", "calm", "very_dull"]
    got = labels("boredom=neutral, Excited=joy,calm=neutral,other=")
    assert got == ["neutral", "happy", "neutral", "neutral"]
    assert "2 of 6 rows left out by their label: other 1, unsure 1." in capsys.readouterr().err
    assert labels("boredom=,excited=,other=,unsure=sad,clam=sad") == ["calm", "sad"]
    assert "no row has the label clam, which --map names." in capsys.readouterr().err
    csv = three(tmp_path, ravdess_folder, "None", "-", "sad")
    assert labels("none=neutral,-=") == ["neutral", "sad"]


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ("bored", "LABEL=EMOTION"),
        ("bored=d", "'d' names no emotion"),
        ("bored=unsure", "names no emotion"),
        ("a=sad,a=happy", "two emotions"),
        ("=sad", "=sad"),
    ],
)
def test_a_mapping_that_means_nothing(names: str, reason: str) -> None:
    with pytest.raises(IntoneError, match=reason):
        mapping(names)


def test_every_accepted_name_means_one_emotion_and_is_on_the_page() -> None:
    assert set(SYNONYMS) == set(EMOTIONS) and len(LABELS) == 8 + sum(map(len, SYNONYMS.values()))
    assert all(emotion_of(f" {name.upper()} ", {}) == emotion for name, emotion in LABELS.items())
    assert emotion_of("05", {}) is None and emotion_of("a", {}) is None and emotion_of("predicted", {}) is None
    assert emotion_of("Very  Sad!", {}) == "very_sad" and emotion_of("怒り", {}) == "怒り"
    assert ordered(["tired", "sad", "bored", "happy"]) == ("happy", "sad", "bored", "tired")
    rows = [f"| {emotion} | {', '.join(SYNONYMS[emotion])} |" for emotion in EMOTIONS]
    assert "\n".join(rows) in PAGE.read_text(encoding="utf-8")


def test_conventions_without_a_table_are_refused(ravdess_folder: Path) -> None:
    with pytest.raises(IntoneError, match="--map x=sad is how a table is read: name it too, with --table"):
        csv_corpus.loaded(None, ravdess_folder, Conventions("x=sad"))
    assert isinstance(csv_corpus.loaded(None, ravdess_folder, Conventions()), Corpus)
