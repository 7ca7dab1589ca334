"""Who speaks: what `--speakers` says of a recording, and what an analysis makes of it."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from intone.audio.recording import Recording
from intone.audio.segments import Stretch
from intone.cli import main
from intone.emotions import EMOTIONS
from intone.errors import BadClip, IntoneError, Missing
from intone.inference import adaptation, load
from intone.inference.analyzer import Analyzer
from intone.inference.model import Model
from intone.inference.registry import own
from intone.inference.speakers import Part, Speakers
from intone.inference.voice import VoiceModel
from intone.models.voice_probe import Sentences, VoiceProbePreset, calibrated, fitted

RATE = 16_000


def recording(samples: np.ndarray, name: str = "call.wav") -> Recording:
    return Recording.of_signal(samples, RATE, name)


def part(name: str = "talk.wav") -> Part:
    return Part(recording(np.zeros(RATE), name))


def noise(seed: int, seconds: float = 2.0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).normal(size=round(seconds * RATE))).astype(np.float32)


def written(tmp_path, text: str, name: str = "turns.rttm") -> Speakers:
    (tmp_path / name).write_text(text)
    return Speakers.of(str(tmp_path / name))


def test_copies_are_one_recording_and_a_sentence_says_so():
    parts, notes = Speakers.of("channels").parts(recording(np.stack([noise(1)] * 2, 1)))
    assert [p.speaker for p in parts] == [None] and notes[0].startswith(
        "Of its 2 channels one has a voice of its own: "
    )
    assert Speakers.of("channels").parts(recording(noise(1)))[1][0].startswith("It has one channel: ")


def test_each_channel_is_read_alone():
    a, b = noise(1), noise(2)
    parts, notes = Speakers.of("channels").parts(recording(np.stack([a, b], 1)))
    assert [p.speaker for p in parts] == ["channel 1", "channel 2"] and not notes
    for found, sound in zip(parts, (a, b), strict=True):
        assert np.array_equal(np.concatenate(list(found.recording.blocks())), sound)


RTTM = "SPEAKER talk 1 0.0 2.0 <NA> <NA> anna <NA> <NA>\nSPEAKER talk 1 2.5 2.0 <NA> <NA> tom <NA> <NA>\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (RTTM, "a.rttm"),
        ("start,end,speaker\n0,2,anna\n2.5,4.5,tom\n", "a.csv"),
        ("Start;End;Speaker\n0;2;anna\n2.5;4.5;tom\n", "a.csv"),
    ],
)
def test_a_segment_is_whose_turns_cover_most_of_it(tmp_path, text, name):
    known = written(tmp_path, text, name)
    spans = [(0.2, 1.8), (1.5, 4.4), (1.9, 2.6), (8.0, 9.0)]
    assert known.names(part(), spans) == ["anna", "tom", None, None]


def test_a_file_of_several_recordings_gives_each_its_own(tmp_path):
    known = written(tmp_path, RTTM + "SPEAKER other 1 0 9 <NA> <NA> eve <NA> <NA>\n")
    assert known.names(part("x/other.mp3"), [(0.0, 1.0)]) == ["eve"]
    with pytest.raises(BadClip, match=r"doesn't fit third\.wav: it tells of talk, other"):
        known.names(part("third.wav"), [(0.0, 1.0)])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "neither RTTM nor CSV"),
        ("a,b\n1,2\n", "has no column start"),
        ("start,end,speaker\n0,x,anna\n", "a time that is no number"),
        ("start,end,speaker\n3,2,anna\n", "tells of no turn"),
    ],
)
def test_a_file_without_turns_gets_a_sentence(tmp_path, text, problem):
    with pytest.raises(IntoneError, match=problem):
        written(tmp_path, text)


def test_what_says_nothing_and_what_does_not_fit_get_a_sentence(tmp_path):
    with pytest.raises(IntoneError, match="give auto, none, one, channels, or an RTTM or CSV file"):
        Speakers.of("everybody")
    known = written(tmp_path, RTTM.replace(" 0.0 ", " 90.0 ").replace(" 2.5 ", " 95.0 "))
    with pytest.raises(BadClip, match=r"its first turn begins at 90\.0 s, behind the last speech"):
        known.names(part(), [(0.2, 1.8)])


@pytest.fixture(scope="module")
def adaptive() -> Model:
    """The packaged model with a model of voices that was learned from noise."""
    model, chance = Model(own(), threads=1), np.random.default_rng(0)
    width = model.predict(noise(0, 1.0)).embedding.shape[1]
    x, true = chance.normal(size=(64, 1, 1, width)), np.tile(np.arange(8), 8)
    known = Sentences(x, true, np.array([f"s{k // 16}" for k in range(64)]), EMOTIONS)
    preset = VoiceProbePreset(inner=2, draws=1)
    model.card = replace(model.card, known={**model.card.known, "distance": (0.0, 10.0)})  # noise counts as speech
    model.voices = calibrated(fitted(known, preset), known, preset)
    return model


def test_a_segment_is_judged_by_the_others_of_its_voice_and_never_by_itself(adaptive):
    made = [adaptive.predict(noise(k, 1.0)) for k in range(4)]
    found = adaptation.adapted(adaptive, made, ["anna", "anna", "anna", "tom"])
    assert [p.known for p in found] == [2, 2, 2, 0] and found[3] is made[3]
    others = adaptive.voice(made[1]) + adaptive.voice(made[2])
    alone = adaptive.adapted(made[0], others)
    assert np.allclose(found[0].probabilities, alone.probabilities, atol=1e-6)
    assert not np.allclose(found[0].probabilities, made[0].probabilities, atol=1e-6)
    moved = replace(made[0], embedding=made[0].embedding + 5 * np.sign(made[1].embedding))
    other = adaptation.adapted(adaptive, [moved, *made[1:]], ["anna", "anna", "anna", "tom"])
    assert not np.allclose(other[1].probabilities, found[1].probabilities, atol=1e-4)
    assert np.allclose(other[0].probabilities, adaptive.adapted(moved, others).probabilities, atol=1e-6)


def test_what_is_known_before_counts_too(adaptive):
    made = [adaptive.predict(noise(k, 1.0)) for k in range(2)]
    known = {"anna": adaptive.voice(made[1])}
    found = adaptation.adapted(adaptive, made[:1], ["anna"], known)
    assert found[0].known == 1


def test_a_voice_with_one_sentence_gets_a_sentence(adaptive):
    assert adaptation.told(adaptive, ["anna", "anna"]) == []
    one, two = adaptation.told(adaptive, ["anna", "tom", "tom", None])
    assert one.startswith("anna has one sentence: ") and two.startswith("For 1 of 4 segments nobody is named")
    assert adaptation.told(adaptive, []) == []
    assert adaptation.told(adaptive, [None])[0].startswith("For 1 of 1 segments nobody is named")


def test_what_is_stranger_than_speech_tells_nothing_of_a_voice(adaptive):
    made = [adaptive.predict(noise(k, 1.0)) for k in range(3)]
    bell = replace(made[2], distance=1.01 * adaptive.strangest)
    found = adaptation.adapted(adaptive, [*made[:2], bell], ["anna"] * 3)
    assert [p.known for p in found] == [1, 1, 0] and found[2] is bell
    assert not adaptive.adapted(bell, adaptive.voice(made[0])).sure


def test_the_model_of_voices_is_stored_as_text(adaptive):
    again = VoiceModel.of_text(adaptive.voices.as_text())
    for name, array in adaptive.voices.arrays().items():
        assert np.allclose(array, getattr(again, name), rtol=1e-3, atol=1e-5), name
    assert again.as_text() == VoiceModel.of_text(again.as_text()).as_text()


def by_second(blocks, voice, longest):
    """Seconds that aren't silent, each a stretch of speech."""
    seconds = np.concatenate(list(blocks)).reshape(-1, RATE)
    yield from (Stretch(float(k), second) for k, second in enumerate(seconds) if second.any())


