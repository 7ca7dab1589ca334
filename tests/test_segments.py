"""Speech is found wherever a chapter ends; sentences end where they should; silence, noise and tones are no speech."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intone.asr.alignment import Word, in_order
from intone.asr.sentences import moved, sentences, text_of
from intone.audio import segments
from intone.audio.frames import SAMPLE_RATE
from intone.audio.segments import MAX_SEGMENT_S, MIN_WORDLESS_S, Stretch, covering, speech_bounds, stretches, uncovered
from intone.audio.vad import VadSettings
from intone.data import synthetic


def in_blocks(signal: np.ndarray, size: int = 77_777) -> list[np.ndarray]:
    return [signal[i : i + size] for i in range(0, len(signal), size)]


def told(words: str, each: float = 0.3, start: float = 0.0) -> list[Word]:
    """Words of one length, one after another; `|` is a second of silence."""
    out = []
    for word in words.split():
        if word == "|":
            start += 1.0
            continue
        out.append(Word(word=f" {word}", start=start, end=start + each, probability=0.9))
        start += each
    return out


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [
        ("Kids are talking. Dogs are sitting.", ["Kids are talking.", "Dogs are sitting."]),
        ("Dr. Who is here? Yes!", ["Dr. Who is here?", "Yes!"]),
        ("kids are | talking", ["kids are", "talking"]),
        ('He said "stop." And went', ['He said "stop."', "And went"]),
        ("", []),
    ],
)
def test_sentences_end_at_marks_and_pauses(spoken, expected):
    assert [text_of(s) for s in sentences(told(spoken))] == expected


def test_a_long_sentence_is_cut_at_its_pause():
    words = told("a " * 30 + "b") + told("c " * 30, start=9.9)
    parts = sentences(words)
    assert all(p[-1]["end"] - p[0]["start"] <= MAX_SEGMENT_S for p in parts)
    assert text_of(parts[0]).endswith("b") and text_of(parts[1]).startswith("c")


times = st.floats(0, 30, allow_nan=False)


@given(st.lists(st.tuples(times, times), max_size=30), st.floats(0.1, 28))
def test_words_are_put_in_order_whatever_the_attention_says(spans, length):
    words = in_order([Word(word=" a", start=a, end=b, probability=0.5) for a, b in spans], length)
    ends = [0.0]
    for word in words:
        assert ends[-1] <= word["start"] < word["end"] <= length + 1e-3
        ends.append(word["end"])


@given(st.lists(st.sampled_from(["a", "b.", "|", "c?"]), max_size=120))
def test_no_word_is_lost_between_sentences(spoken):
    words = told(" ".join(spoken))
    assert [w for s in sentences(words) for w in s] == words


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Three synthetic sentences with 1.5 s of faint noise around each."""
    pytest.importorskip("espeakng_loader")
    from intone.audio.clip import read_clip

    corpus = synthetic.make(tmp_path_factory.mktemp("speech"), 2, 1)
    clips = [read_clip(corpus.paths[f]) for f in list(corpus.clips["file"])[:3]]
    draw = np.random.default_rng(0)
    gap = draw.normal(0, 1e-4, round(1.5 * SAMPLE_RATE)).astype(np.float32)
    return np.concatenate([gap, *(part for clip in clips for part in (clip, gap))])


def test_where_somebody_speaks_is_said_without_margins(speech):
    for stretch in stretches(iter([speech]), 0.3, 28):
        assert stretch.speech and all(b - a <= MAX_SEGMENT_S for a, b in stretch.speech)
        assert stretch.start + 0.1 < stretch.speech[0][0] < stretch.speech[-1][1] < stretch.end - 0.1


def test_speech_without_a_pause_has_no_gaps_where_it_is_cut(speech):
    """Words off: stretches of an endless sentence meet, and nothing is cut off at the recording's beginning."""
    loud = np.abs(speech) > 0.02
    talk = np.tile(speech[np.argmax(loud) :][: round(0.8 * SAMPLE_RATE)], 10)
    cut = list(stretches(iter([talk]), longest=3))
    bounds = [speech_bounds(s) for s in cut]
    assert len(cut) > 1
    assert bounds[0][0] < 0.2
    assert all(b[0] - a[1] < 0.2 for a, b in itertools.pairwise(bounds))


