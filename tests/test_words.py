from pathlib import Path

import numpy as np
import pytest

from intone.text import MAX_TOKENS, PAD, UNKNOWN, Glove, Vocabulary, padded, tokens


@pytest.fixture
def glove(tmp_path: Path) -> Glove:
    words = ["the", "do", "n't", "it", "'s", "name", "a\x85b", "dog"]
    (tmp_path / "words.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    np.save(tmp_path / "vectors.npy", np.arange(16, dtype=np.float32).reshape(8, 2) + 1)
    return Glove.read(tmp_path)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Dogs are sitting by the door!", ["dogs", "are", "sitting", "by", "the", "door", "!"]),
        ("[NAME] didn’t go?!", ["[name]", "didn't", "go", "?", "!"]),
        ("so happy 😂😂❤️ ok…", ["so", "happy", "😂", "😂", "❤", "ok"]),
        ("well-known, 3.5 #tag", ["well", "known", ",", "3", ".", "5", "tag"]),
        ("'quoted' Zoë", ["quoted", "zoë"]),
        ("Sooooo HAAAPPY, 1000", ["soo", "haappy", ",", "1000"]),
        ("… —", []),
    ],
)
def test_tokens(sentence: str, expected: list[str]) -> None:
    assert tokens(sentence) == expected


def test_a_vocabulary_is_frequent_first_and_whatever_the_order() -> None:
    said = ["b a", "a c", "a b"]
    vocabulary = Vocabulary.of(said, least=2)
    assert vocabulary.words == (PAD, UNKNOWN, "a", "b")
    assert Vocabulary.of(reversed(said), least=2) == vocabulary
    assert vocabulary.encode("b, c A").tolist() == [3, 1, 1, 2]


def test_every_sentence_has_a_token_and_none_has_too_many() -> None:
    vocabulary = Vocabulary.of(["again and again"])
    assert vocabulary.encode("").tolist() == [1]
    assert len(vocabulary.encode("again " * 500)) == MAX_TOKENS
    assert vocabulary.encode("").dtype == np.int64


def test_padding_stands_behind() -> None:
    ids, lengths = padded([np.array([2, 3, 4]), np.array([5])])
    assert ids.tolist() == [[2, 3, 4], [5, 0, 0]] and lengths.tolist() == [3, 1]


def test_glove_knows_contractions_and_masks_and_odd_words(glove: Glove) -> None:
    def vector(token: str) -> list[float]:
        found = glove.vector(token)
        assert found is not None
        return found.tolist()

    assert vector("don't") == [(3 + 5) / 2, (4 + 6) / 2]
    assert vector("it's") == [(7 + 9) / 2, (8 + 10) / 2]
    assert vector("[name]") == [11, 12]
    assert vector("a\x85b") == [13, 14] and vector("dog") == [15, 16]
    assert glove.vector("cat") is None


def test_the_matrix_follows_the_vocabulary(glove: Glove) -> None:
    matrix = glove.matrix(Vocabulary((PAD, UNKNOWN, "dog", "cat", "the")))
    assert matrix.tolist() == [[0, 0], [0, 0], [15, 16], [0, 0], [1, 2]]
    assert matrix.dtype == np.float32