def test_a_call_is_analysed_channel_by_channel(adaptive, tmp_path, monkeypatch):
    monkeypatch.setattr("intone.inference.heard.stretches", by_second)
    a, b, pause = noise(1, 1), noise(2, 1), np.zeros(RATE, np.float32)
    left, right = np.concatenate([a, pause, a[::-1], pause]), np.concatenate([pause, pause, pause, b])
    soundfile.write(tmp_path / "call.wav", np.stack([left, right], 1), RATE)
    found = Analyzer(adaptive, speakers=Speakers.of("channels")).analysis(Recording.of_file(tmp_path / "call.wav"))
    who = list(found.segments["speaker"])
    assert who == ["channel 1", "channel 1", "channel 2"] and list(found.segments["adapted"]) == [1, 1, 0]
    assert [n for n in found.warnings if n.startswith("channel 2 has one sentence")]
    assert found.duration == pytest.approx(len(left) / RATE) and sum(found.windows) == len(found.curve)
    plain = Analyzer(adaptive).analysis(Recording.of_file(tmp_path / "call.wav"))
    assert set(plain.segments["speaker"]) == {None} and set(plain.segments["adapted"]) == {0}


class Encoder:
    """Tells voices apart by the sign of the first sample that isn't 0."""

    def embedding(self, signal: np.ndarray) -> np.ndarray:
        voice = np.zeros(256, np.float32)
        voice[int(signal[np.flatnonzero(signal)[0]] > 0)] = 1.0
        return voice


