"""Perturbations do what they say, predictors answer as the fold did, and the tables go on where they stopped."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from intone.audio.augment.perturbations import PERTURBATIONS, Sounds, esc10
from intone.audio.clip import read_clip
from intone.audio.frames import SAMPLE_RATE
from intone.data.splits import Split, folds
from intone.emotions import EMOTIONS
from intone.errors import IntoneError, Missing
from intone.evaluation.pass_marks import MARKS
from intone.experiments.nonspeech import analyse_nonspeech, nonspeech
from intone.experiments.robustness import COLUMNS, chosen, measure
from intone.inference.result import UNSURE
from intone.models.cnn import AudioCnnPreset
from intone.models.linear_probe import LinearProbePreset
from intone.report.figures import perturbations_figure
from intone.report.sections.robustness import judged
from intone.training.recipes import in_epochs
from intone.training.recipes.choice import AudioChoice
from intone.training.recipes.encoder_head import HeadRecipe
from intone.training.recipes.fusion import Ensemble
from intone.training.recipes.linear_probe import LinearProbeRecipe
from intone.training.recipes.spectrogram import SpectrogramRecipe
from intone.training.workspace import Workspace

TIME = np.arange(SAMPLE_RATE) / SAMPLE_RATE
TONES = sum(np.sin(2 * np.pi * k * 220 * TIME) / k**2 for k in range(1, 8))
VOICE = (0.1 * TONES * np.hanning(TIME.size)).astype(np.float32)
NAMED = {p.name: p for p in PERTURBATIONS}


def sounds() -> Sounds:
    draw = np.random.default_rng(0)
    noise = [draw.standard_normal(8000).astype(np.float32) for _ in range(3)]
    return Sounds(voices=noise, environment=noise, sneezes=noise)


def changed(name: str, level: str, seed: int = 0) -> np.ndarray:
    return NAMED[name](VOICE, level, sounds(), np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("name", "level"), [(p.name, level) for p in PERTURBATIONS for level in (p.levels[0], p.levels[-1])]
)
def test_every_change_gives_a_clip_and_the_same_one_for_the_same_draw(name, level):
    got = changed(name, level)
    assert got.dtype == np.float32 and got.ndim == 1 and np.isfinite(got).all()
    assert got.size > SAMPLE_RATE // 4 and np.abs(got).max() > 1e-3
    np.testing.assert_array_equal(got, changed(name, level))


@pytest.mark.parametrize("name", ["white noise", "babble", "music", "environment", "sneezes"])
def test_noise_stands_at_the_ratio_it_is_asked_for(name):
    noise = changed(name, "10") - VOICE
    assert 10 * np.log10(np.mean(VOICE**2) / np.mean(noise**2)) == pytest.approx(10, abs=0.01)


def test_pitch_moves_and_tempo_stays():
    high = changed("pitch", "4")
    assert high.size == pytest.approx(VOICE.size, rel=0.05)
    peak = np.abs(np.fft.rfft(high, 4 * SAMPLE_RATE)).argmax() / 4
    assert peak == pytest.approx(220 * 2 ** (4 / 12), rel=0.03)
    assert changed("speed", "1.25").size == pytest.approx(VOICE.size / 1.25, rel=0.01)


@pytest.mark.parametrize(("name", "level"), [("Opus", "24"), ("MP3", "32")])
def test_codecs_give_back_the_same_sound_at_the_same_time(name, level):
    coded = changed(name, level)
    assert np.corrcoef(coded[: VOICE.size], VOICE[: coded.size])[0, 1] > 0.9


def test_filters_and_clipping_keep_their_promises():
    assert np.std(changed("high-pass", "1000")) < 0.2 * np.std(VOICE)
    assert np.std(changed("low-pass", "2000")) == pytest.approx(np.std(VOICE), rel=0.05)
    assert np.mean(np.abs(changed("clipping", "20")) >= np.abs(changed("clipping", "20")).max() - 1e-6) > 0.19
    assert changed("gain", "6").max() == pytest.approx(VOICE.max() * 10**0.3, rel=0.01)


def test_every_mark_is_a_level_that_is_measured():
    assert all(mark.level in NAMED[mark.perturbation].levels for mark in MARKS)


def test_esc10_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(Missing, match="no ESC-10"):
        esc10(tmp_path)


@pytest.fixture
def space(corpus, tiny_whisper, tmp_path, monkeypatch) -> Workspace:
    monkeypatch.setenv("INTONE_CACHE", str(tmp_path / "cache"))
    probe = LinearProbeRecipe(weights=tiny_whisper, layers=(1, 2), probe=LinearProbePreset(widest=2, inner=2))
    models = {
        "audio_cnn": SpectrogramRecipe(network=AudioCnnPreset(width=8), speeds=(1.0,)),
        "probe": probe,
        "head": HeadRecipe(weights=tiny_whisper, layers=(1, 2)),
        "choice": AudioChoice(("probe", "head")),
        "both": Ensemble("fusion_late_logits", ("probe", "head")),
    }
    return Workspace(corpus, in_epochs(models, 1), tmp_path / "runs")


@pytest.mark.parametrize("model", ["audio_cnn", "probe", "head", "choice", "both"])
def test_a_predictor_says_of_a_fold_s_clips_what_the_fold_said(model, space):
    by_speaker = space.corpus.clips.groupby("speaker")["file"].apply(tuple)
    split = Split("speakers", "1", by_speaker.iloc[0] + by_speaker.iloc[1], by_speaker.iloc[2], by_speaker.iloc[3])
    done = space.fold(model, "none", split).predictions.set_index("file")
    files = list(split.test[:6])
    said = space.predictor(model, split)([read_clip(space.corpus.paths[f]) for f in files])
    np.testing.assert_allclose(said, done.loc[files, list(EMOTIONS)].to_numpy(), atol=5e-3)


def test_a_predictor_trains_nothing(space):
    with pytest.raises(Missing, match="intone reproduce"):
        space.predictor("audio_cnn", folds(space.corpus.clips, "speakers")[0])


def test_the_tables_are_written_once_and_measured_anew_for_other_networks(space, tmp_path, monkeypatch):
    first = {"white noise": 0, "gain": 1}  # the one has no mark, the other has
    short = tuple(replace(p, levels=p.levels[first[p.name] :][:1]) for p in PERTURBATIONS if p.name in first)
    monkeypatch.setattr("intone.experiments.robustness.PERTURBATIONS", short)
    splits = folds(space.corpus.clips, "speakers")
    for split in splits:
        space.fold("audio_cnn", "none", split)
    noise = sounds()
    bank = (list(noise.environment), list(noise.sneezes))
    measure(space, ("audio_cnn", "probe"), splits, tmp_path, bank, each=8)  # the probe is left out with a word
    rows = pd.read_csv(tmp_path / "robustness.csv")
    assert rows["perturbation"].tolist() == ["none", "white noise", "gain"]
    assert rows.loc[0, "unchanged"] == 100 and (rows["clips"] == 32).all()
    silent = pd.read_csv(tmp_path / "nonspeech.csv")
    assert set(silent["sound"]) == {kind for kind, _ in nonspeech(noise)}
    before = (tmp_path / "robustness.csv").read_bytes()

    def never(*_: object) -> None:
        raise AssertionError("heard again")

    with monkeypatch.context() as patch:
        patch.setattr(Workspace, "predictor", never)
        measure(space, ("audio_cnn",), splits, tmp_path, bank, each=8)
    assert (tmp_path / "robustness.csv").read_bytes() == before
    measure(space, ("audio_cnn",), splits, tmp_path, bank, each=4)
    assert (pd.read_csv(tmp_path / "robustness.csv")["clips"] == 16).all()
    measure(space, ("audio_cnn",), splits, tmp_path / "marks", bank, each=4, marks=True)
    assert pd.read_csv(tmp_path / "marks" / "robustness.csv")["perturbation"].tolist() == ["none", "gain"]


class Hears:
    """An analysis that takes loud sounds for speech, and is sure of the loudest."""

    def __init__(self, whisper: object) -> None:
        self.whisper = whisper

    def signal(self, samples: np.ndarray, rate: int) -> pd.DataFrame:
        assert rate == SAMPLE_RATE
        loud = float(np.abs(samples).max())
        return pd.DataFrame({"emotion": [UNSURE, "happy"][: (loud > 0.2) + (loud > 0.5)]})


def test_sounds_without_speech_are_counted_by_what_the_analysis_says_of_them(tmp_path, monkeypatch):
    asked = []

    def loaded(_model: object, whisper: object, *_: object) -> Hears:
        asked.append(whisper)
        return Hears(whisper)

    monkeypatch.setattr("intone.experiments.nonspeech.loaded", loaded)
    quiet, loud, loudest = (np.full(8000, level, np.float32) for level in (0.1, 0.4, 0.9))
    bank = Sounds(environment=[quiet, loud, loud, loudest], sneezes=[loudest])
    analyse_nonspeech(bank, tmp_path)
    assert asked == ["whisper-base", None]
    rows = pd.read_csv(tmp_path / "nonspeech_analysis.csv").set_index(["words", "sound"])
    for words in ("yes", "no"):
        assert rows.loc[(words, "environment"), ["clips", "speech", "emotion"]].tolist() == [4, 3, 1]
        assert rows.loc[(words, "tones"), ["clips", "speech", "emotion"]].tolist() == [5, 0, 0]
    analyse_nonspeech(bank, tmp_path)
    assert len(asked) == 2  # the same model is not asked again


def test_no_trained_model_is_refused_in_one_sentence(space, tmp_path):
    with pytest.raises(IntoneError, match="None of audio_cnn has been trained"):
        measure(space, ("audio_cnn",), folds(space.corpus.clips, "speakers"), tmp_path, ([], []), 8)


def test_clips_are_spread_over_emotions(corpus):
    files = chosen(corpus, folds(corpus.clips, "speakers")[0], each=8)
    emotions = corpus.clips.set_index("file").loc[files].groupby("speaker")["emotion"].nunique()
    assert (emotions == 8).all() and len(files) == 16


def test_the_curves_have_a_panel_for_each_perturbation():
    rows = pd.DataFrame(
        [
            ("audio_cnn", p.name, level, p.unit, k, 60.0 - k, 65.0, 60.0 if level == "20" else np.nan)
            for p in PERTURBATIONS
            for k, level in enumerate(p.levels)
        ],
        columns=["model", "perturbation", "level", "unit", "order", "uar", "clean", "pass_uar"],
    )
    figure = perturbations_figure(rows)
    assert [a.get_title(loc="left") for a in figure.axes if a.get_visible()] == [p.name for p in PERTURBATIONS]


def test_marks_are_judged_by_both_of_their_limits():
    rows = [("m", "none", "0", "", 10, 60.0, 60.0, 100.0, 0.5, "x")]
    for mark in MARKS:
        fine = mark.perturbation in ("babble", "gain")
        drop = 0.0 if fine else 6.0
        rows.append(("m", mark.perturbation, mark.level, "", 10, 60.0, 60.0 - drop, 99.0 if fine else 80.0, 0.5, "x"))
    got = judged(pd.DataFrame(rows, columns=COLUMNS))
    assert len(got) == len(MARKS)
    assert {m.perturbation for m in got.loc[got["passed"], "mark"]} == {"babble", "gain"}
    worse = pd.DataFrame(rows, columns=COLUMNS)
    worse.loc[worse["perturbation"] == "babble", "uar"] = 54.0  # as many unchanged, and too many points lost
    assert {m.perturbation for m in judged(worse).query("passed")["mark"]} == {"gain"}
