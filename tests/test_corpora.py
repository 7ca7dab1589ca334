"""Published corpora, as small fakes in their own layouts: what names say, what is left out, and where there is none."""

from pathlib import Path

import pytest
import soundfile
from conftest import RATE, voice

from intone.data import corpora
from intone.data.clip_source import ClipSource
from intone.data.splits import folds
from intone.errors import IntoneError, Missing

NAMES = {
    "nemo": ("samples/EC0_anger_1.wav", "samples/TP0_surprised_12.wav", "samples/TP0_joy_12.wav"),
    "cremad": ("AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1002_IEO_HAP_HI.wav", "AudioWAV/1040_ITH_SAD_X.wav"),
    "tess": ("OAF_neutral/OA_bite_neutral.wav", "YAF_pleasant_surprised/YAF_dog_ps.wav", "OAF_Fear/OAF_Base_fear.wav"),
    "savee": ("AudioData/DC/a01.wav", "AudioData/KL/su15.wav", "ALL/JE_n30.wav", "AudioData/a01.wav"),
}

MEANT = {
    "nemo": {
        "EC0_anger_1": ("nemo-EC0", "female", "angry", "", "1"),
        "TP0_surprised_12": ("nemo-TP0", "male", "surprised", "", "12"),
    },
    "cremad": {
        "1001_DFA_ANG_XX": ("cremad-1001", "male", "angry", "", "DFA"),
        "1002_IEO_HAP_HI": ("cremad-1002", "female", "happy", "high", "IEO"),
        "1040_ITH_SAD_X": ("cremad-1040", "male", "sad", "", "ITH"),
    },
    "tess": {
        "OAF_Base_fear": ("tess-older", "female", "fearful", "", "base"),
        "OA_bite_neutral": ("tess-older", "female", "neutral", "", "bite"),
        "YAF_dog_ps": ("tess-younger", "female", "surprised", "", "dog"),
    },
    "savee": {
        "DC_a01": ("savee-DC", "male", "angry", "", "a01"),
        "JE_n30": ("savee-JE", "male", "neutral", "", "n30"),
        "KL_su15": ("savee-KL", "male", "surprised", "", "su15"),
    },
}


def written(folder: Path, names: tuple[str, ...]) -> Path:
    for k, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, voice(k, k), RATE)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_names_say_speaker_sex_emotion_and_sentence(name, tmp_path, monkeypatch):
    monkeypatch.setenv(f"INTONE_{name.upper()}", str(written(tmp_path, NAMES[name])))
    corpus = corpora.load(name)
    facts = corpus.clips.set_index("file")[["speaker", "sex", "emotion", "intensity", "statement"]]
    assert {file.removesuffix(".wav"): tuple(row) for file, *row in facts.itertuples()} == MEANT[name]
    assert set(corpus.clips["corpus"]) == {name} and (corpus.clips["duration"] > 0.5).all()
    assert all(corpus.paths[file].is_file() for file in corpus.clips["file"])
    assert set(corpus.labels) == set(corpus.clips["emotion"])


@pytest.mark.parametrize("name", [*NAMES, "emodb", "ravdess"])
def test_a_folder_without_it_is_refused_in_one_sentence(name, tmp_path):
    with pytest.raises(Missing, match=r"There is no|No RAVDESS"):
        corpora.load(name, tmp_path)


def test_a_corpus_that_is_none_is_refused_with_those_that_are():
    with pytest.raises(IntoneError, match="There is no corpus 'iemocap': choose among ravdess, emodb, nemo"):
        corpora.load("iemocap")


def test_a_clip_that_lies_there_twice_is_used_once_and_one_without_sound_is_named(tmp_path):
    written(tmp_path, ("TESS/OAF_sad/OAF_back_sad.wav", "TESS/copy/OAF_sad/OAF_back_sad.wav"))
    assert list(corpora.load("tess", tmp_path).clips["file"]) == ["OAF_back_sad.wav"]
    written(tmp_path, ("1076_MTI_SAD_XX.wav", "1076_MTI_NEU_XX.wav", "1076_TIE_NEU_XX.wav"))
    (tmp_path / "1076_TIE_NEU_XX.wav").write_bytes(b"RIFF")
    corpus = corpora.load("cremad", tmp_path)
    assert list(corpus.clips["file"]) == ["1076_MTI_NEU_XX.wav"]
    assert {s.file for s in corpus.skipped} == {"1076_MTI_SAD_XX.wav", "1076_TIE_NEU_XX.wav"}


def test_several_corpora_are_one_and_each_is_left_out_in_turn(tmp_path, monkeypatch):
    for name, files in NAMES.items():
        monkeypatch.setenv(f"INTONE_{name.upper()}", str(written(tmp_path / name, files)))
    one = corpora.together(("savee", "cremad", "tess"))
    assert one.name == "savee+cremad+tess" and one.flags == "--corpora savee cremad tess"
    assert len(one.clips) == 9 and one.clips["file"].is_monotonic_increasing
    assert set(one.paths) == set(one.clips["file"])
    assert one.labels == ("neutral", "happy", "sad", "angry", "fearful", "surprised")
    assert corpora.licences(one.name).count("; ") == 2 and "(TESS)" in corpora.licences(one.name)
    splits = folds(one.clips, "corpora")
    assert [split.fold for split in splits] == ["cremad", "savee", "tess"]
    of = dict(zip(one.clips["file"], one.clips["corpus"], strict=True))
    for split in splits:
        assert {of[file] for file in split.test} == {split.fold}
        assert split.fold not in {of[file] for file in (*split.train, *split.validation)}


def test_corpora_that_can_not_be_one_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("INTONE_TESS", str(written(tmp_path / "tess", NAMES["tess"])))
    monkeypatch.setenv("INTONE_SAVEE", str(written(tmp_path / "tess", NAMES["savee"])))
    with pytest.raises(IntoneError, match="--corpora names tess twice"):
        corpora.together(("tess", "savee", "tess"))
    with pytest.raises(IntoneError, match="takes two or more"):
        folds(corpora.together(("tess",)).clips, "corpora")
    with pytest.raises(IntoneError, match="give no other flag of clips"):
        ClipSource(tmp_path / "mine.csv", corpora=("tess",)).corpus()


def test_the_counts_of_a_corpus_that_is_here(monkeypatch):
    place = Path(__file__).parents[2] / "shared" / "nemo"
    if not place.is_dir():
        pytest.skip("nEMO is not beside this folder")
    clips = corpora.load("nemo", place).clips
    assert len(clips) == 1415 and clips["speaker"].nunique() == 9 and clips["emotion"].nunique() == 6