def test_voices_are_told_apart_by_their_sound(adaptive, monkeypatch):
    monkeypatch.setattr("intone.inference.heard.stretches", by_second)
    one, other, pause = np.abs(noise(1, 1)), -np.abs(noise(2, 1)), np.zeros(RATE, np.float32)
    talk = np.concatenate([one, pause, other, pause, one[::-1], pause, other[::-1]])
    found = Analyzer(adaptive, speakers=Speakers.of("auto"), encoder=Encoder()).analysis(recording(talk))
    assert list(found.segments["speaker"]) == ["speaker 1", "speaker 2"] * 2 and set(found.segments["adapted"]) == {1}
    still = Analyzer(adaptive, speakers=Speakers.of("auto"), encoder=Encoder()).analysis(recording(pause))
    assert not len(still.segments)
    with pytest.raises(IntoneError, match="--speakers auto needs weights that tell voices apart: `intone models get"):
        Analyzer(adaptive, speakers=Speakers.of("auto"))


def test_a_segment_in_which_the_voice_changes_is_two(adaptive, monkeypatch):
    monkeypatch.setattr("intone.inference.heard.stretches", by_second)
    monkeypatch.setattr("intone.inference.analyzer.changes", lambda encoder, sound: [0.5] if len(sound) == RATE else [])
    one, other = np.abs(noise(1, 1)), -np.abs(noise(2, 1))
    both = np.concatenate([one[: RATE // 2], other[: RATE // 2]])
    auto = Analyzer(adaptive, speakers=Speakers.of("auto"), encoder=Encoder())
    found = auto.analysis(recording(np.concatenate([one, other, both]))).segments.reset_index()
    assert list(found["speaker"]) == ["speaker 1", "speaker 2", "speaker 1", "speaker 2"]
    assert list(found["start"]) == [0.2, 1.2, 2.2, 2.5] and list(found["end"]) == [0.8, 1.8, 2.5, 2.8]


def test_where_nothing_is_said_voices_are_told_apart_if_the_weights_are_here(monkeypatch, capsys, tmp_path):
    def missing(name: str) -> None:
        raise Missing(f"The weights {name} are not on this machine: get them with `intone models get {name}`.")

    monkeypatch.setattr("intone.weights.find", missing)
    assert load.known(None) == Speakers("none", asked=False)
    assert "each sentence is judged by itself, as voices aren't told apart: The weights" in capsys.readouterr().err
    monkeypatch.setattr("intone.weights.find", lambda name: tmp_path)
    assert load.known(None) == Speakers("auto", asked=False) and load.known("none") == Speakers("none")
    assert load.known(None, ("anna",)) == Speakers("one", only="anna") and not capsys.readouterr().err


@pytest.mark.parametrize("text", ["none", "channels", "auto"])
def test_a_voice_that_is_known_where_nobody_is_called_by_name_is_refused(text):
    with pytest.raises(IntoneError, match=f"With --speakers {text} nobody is called anna"):
        Speakers.of(text, ["anna"])


def test_a_file_is_found_by_its_whole_name_first(tmp_path):
    path = tmp_path / "turns.csv"
    path.write_text("file,start,end,speaker\ntalk.wav,0,1,bea\nb/talk.wav,0,1,al\n")
    known = Speakers.of(str(path))
    named = [known._own(name)[0].speaker for name in ("b/talk.wav", "a/talk.wav", "talk.mp3")[:2]]
    assert named == ["al", "bea"] and not known.names_no_recording
    path.write_text("start,end,speaker\n0,1,bea\n")
    assert Speakers.of(str(path)).names_no_recording


def test_names_of_speakers_are_one_line_and_nobody_has_no_turn(tmp_path):
    path = tmp_path / "turns.csv"
    path.write_text('start,end,speaker\n0,1,"an\nna\x07 b"\n1,2,nan\n2,3,\n3,4,None\n')
    assert [turn.speaker for turn in Speakers.of(str(path)).turns[""]] == ["an na b"]
    path.write_text("start,end,speaker\n0,inf,anna\n")
    with pytest.raises(IntoneError, match=r"a turn from 0\.0 to inf"):
        Speakers.of(str(path))


def test_turns_of_a_recording_that_is_not_named_are_not_given_to_two(tmp_path, capsys):
    turns = tmp_path / "turns.csv"
    turns.write_text("start,end,speaker\n0,1,anna\n")
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, noise(1, 1.0), 16_000)
    files = [str(tmp_path / "a.wav"), str(tmp_path / "b.wav")]
    with pytest.raises(SystemExit):
        main(["analyze", *files, "--no-text", "--speakers", str(turns), "-o", str(tmp_path / "out")])
    assert "doesn't say of which of the 2 recordings" in capsys.readouterr().err
