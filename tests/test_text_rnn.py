from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn

from intone.emotions import EMOTIONS, INDEX
from intone.models.rnn import BothWays, TextExamples, TextRnn, TextRnnPreset
from intone.models.tfidf import TfidfClassifier
from intone.text import Vocabulary

SAID = {f"{emotion}-{i}": f"{emotion} words here {'and more ' * (i % 4)}" for emotion in EMOTIONS for i in range(6)}
FELT = {file: INDEX[file.split("-")[0]] for file in SAID}
FILES = sorted(SAID)
VOCABULARY = Vocabulary.of(SAID.values())
CELLS = ("lstm", "gru")


@pytest.fixture(autouse=True)
def _same_weights_on_one_thread() -> Iterator[None]:
    """Threads that wait for one another over such small layers take longer than the work, on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("cell", CELLS)
def test_both_ways_is_what_a_packed_bidirectional_layer_is(cell: str) -> None:
    mine = BothWays(cell, 5, 4)
    theirs = {"lstm": nn.LSTM, "gru": nn.GRU}[cell](5, 4, batch_first=True, bidirectional=True)
    back = {f"{k}_reverse": v for k, v in mine.back.state_dict().items()}
    theirs.load_state_dict(mine.on.state_dict() | back)
    x, lengths = torch.randn(3, 6, 5), torch.tensor([6, 1, 4])
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    expected, _ = nn.utils.rnn.pad_packed_sequence(theirs(packed)[0], batch_first=True)
    inside = (torch.arange(6) < lengths[:, None])[..., None]
    torch.testing.assert_close(mine(x, lengths) * inside, expected)


@pytest.mark.parametrize("cell", CELLS)
def test_it_reads_and_learns_in_bf16_on_any_processor(cell: str) -> None:
    layer, x, lengths = BothWays(cell, 5, 4), torch.randn(3, 6, 5), torch.tensor([6, 1, 4])
    plain = layer(x, lengths)
    with torch.autocast("cpu", torch.bfloat16):
        short = layer(x, lengths)
    short.float().sum().backward()
    # States lie within -1 and 1; each of six steps rounds sums of nine products to 8 bits.
    assert 0 < (short - plain).abs().max() < 6 * 9 * 2**-8
    assert all(p.grad is not None and p.grad.isfinite().all() for p in layer.parameters())


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("embedding", ["glove", "learned"])
def test_padding_changes_nothing(cell: str, embedding: str) -> None:
    network = TextRnn(9, TextRnnPreset(cell, embedding, hidden=4, learned=3), glove_size=6).eval()  # type: ignore[arg-type]
    tokens = torch.tensor([[2, 3, 4, 0, 0, 0], [5, 6, 7, 8, 2, 3]])
    logits, embedded = network(tokens, torch.tensor([3, 6]))
    alone, embedded_alone = network(tokens[:1, :3], torch.tensor([3]))
    assert logits.shape == (2, len(EMOTIONS)) and embedded.shape == (2, network.size)
    torch.testing.assert_close(logits[:1], alone)
    torch.testing.assert_close(embedded[:1], embedded_alone)


def test_a_network_rebuilds_from_its_sizes() -> None:
    preset = TextRnnPreset("gru", hidden=4, learned=3)
    network = TextRnn(9, preset, glove_size=2).eval()
    network.start_from(np.ones((9, 2), np.float32))
    again = TextRnn(9, preset, glove_size=2).eval()
    again.load_state_dict(network.state_dict())
    inputs = torch.tensor([[2, 8, 1]]), torch.tensor([3])
    torch.testing.assert_close(again(*inputs)[0], network(*inputs)[0])


def test_glove_stays_as_it_is_while_training() -> None:
    network = TextRnn(9, TextRnnPreset(hidden=4, learned=3), glove_size=2)
    network.start_from(np.ones((9, 2), np.float32))
    network(torch.tensor([[2, 3]]), torch.tensor([2]))[0].sum().backward()
    assert network.glove is not None and network.glove.weight.grad is None
    assert network.learned.weight.grad is not None
    with pytest.raises(ValueError, match="learns its word vectors"):
        TextRnn(9, TextRnnPreset(embedding="learned")).start_from(np.ones((9, 2), np.float32))


def test_batches_hold_every_clip_once_with_its_own_words() -> None:
    examples = TextExamples(SAID, FELT, VOCABULARY, seed=1)
    for epoch in (None, 0, 1):
        batches = list(examples.batches(FILES, 7, epoch))
        assert len(batches) == -(-len(FILES) // 7)
        assert sorted(file for b in batches for file in b.files) == FILES
        for b in batches:
            tokens, lengths = b.inputs
            for file, row, n, target in zip(b.files, tokens, lengths, b.targets, strict=True):
                assert row[:n].tolist() == VOCABULARY.encode(SAID[file]).tolist() and not row[n:].any()
                assert target == FELT[file]


def test_epochs_mix_differently_and_repeatably() -> None:
    def order(epoch: int | None) -> list[str]:
        examples = TextExamples(SAID, FELT, VOCABULARY)
        return [file for b in examples.batches(FILES, 8, epoch) for file in b.files]

    assert order(None) == FILES
    assert order(0) == order(0) and order(0) != order(1)


@pytest.mark.parametrize("cell", CELLS)
def test_it_learns_words_that_say_the_emotion(cell: str) -> None:
    network = TextRnn(len(VOCABULARY), TextRnnPreset(cell, "learned", hidden=16, learned=16))  # type: ignore[arg-type]
    examples = TextExamples(SAID, FELT, VOCABULARY)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for epoch in range(12):
        for batch in examples.batches(FILES, 16, epoch):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(*batch.inputs)[0], batch.targets).backward()
            optimizer.step()
    network.eval()
    batch = next(examples.batches(FILES, len(FILES)))
    assert (network(*batch.inputs)[0].argmax(1) == batch.targets).float().mean() > 0.95


def test_tfidf_learns_and_counts_its_parameters() -> None:
    words, labels = [SAID[f] for f in FILES], [FELT[f] for f in FILES]
    model = TfidfClassifier().fit(words, labels)
    logits = model.logits(words)
    assert logits.argmax(1).tolist() == labels
    np.testing.assert_allclose(np.exp(logits).sum(1), 1)
    terms = len(model.vectorizer.vocabulary_)
    assert model.parameters == terms * len(EMOTIONS) + len(EMOTIONS) + terms


@pytest.mark.parametrize("words", [("kids are talking", "dogs are sitting"), ("the same", "the same"), ("", "")])
def test_tfidf_has_no_opinion_where_words_say_nothing(words: tuple[str, str]) -> None:
    labels = [emotion for emotion in EMOTIONS for _ in words]
    logits = TfidfClassifier().fit(words * len(EMOTIONS), [INDEX[e] for e in labels]).logits([*words, "never heard"])
    np.testing.assert_allclose(np.exp(logits), 1 / len(EMOTIONS), atol=0.01)


def test_tfidf_with_few_emotions_keeps_the_order() -> None:
    logits = (
        TfidfClassifier().fit(["no", "yes", "no"], [INDEX[e] for e in ("sad", "happy", "sad")]).logits(["no", "yes"])
    )
    assert [EMOTIONS[i] for i in logits.argmax(1)] == ["sad", "happy"] and np.isfinite(logits).all()
    assert EMOTIONS[TfidfClassifier().fit(["no"], [INDEX["calm"]]).logits(["yes"]).argmax()] == "calm"
