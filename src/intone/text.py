"""Sentence (text) -> tokens -> ids in a vocabulary (int64), and the GloVe vectors (float32) of that vocabulary.

The vocabulary comes from training text alone. GloVe (Pennington, Socher & Manning 2014) was trained on other text, but
only words of the training text get its vectors: any other word is `<unknown>` in every variant, so that the vocabulary
shows which words a model knows. (Vectors for words unseen in training made no measurable difference.)
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol

import numpy as np

PAD: Final = "<pad>"
"""Id 0, appended to short sentences."""
UNKNOWN: Final = "<unknown>"
"""Id 1, for words outside the vocabulary."""

MAX_TOKENS: Final = 64
"""Tokens kept of a sentence; GoEmotions' comments have 30 at most, a recogniser that repeats itself may write
hundreds."""

# Emoji and similar pictographs; a skin tone or a variation selector after one is not a token of its own.
_EMOJI: Final = "\u2600-\u27bf\u2b50\u2b55\U0001f300-\U0001f3fa\U0001f400-\U0001faff"
_TOKEN: Final = re.compile(rf"\[[a-z]+\]|[^\W_]+(?:'[^\W_]+)*|[!?.,]|[{_EMOJI}]")

_DRAWN_OUT: Final = re.compile(r"([^\W\d_])\1{2,}")
"""A letter three times or more: "sooo" and "soooooo" are one word."""


def tokens(sentence: str) -> list[str]:
    """Lower-case words (letters drawn out cut to two), each of the marks ! ? . , emoji, masks such as [name].

    >>> tokens("[NAME] didn't gooo?! 😂")
    ['[name]', "didn't", 'goo', '?', '!', '😂']
    """
    return _TOKEN.findall(_DRAWN_OUT.sub(r"\1\1", sentence.lower().replace("’", "'")))


class Encoder(Protocol):
    """Turns a sentence into token ids: of words in a vocabulary, or of a pretrained model's subwords."""

    def encode(self, sentence: str) -> np.ndarray:
        """Ids, int64 of shape (tokens,), at least one."""
        ...

    def __len__(self) -> int:
        """How many different tokens it knows."""
        ...


@dataclass(frozen=True)
class Vocabulary:
    """The words that a model knows; `words[0]` is padding and `words[1]` stands for all other words."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, sentences: Iterable[str], least: int = 1) -> "Vocabulary":
        """Words that occur `least` times or more in the training sentences, the most frequent first."""
        counts = Counter(token for sentence in sentences for token in tokens(sentence))
        kept = sorted((word for word, n in counts.items() if n >= least), key=lambda word: (-counts[word], word))
        return cls((PAD, UNKNOWN, *kept))

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def index(self) -> dict[str, int]:
        """Word -> id."""
        return {word: i for i, word in enumerate(self.words)}

    def encode(self, sentence: str) -> np.ndarray:
        """Ids of the sentence's tokens, int64 of shape (tokens,); a sentence without tokens is one `<unknown>`."""
        ids = [self.index.get(token, 1) for token in tokens(sentence)[:MAX_TOKENS]]
        return np.array(ids or [1], np.int64)


class Subwords:
    """A pretrained tokenizer, from the JSON that the library `tokenizers` writes, without `transformers`."""

    def __init__(self, text: str, longest: int = MAX_TOKENS) -> None:
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_str(text)
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(longest)

    def encode(self, sentence: str) -> np.ndarray:
        """Ids, including the begin and end tokens, int64 of shape (tokens,), at most `longest` of them."""
        return np.array(self.tokenizer.encode(sentence).ids or [0], np.int64)

    def __len__(self) -> int:
        return int(self.tokenizer.get_vocab_size())


def padded(sentences: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """B encoded sentences -> ids (B, longest), short ones padded with 0, and token counts (B,); both int64."""
    lengths = np.array([len(ids) for ids in sentences], np.int64)
    out = np.zeros((len(sentences), int(lengths.max())), np.int64)
    for row, ids in zip(out, sentences, strict=True):
        row[: len(ids)] = ids
    return out, lengths


@dataclass(frozen=True)
class Glove:
    """Word vectors; float32, one row per word."""

    words: tuple[str, ...]
    vectors: np.ndarray

    @cached_property
    def index(self) -> dict[str, int]:
        """Word -> row."""
        return {word: i for i, word in enumerate(self.words)}

    @classmethod
    def read(cls, folder: Path) -> "Glove":
        """Vectors from `vectors.npy` and `words.txt` (one per line, in the same order); the matrix stays on disk."""
        text = (folder / "words.txt").read_text(encoding="utf-8").removesuffix("\n")
        # Not splitlines: some of GloVe's words are characters that Python takes for line ends.
        return cls(tuple(text.split("\n")), np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False))

    def vector(self, token: str) -> np.ndarray | None:
        """The token's vector, shape (size,), or None.

        GloVe 6B writes "do n't" and "it 's", so a word with an apostrophe is the mean of its parts' vectors.
        """
        parts = [token.strip("[]")] if token not in self.index else [token]
        if parts[0] not in self.index and "'" in token:
            stem, mark, end = token.rpartition("n't") if token.endswith("n't") else token.partition("'")
            parts = [stem, mark + end]
        found = [self.vectors[self.index[part]] for part in parts if part in self.index]
        return np.stack(found).mean(0, dtype=np.float32) if found else None

    def matrix(self, vocabulary: Vocabulary) -> np.ndarray:
        """(len(vocabulary), size) float32: each word's vector; zeros for padding, unknown and words without one."""
        out = np.zeros((len(vocabulary), self.vectors.shape[1]), np.float32)
        for row, word in zip(out[2:], vocabulary.words[2:], strict=True):
            vector = self.vector(word)
            if vector is not None:
                row[:] = vector
        return out


def normalise(text: str) -> str:
    """Lower case, one space between words, no punctuation but the apostrophe inside a word (don't)."""
    plain = text.lower().replace("’", "'")
    return " ".join(re.findall(r"[^\W_]+(?:'[^\W_]+)*", plain))
