"""Recordings put together from clips: what is in them, and how finding their speakers is scored."""

import numpy as np
import pandas as pd
import pytest
import soundfile

from intone.data.corpus import Corpus
from intone.experiments.diarization import scores
from intone.experiments.talks import SENTENCES, TURN, put_together

RATE = 16_000


@pytest.fixture
def corpus(tmp_path):
    rows, paths = [], {}
    for speaker, level in (("anna", 0.5), ("tom", -0.5)):
        for k in range(14):
            file = f"{speaker}{k}.wav"
            paths[file] = tmp_path / file
            soundfile.write(paths[file], np.full(RATE, level, np.float32), RATE, subtype="FLOAT")
            rows.append((file, speaker, "sad" if k % 2 else "happy", "mine"))
    clips = pd.DataFrame(rows, columns=["file", "speaker", "emotion", "corpus"]).assign(sex="female", sentence="")
    return Corpus("mine", clips, paths)


def made(corpus, call: bool):
    voices = [own for _, own in corpus.clips.groupby("speaker")]
    return put_together(corpus, voices, call, np.random.default_rng(3))


def test_a_talk_has_turns_of_few_sentences_and_each_is_where_it_says(corpus):
    talk = made(corpus, call=False)
    assert talk.samples.shape[1] == 1 and len(talk.turns) == len(talk.emotions)
    said = [turn.speaker for turn in talk.turns]
    counts = [said.count(name) for name in ("voice 0", "voice 1")]
    assert all(SENTENCES[0] <= count <= SENTENCES[1] for count in counts)
    changes = [k for k in range(1, len(said)) if said[k] != said[k - 1]]
    assert len(changes) >= 3 and min(np.diff([0, *changes])) >= 1 and max(np.diff([0, *changes])) <= TURN
    for turn in talk.turns:
        inside = talk.samples[round((turn.start + 0.82) * RATE) : round((turn.start + 0.98) * RATE), 0]
        others = [other for other in talk.turns if other is not turn and other.start < turn.start + 1 < other.end + 1]
        if not others:
            assert np.sign(np.median(inside)) == (1 if turn.speaker == "voice 0" else -1)


def test_a_call_has_a_channel_a_voice_and_the_other_one_faintly(corpus):
    talk = made(corpus, call=True)
    alone = next(
        turn
        for turn in talk.turns
        if all(other is turn or other.end < turn.start or other.start > turn.end for other in talk.turns)
    )
    middle = round((alone.start + alone.end) / 2 * RATE)
    own, other = np.abs(talk.samples[middle : middle + 100].mean(0))[:: 1 if alone.speaker == "voice 0" else -1]
    assert own == pytest.approx(0.5, abs=0.01) and other == pytest.approx(0.025, abs=0.002)


def found(voices: list[str | None], recording: str) -> pd.DataFrame:
    true = ["anna", "tom", "anna", "tom"]
    table = pd.DataFrame({"start": [0.0, 2.0, 4.0, 6.0], "end": [2.0, 4.0, 6.0, 8.0], "voice": voices, "speaker": true})
    table = table.assign(emotion=[0, 1, 2, 3], none=[0, 1, 2, 0], one=0, found=[0, 1, 2, 3], true=[0, 1, 2, 3])
    table.attrs["turns"] = list(zip(table["start"], table["end"], true, strict=True))
    return table.assign(recording=recording)


def test_scores_of_right_and_of_wrong_speakers():
    right = scores([found(["a", "b", "a", "b"], "0")])
    assert (right["der"], right["purity"], right["count_right"]) == (0, 100, 100)
    assert (right["uar_none"], right["uar_found"]) == (75, 100)
    wrong = scores([found(["a", "a", "a", None], "0"), found(["a", "b", "a", "b"], "1")])
    assert wrong["count_right"] == 50 and wrong["purity"] == pytest.approx(100 * 6 / 8)
    assert (wrong["confusion"], wrong["missed"], wrong["der"]) == (12.5, 12.5, 25.0)
