from pathlib import Path

import pandas as pd
import pytest

from intone.data import goemotions
from intone.data.splits import PARTS, Split, folds
from intone.data.texts import CONSTANT, NOTES, SIMULATED, TRACKS, sentences
from intone.emotions import EMOTIONS, GOEMOTIONS
from intone.errors import IntoneError, Missing

LABELS = (*GOEMOTIONS, "pride")


@pytest.fixture(scope="module")
def clips() -> pd.DataFrame:
    """24 actors x 8 emotions x 2 sentences."""
    rows = [
        (f"Actor_{a:02d}/{e}-{s}.wav", f"ravdess-{a:02d}", e, s) for a in range(1, 25) for e in EMOTIONS for s in "12"
    ]
    return pd.DataFrame(rows, columns=["file", "speaker", "emotion", "statement"])


@pytest.fixture(scope="module")
def split(clips: pd.DataFrame) -> Split:
    return folds(clips, "luna5")[0]


def written(folder: Path, **parts: list[tuple[str, str]]) -> Path:
    """GoEmotions' files with (text, comma-separated label names) rows; ids say part and row."""
    folder.mkdir(exist_ok=True)
    (folder / "emotions.txt").write_text("\n".join(LABELS), encoding="utf-8")
    for part in goemotions.PARTS:
        lines = [
            f"{text}\t{','.join(str(LABELS.index(name)) for name in names.split(','))}\t{part}{i}\n"
            for i, (text, names) in enumerate(parts.get(part, []))
        ]
        (folder / f"{part}.tsv").write_text("".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def comments(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """300 train, 30 dev and 30 test comments an emotion; enough for every clip of a fold."""
    counts = {"train": 300, "dev": 30, "test": 30}
    rows = {part: [(f"{part} {e} {i}", e) for e in GOEMOTIONS for i in range(n)] for part, n in counts.items()}
    return goemotions.load(written(tmp_path_factory.mktemp("goemotions"), **rows))


@pytest.fixture(scope="module")
def heard(clips: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"file": clips["file"], "text": [f"Kids are talking, clip {i}!" for i in range(len(clips))]})


def test_only_single_labels_on_our_map_are_kept(tmp_path: Path) -> None:
    train = [("phew", "relief"), ("yay", "joy,pride"), ("mine", "pride"), ("null", "neutral"), ('"so" sad', "sadness")]
    table = goemotions.load(written(tmp_path, train=train))
    assert list(zip(table["text"], table["emotion"], strict=True)) == [
        ("phew", "calm"),
        ("null", "neutral"),
        ('"so" sad', "sad"),
    ]


def test_a_comment_in_two_parts_is_dropped_from_both(tmp_path: Path) -> None:
    train = [("Happy cake day!", "joy"), ("How gross", "disgust"), ("how GROSS.", "disgust"), ("No!", "anger")]
    folder = written(tmp_path, train=train, dev=[("happy cake  day", "joy,pride")], test=[("Yes", "joy")])
    assert goemotions.load(folder)["text"].tolist() == ["Yes", "How gross", "No!"]


def test_the_quarter_for_pairing_is_fixed_and_disjoint(comments: pd.DataFrame) -> None:
    learn, pairing = goemotions.reserved(comments)
    assert set(learn["id"]) | set(pairing["id"]) == set(comments.loc[comments["part"] == "train", "id"])
    assert not set(learn["id"]) & set(pairing["id"])
    assert 0.2 < len(pairing) / (len(learn) + len(pairing)) < 0.3
    fewer = goemotions.reserved(comments.sample(frac=0.5, random_state=1))[1]
    assert set(fewer["id"]) < set(pairing["id"])


def test_missing_comments_name_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTONE_GOEMOTIONS", str(tmp_path))
    with pytest.raises(Missing, match="intone data get goemotions"):
        goemotions.find()
    assert goemotions.find(written(tmp_path)) == tmp_path
    assert goemotions.find() == tmp_path
    monkeypatch.delenv("INTONE_GOEMOTIONS")
    monkeypatch.chdir(tmp_path)
    assert goemotions.find(beside=written(tmp_path / "goemotions").parent / "ravdess") == tmp_path / "goemotions"


@pytest.mark.parametrize("track", TRACKS)
def test_row_order_changes_nothing(
    track: str, clips: pd.DataFrame, split: Split, heard: pd.DataFrame, comments: pd.DataFrame
) -> None:
    first = sentences(track, split, clips, heard, comments)
    tables = [table.sample(frac=1, random_state=3) for table in (clips, heard, comments)]
    pd.testing.assert_series_equal(first, sentences(track, split, *tables))
    assert set(first.index) == set(clips["file"]) and first.index.is_unique
    assert NOTES[track]


def test_natural_draws_each_part_from_its_own(clips: pd.DataFrame, split: Split, comments: pd.DataFrame) -> None:
    given = sentences("natural", split, clips, goemotions=comments)
    source = comments.set_index("text")
    emotion = clips.set_index("file")["emotion"]
    assert (given.map(source["emotion"]) == emotion.loc[given.index]).all()
    _, pairing = goemotions.reserved(comments)
    for part, name in zip(PARTS, goemotions.PARTS, strict=True):
        drawn = given.loc[list(getattr(split, part))]
        assert set(drawn.map(source["part"])) == {name}
        assert drawn.is_unique
    assert set(given.loc[list(split.train)]) <= set(pairing["text"])


def test_natural_goes_round_again_when_comments_run_out(
    clips: pd.DataFrame, split: Split, comments: pd.DataFrame
) -> None:
    few = comments[(comments["part"] != "test") | comments["text"].str.fullmatch(r".* [012]")]
    files = clips.loc[clips["file"].isin(split.test) & (clips["emotion"] == "angry"), "file"]
    counts = sentences("natural", split, clips, goemotions=few).loc[files].value_counts()
    assert len(counts) == 3 and counts.max() - counts.min() <= 1


def test_natural_draws_anew_in_each_fold(clips: pd.DataFrame, comments: pd.DataFrame) -> None:
    one, two = (sentences("natural", s, clips, goemotions=comments) for s in folds(clips, "luna5")[:2])
    both = sorted(set(folds(clips, "luna5")[0].train) & set(folds(clips, "luna5")[1].train))
    assert (one.loc[both] != two.loc[both]).mean() > 0.8


def test_whispers_words_with_and_without_punctuation(clips: pd.DataFrame, split: Split, heard: pd.DataFrame) -> None:
    file = clips["file"].iloc[7]
    assert sentences("asr_punctuated", split, clips, heard)[file] == "Kids are talking, clip 7!"
    assert sentences("asr", split, clips, heard)[file] == "kids are talking clip 7"


def test_controls(clips: pd.DataFrame, split: Split, heard: pd.DataFrame) -> None:
    assert set(sentences("constant", split, clips)) == {CONSTANT}
    assert set(sentences("none", split, clips)) == {""}
    plain, shuffled = (sentences(track, split, clips, heard) for track in ("asr", "shuffled"))
    for part in PARTS:
        files = list(getattr(split, part))
        assert sorted(plain.loc[files]) == sorted(shuffled.loc[files])
    assert (plain != shuffled).mean() > 0.9


def test_simulated_says_the_emotion(clips: pd.DataFrame, split: Split) -> None:
    given = sentences("simulated", split, clips)
    emotion = clips.set_index("file")["emotion"]
    assert all(given[file] in SIMULATED[emotion[file]] for file in given.index)
    assert set(given) == {s for choice in SIMULATED.values() for s in choice}
    assert len(set(given)) == sum(map(len, SIMULATED.values()))


def test_what_is_not_there_is_named(clips: pd.DataFrame, split: Split, heard: pd.DataFrame) -> None:
    with pytest.raises(IntoneError, match="choose one of none, asr"):
        sentences("poetry", split, clips)
    with pytest.raises(Missing, match="goemotions"):
        sentences("natural", split, clips)
    with pytest.raises(Missing, match="1 clips have no transcript"):
        sentences("asr", split, clips, heard.iloc[1:])
