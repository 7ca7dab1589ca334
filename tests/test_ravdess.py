import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from intone.audio.clip import decode
from intone.data import ravdess, ravdess_check
from intone.data.corpus import CLIP_COLUMNS
from intone.emotions import EMOTIONS
from intone.errors import BadClip, IntoneError, Missing


@pytest.fixture
def copy(ravdess_folder: Path, tmp_path: Path) -> Path:
    """A folder of our own to spoil: actors 1 and 2."""
    for actor in ("Actor_01", "Actor_02"):
        shutil.copytree(ravdess_folder / actor, tmp_path / actor)
    return tmp_path


def test_the_clip_table(ravdess_folder: Path) -> None:
    corpus = ravdess.load(ravdess_folder)
    clips = corpus.clips
    assert tuple(clips.columns) == CLIP_COLUMNS and len(clips) == 64 and not corpus.skipped
    assert clips["file"].is_unique and clips["file"].is_monotonic_increasing
    assert set(clips["file"]) == set(corpus.paths)
    row = clips.set_index("file").loc["Actor_03/03-01-05-01-02-01-03.wav"]
    assert row["speaker"] == "ravdess-03" and row["sex"] == "male" and row["emotion"] == "angry"
    assert row["intensity"] == "normal" and row["statement"] == "dogs" and row["repetition"] == "1"
    assert row["duration"] == pytest.approx(1.1, abs=1e-3)
    assert set(clips.loc[clips["speaker"] == "ravdess-04", "sex"]) == {"female"}
    assert set(clips["emotion"]) == set(EMOTIONS)
    assert set(clips["statement"]) == set(corpus.sentences)


def test_some_actors(ravdess_folder: Path) -> None:
    assert set(ravdess.load(ravdess_folder, actors=[2, 4]).clips["speaker"]) == {"ravdess-02", "ravdess-04"}


def test_flac_stereo_and_any_rate_have_the_same_keys(ravdess_folder: Path, tmp_path: Path) -> None:
    for path in sorted((ravdess_folder / "Actor_01").iterdir()):
        samples, _ = decode(path)
        target = tmp_path / "Actor_01" / f"{path.stem}.flac"
        target.parent.mkdir(exist_ok=True)
        soundfile.write(target, np.repeat(samples, 2, axis=1), 44_100, subtype="PCM_16")
    flac, wav = ravdess.load(tmp_path), ravdess.load(ravdess_folder, actors=[1])
    assert list(flac.clips["file"]) == list(wav.clips["file"])