def test_chapters_hide_no_speech_and_double_none(speech, monkeypatch):
    whole = list(stretches(iter([speech])))
    assert len(whole) >= 3
    for chapter in (2, 3, 5):
        monkeypatch.setattr(segments, "CHAPTER_S", chapter)
        parts = list(stretches(iter(in_blocks(speech, 8_000))))
        spoken = np.zeros(len(speech) // 160)
        for part in parts:
            spoken[round(part.start * 100) : round(part.end * 100)] += 1
        for part in whole:
            a, b = speech_bounds(part)
            assert spoken[round(a * 100) : round(b * 100)].mean() == pytest.approx(1, abs=0.1)
        assert spoken.max() == 1
        assert all(np.array_equal(p.signal, speech[round(p.start * SAMPLE_RATE) :][: len(p.signal)]) for p in parts)


def test_what_the_detector_doubts_lies_between_what_it_hears(monkeypatch):
    """Spans by threshold: 0.3 hears 10 to 12 s, and 0.12 all from 5 to 35 s, through several chapters."""
    heard = {0.3: (10.0, 12.0), 0.5: (10.5, 11.5), 0.12: (5.0, 35.0)}
    at = np.arange(60 * SAMPLE_RATE, dtype=np.float32)

    def found(signal: np.ndarray, vad: VadSettings) -> list[tuple[int, int]]:
        first, last = (round(t * SAMPLE_RATE - signal[0]) for t in heard[vad.threshold])
        first, last = max(0, first), min(len(signal), last)
        step = round(vad.max_speech_s * SAMPLE_RATE)
        return [(a, min(a + step, last)) for a in range(first, last, step)]

    monkeypatch.setattr(segments, "speech_spans", found)
    for chapter in (8, 20, 60):
        monkeypatch.setattr(segments, "CHAPTER_S", chapter)
        parts = list(stretches(iter(in_blocks(at)), 0.3, 28))
        spans = [(p.start, round(p.end, 3)) for p in parts if not p.doubtful]
        assert next(p for p in parts if not p.doubtful).speech == ((10.5, 11.5),)
        assert spans == [(10.0, 12.0)]
        doubts = [(p.start, p.end) for p in parts if p.doubtful]
        assert sum(b - a for a, b in doubts) == pytest.approx(28, abs=1.1)
        assert not uncovered(doubts, [(5.0, 10.0), (12.0, 35.0)])
        assert all(a.end <= b.start for a, b in itertools.pairwise(parts))
        assert all(p.signal[0] == round(p.start * SAMPLE_RATE) for p in parts)
    monkeypatch.setattr(segments, "CHAPTER_S", 60)
    assert [p.doubtful for p in stretches(iter(in_blocks(at)), 0.5, 12)] == [False]


def test_speech_that_never_pauses_is_cut(monkeypatch):
    def always(signal: np.ndarray, vad: VadSettings) -> list[tuple[int, int]]:
        step = round(vad.max_speech_s * SAMPLE_RATE)
        return [(i, min(i + step, len(signal))) for i in range(0, len(signal), step)]

    monkeypatch.setattr(segments, "speech_spans", always)
    talk = np.ones(50 * SAMPLE_RATE, np.float32)
    monkeypatch.setattr(segments, "CHAPTER_S", 20)
    found = list(stretches(iter(in_blocks(talk))))
    assert sum(len(s.signal) for s in found) == len(talk)
    assert max(s.end - s.start for s in found) <= MAX_SEGMENT_S


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(SAMPLE_RATE * 4),
        np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE * 4),
        0.3 * np.sin(np.arange(SAMPLE_RATE * 4) / 6),
        np.ones(SAMPLE_RATE * 4),
        np.ones(SAMPLE_RATE // 10),
    ],
    ids=["silence", "noise", "tone", "DC", "a tenth of a second"],
)
def test_nobody_speaks(sound):
    assert list(stretches(iter(in_blocks(sound.astype(np.float32))))) == []


def test_a_span_has_its_margin_and_stays_inside():
    stretch = Stretch(10.0, np.arange(SAMPLE_RATE * 4, dtype=np.float32))
    begin, sound = stretch.around((11, 12))
    assert begin == 10.8 and len(sound) == round(1.4 * SAMPLE_RATE)
    assert stretch.around((10, 12))[1][0] == 0 and stretch.around((13, 14))[1][-1] == SAMPLE_RATE * 4 - 1
    assert stretch.end == 14.0


def ordered(numbers: list[int]) -> list[tuple[float, float]]:
    """Tenths of seconds -> spans in order that don't overlap."""
    edges = sorted(set(numbers))
    return [(a / 10, b / 10) for a, b in zip(edges[::2], edges[1::2], strict=False)]


tenths = st.lists(st.integers(0, 300), max_size=24).map(ordered)


@given(tenths, tenths)
def test_every_span_of_speech_lies_in_a_segment(sentences_there, speech):
    wide, alone = covering(sentences_there, speech)
    assert not uncovered(speech, sorted(wide + alone))
    segments_there = sorted(wide + alone)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(segments_there))
    assert all(w[0] <= s[0] and w[1] >= s[1] for w, s in zip(wide, sentences_there, strict=True))
    grown = [max(s[0] - w[0], w[1] - s[1]) for w, s in zip(wide, sentences_there, strict=True)]
    assert max(grown, default=0) < MIN_WORDLESS_S
    # Silence is not made speech: a segment without words holds nothing but what was uncovered.
    assert set(alone) <= set(uncovered(speech, sentences_there))


def test_slivers_belong_to_the_sentence_beside_them():
    assert covering([(1.0, 2.0)], [(0.7, 2.4)]) == ([(0.7, 2.4)], [])
    assert covering([(1.0, 2.0)], [(0.7, 3.5)]) == ([(0.7, 2.0)], [(2.0, 3.5)])
    assert covering([(1.0, 2.0)], [(5.0, 5.3)]) == ([(1.0, 2.0)], [(5.0, 5.3)])
    assert covering([(1.0, 2.0), (2.2, 3.0)], [(1.0, 3.0)]) == ([(1.0, 2.2), (2.2, 3.0)], [])
    assert covering([], [(1.0, 2.0)]) == ([], [(1.0, 2.0)])


def test_words_move_with_their_stretch():
    assert moved(told("a b"), 10.0004)[1]["start"] == 10.3
