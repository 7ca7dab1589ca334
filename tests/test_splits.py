"""Protocols: the published folds, and no speaker on two sides."""

import itertools

import pandas as pd
import pytest

from intone.data.splits import PARTS, Split, check_disjoint, folds
from intone.errors import IntoneError


@pytest.fixture(scope="module")
def clips() -> pd.DataFrame:
    rows = [
        (f"Actor_{a:02d}/{s}-{i}.wav", f"ravdess-{a:02d}", s)
        for a in range(1, 25)
        for s in ("dogs", "kids")
        for i in range(3)
    ]
    return pd.DataFrame(rows, columns=["file", "speaker", "statement"])


def speakers(clips: pd.DataFrame, files: tuple[str, ...]) -> set[str]:
    return set(clips.loc[clips["file"].isin(files), "speaker"])


@pytest.mark.parametrize(("protocol", "count"), [("luna5", 5), ("emobox6", 6), ("loso24", 24)])
def test_each_clip_is_tested_once_by_a_model_that_never_heard_its_speaker(clips, protocol, count):
    splits = folds(clips, protocol)
    assert len(splits) == count
    assert sorted(itertools.chain(*(s.test for s in splits))) == sorted(clips["file"])
    for split in splits:
        sets = [speakers(clips, getattr(split, part)) for part in PARTS]
        assert not (sets[0] & sets[1] or sets[0] & sets[2] or sets[1] & sets[2])
        assert sum(map(len, sets)) == 24
        assert len(sets[1]) == 2


def test_the_published_actors(clips):
    first = folds(clips, "luna5")[0]
    assert speakers(clips, first.test) == {f"ravdess-{a:02d}" for a in (2, 5, 14, 15, 16)}
    assert speakers(clips, first.validation) == {"ravdess-03", "ravdess-06"}
    last = folds(clips, "loso24")[23]
    assert speakers(clips, last.validation) == {"ravdess-01", "ravdess-02"}


def test_order_of_rows_does_not_matter(clips):
    shuffled = clips.sample(frac=1, random_state=3)
    for protocol in ("luna5", "loso24", "random", "luna5_sentence"):
        assert folds(clips, protocol) == folds(shuffled, protocol)


def test_sentence_protocol_tests_the_other_sentence(clips):
    statement = dict(zip(clips["file"], clips["statement"], strict=True))
    for split in folds(clips, "luna5_sentence"):
        assert len({statement[f] for f in split.test}) == 1
        assert {statement[f] for f in split.train} == {statement[f] for f in split.validation}
        assert not {statement[f] for f in split.train} & {statement[f] for f in split.test}


def test_random_leaks_speakers_and_says_so_by_its_name_alone(clips):
    split = folds(clips, "random")[0]
    assert speakers(clips, split.train) & speakers(clips, split.test)
    assert not set(split.train) & set(split.test)


def test_a_speaker_on_two_sides_is_refused(clips):
    files = clips["file"].tolist()
    leak = Split("luna5", "1", tuple(files[:6]), tuple(files[6:12]), tuple(files[3:5]))
    with pytest.raises(IntoneError, match=r"ravdess-01 in both train and test"):
        check_disjoint(leak, clips)


def test_missing_actors_and_unknown_protocols_are_refused(clips):
    with pytest.raises(IntoneError, match="no validation clips"):
        folds(clips[clips["speaker"] == "ravdess-01"], "luna5")
    with pytest.raises(IntoneError, match="no protocol 'luna6'"):
        folds(clips, "luna6")