def test_kaggles_copy_is_used_once_and_says_so(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for actor in ("Actor_01", "Actor_02"):
        shutil.copytree(copy / actor, copy / "audio_speech_actors_01-24" / actor)
    corpus = ravdess.load(copy)
    assert len(corpus.clips) == 32 and not corpus.skipped
    assert all("audio_speech" not in str(path) for path in corpus.paths.values())
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "32 clips twice" in err


def test_same_name_and_other_content_is_skipped_by_name(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "Actor_01/03-01-01-01-01-01-01.wav"
    (copy / "old" / "Actor_01").mkdir(parents=True)
    shutil.copy(copy / "Actor_01/03-01-02-01-01-01-01.wav", copy / "old" / name)
    corpus = ravdess.load(copy)
    assert corpus.paths[name] == copy / name and [s.file for s in corpus.skipped] == [f"old/{name}"]
    assert "differs" in corpus.skipped[0].reason and capsys.readouterr().err == ""


def test_what_cannot_be_used_is_named_with_its_reason(copy: Path) -> None:
    actor = copy / "Actor_01"
    (actor / "03-01-01-01-01-01-01.wav").write_bytes(b"")
    (actor / "03-01-02-01-01-01-01.wav").write_text("Kids are talking by the door")
    (actor / "holiday.wav").write_bytes(b"RIFF")
    (actor / "notes.txt").write_text("mind the fourth take")
    (actor / ".DS_Store").write_bytes(b"\0")
    shutil.copy(actor / "03-01-03-01-01-01-01.wav", actor / "03-02-03-01-01-01-01.wav")
    shutil.copy(actor / "03-01-03-01-01-01-01.wav", actor / "03-01-03-01-01-01-09.wav")
    corpus = ravdess.load(copy)
    reasons = {s.file.split("/")[1]: s.reason for s in corpus.skipped}
    assert len(corpus.clips) == 30
    assert set(reasons) == {
        "03-01-01-01-01-01-01.wav",
        "03-01-02-01-01-01-01.wav",
        "holiday.wav",
        "notes.txt",
        "03-02-03-01-01-01-01.wav",
        "03-01-03-01-01-01-09.wav",
    }
    assert "empty" in reasons["03-01-01-01-01-01-01.wav"] and "not audio" in reasons["03-01-02-01-01-01-01.wav"]
    assert "speech" in reasons["03-02-03-01-01-01-01.wav"] and "actor 09" in reasons["03-01-03-01-01-01-09.wav"]


@pytest.mark.parametrize(
    "name",
    [
        "03-01-00-01-01-01-01",
        "03-01-09-01-01-01-01",
        "03-01-01-02-01-01-01",
        "03-01-03-01-01-01-25",
        "01-01-03-01-01-01-01",
    ],
)
def test_numbers_that_ravdess_does_not_use(name: str) -> None:
    with pytest.raises(BadClip):
        ravdess.describe(name)


def test_where_it_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("INTONE_RAVDESS", raising=False)
    with pytest.raises(Missing, match=r"`intone data get ravdess`"):
        ravdess.find()
    (tmp_path / "data" / "ravdess").mkdir(parents=True)
    assert ravdess.find() == Path("data/ravdess")
    monkeypatch.setenv("INTONE_RAVDESS", str(tmp_path))
    assert ravdess.find() == tmp_path
    assert ravdess.find(tmp_path / "data") == tmp_path / "data"
    with pytest.raises(Missing, match="No RAVDESS speech clip"):
        ravdess.load()


def test_get_from_a_local_zip_takes_the_clips_and_nothing_else(ravdess_folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "kaggle.zip"
    with zipfile.ZipFile(archive, "w") as z:
        for path in sorted((ravdess_folder / "Actor_01").iterdir()):
            z.write(path, f"Actor_01/{path.name}")
            z.write(path, f"audio_speech_actors_01-24/Actor_01/{path.name}")
        z.writestr("__MACOSX/Actor_01/._03-01-01-01-01-01-01.wav", b"x")
        z.writestr("../../evil.wav", b"x")
    folder = ravdess.get(tmp_path / "out", archive)
    assert len(ravdess.load(folder).clips) == 16 and archive.exists()
    assert {p.parent.name for p in folder.rglob("*") if p.is_file()} == {"Actor_01"}
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr("readme.txt", "nothing")
    with pytest.raises(IntoneError, match="holds no RAVDESS"):
        ravdess.get(tmp_path / "other", archive)


def test_get_fetches_once_and_removes_the_zip(
    ravdess_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []

    def fetch(url: str, path: Path, checksum: str) -> Path:
        fetched.append(checksum)
        path.parent.mkdir(parents=True)
        with zipfile.ZipFile(path, "w") as z:
            for clip in sorted(ravdess_folder.rglob("*.wav")):
                z.write(clip, str(clip.relative_to(ravdess_folder)))
        return path

    monkeypatch.setattr(ravdess, "fetch", fetch)
    monkeypatch.setattr(ravdess, "CLIPS", 64)
    folder = ravdess.get(tmp_path / "new")
    assert len(ravdess.load(folder).clips) == 64 and not list(folder.glob("*.zip"))
    assert ravdess.get(folder) == folder and fetched == [ravdess.CHECKSUM]


def test_the_manifest_is_the_published_set() -> None:
    manifest = ravdess_check.manifest()
    assert tuple(manifest.columns) == ravdess_check.MANIFEST_COLUMNS and len(manifest) == 1440
    rows = [ravdess.describe(Path(file).stem) for file in manifest["file"]]
    assert [row["file"] for row in rows] == list(manifest["file"])
    for emotion, count in ravdess_check.EMOTION_CLIPS.items():
        assert sum(row["emotion"] == emotion for row in rows) == count
    assert (manifest["rate"] == 48_000).all() and manifest["sha256"].str.fullmatch("[0-9a-f]{64}").all()
    assert set(manifest.loc[manifest["channels"] == 2, "file"]) == set(ravdess_check.STEREO)
    twins = manifest.loc[manifest["sha256"].duplicated(keep=False), "file"]
    assert tuple(twins) == ravdess_check.TWINS


def test_check_names_what_is_missing_foreign_truncated_and_altered(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = ravdess_check.manifest_of(copy, sorted(copy.glob("Actor_*/*.wav")))
    monkeypatch.setattr(ravdess_check, "manifest", lambda: published)
    report = ravdess_check.check(copy)
    assert report.whole and sum(report.counts.values()) == 32

    actor = copy / "Actor_01"
    names = [f"Actor_01/03-01-0{k}-01-01-01-01.wav" for k in range(1, 6)]
    (copy / names[0]).unlink()
    (copy / names[1]).write_bytes((copy / names[1]).read_bytes()[:9000])
    samples, rate = decode(copy / names[2])
    samples[100] += 1
    soundfile.write(copy / names[2], samples, rate, subtype="PCM_16")
    soundfile.write(copy / names[3], samples, 16_000, subtype="PCM_16")
    (copy / names[4]).write_bytes(b"")
    (actor / "song.wav").write_bytes(b"RIFF")

    report = ravdess_check.check(copy)
    assert not report.whole
    assert report.missing == (names[0],)
    assert {s.file for s in report.unreadable} == {names[1], names[4]}
    assert {s.file: s.reason for s in report.altered}.keys() == {names[2], names[3]}
    assert "other samples" in report.altered[0].reason
    assert [s.file for s in report.foreign] == ["Actor_01/song.wav"]
    text = "\n".join(report.lines())
    assert all(name in text for name in names) and "truncated" in text and "stereo" in text


def test_the_report_names_a_missing_actor_once(ravdess_folder: Path) -> None:
    report = ravdess_check.check(ravdess_folder)
    lines = report.lines(most=100)
    assert "  Actor_24: all 60 clips" in lines and not any("Actor_24/" in line for line in lines)
