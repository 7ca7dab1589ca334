"""What is known of a voice: its statistics, what they change, and the protocol that measures it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from intone.data.splits import Split
from intone.errors import IntoneError
from intone.evaluation.metrics import score
from intone.experiments.adaptation import COLUMNS, adaptation, measure
from intone.experiments.conversations import COLUMNS as TALKED
from intone.experiments.conversations import SENTENCE_COLUMNS, _Voices, put_together, scores
from intone.experiments.draws import KINDS, RECORDING, drawn
from intone.inference.fusion import log_softmax, softmax
from intone.inference.voice import Voice, VoiceModel
from intone.models.cnn import AudioCnnPreset
from intone.models.linear_probe import LinearProbePreset
from intone.models.voice_probe import Sentences, VoiceProbePreset, calibrated, fitted
from intone.training.functionals import Functionals
from intone.training.recipes.adaptive_network import AdaptiveNetworkRecipe
from intone.training.recipes.adaptive_probe import AdaptiveProbeRecipe
from intone.training.recipes.functionals import FunctionalsRecipe
from intone.training.recipes.spectrogram import SpectrogramRecipe
from intone.training.workspace import Workspace

LABELS, LAYERS, WIDTH, SPEAKERS, EACH = 4, 2, 12, 10, 24
QUICK = VoiceProbePreset(strength=0.03, inner=3, draws=2)


@pytest.fixture(scope="module")
def voices():
    """Embeddings [N, 1, layers, width], labels, speakers: voices differ three times as far as emotions do."""
    chance = np.random.default_rng(1)
    emotion = chance.normal(size=(LABELS, LAYERS * WIDTH))
    emotion -= emotion.mean(0)
    voice = 3 * chance.normal(size=(SPEAKERS, LAYERS * WIDTH))
    true = np.tile(np.arange(LABELS), SPEAKERS * EACH // LABELS)
    speaker = np.repeat(np.arange(SPEAKERS), EACH)
    x = emotion[true] + voice[speaker] + chance.normal(size=(len(true), LAYERS * WIDTH))
    return x.reshape(-1, 1, LAYERS, WIDTH), true, np.array([f"s{k}" for k in speaker])


@pytest.fixture(scope="module")
def model(voices) -> VoiceModel:
    x, true, speaker = voices
    seen = ~np.isin(speaker, ("s8", "s9"))
    known = Sentences(x[seen], true[seen], speaker[seen], tuple("abcdefgh"[:LABELS]))
    return calibrated(fitted(known, QUICK), known, QUICK)


def unseen(voices) -> tuple[np.ndarray, np.ndarray]:
    x, true, speaker = voices
    return x[speaker == "s9"].reshape(EACH, -1), true[speaker == "s9"]


def even(count: int) -> np.ndarray:
    return np.full((count, LABELS), 1 / LABELS)


def test_statistics_of_two_sets_are_those_of_both_together(voices):
    x, _ = unseen(voices)
    chances = softmax(np.random.default_rng(0).normal(size=(EACH, LABELS)))
    both, whole = Voice.of(x[:5], chances[:5]) + Voice.of(x[5:], chances[5:]), Voice.of(x, chances)
    assert both.count == whole.count == EACH and (both.without(whole)).count == 0
    for name in ("mean", "square", "proportions"):
        np.testing.assert_allclose(getattr(both, name), getattr(whole, name))
    nothing = Voice.of(x[:0], chances[:0])
    assert nothing.count == 0 and (nothing + nothing).count == 0
    np.testing.assert_allclose((nothing + whole).mean, whole.mean)


def test_the_more_is_known_the_nearer_the_estimate(model, voices):
    x, _ = unseen(voices)
    truth = x.mean(0)
    gaps = [np.abs(model.estimate(Voice.of(x[:k], even(k)))[0] - truth).mean() for k in (0, 4, EACH)]
    assert gaps[0] > 2 * gaps[1] > 2 * gaps[2]
    centre, deviation = model.estimate(Voice.of(x[:0], even(0)))
    np.testing.assert_array_equal(centre, model.mean)
    np.testing.assert_allclose(deviation, np.sqrt(model.within))


def test_a_voice_that_is_known_is_understood_better_and_an_unknown_one_as_before(model, voices):
    x, true = unseen(voices)
    plain = np.random.default_rng(0).normal(size=(EACH, LABELS))
    nothing, voice = Voice.of(x[:0], even(0)), Voice.of(x, even(EACH))
    np.testing.assert_array_equal(model.log_probabilities(x, plain, nothing), plain)
    right = (model.adapted(x, voice).argmax(1) == true).mean()
    assert right > 0.85 > 0.2 + (model.adapted(x, nothing).argmax(1) == true).mean()
    assert (model.log_probabilities(x, plain, voice).argmax(1) == true).mean() > 0.8


def test_sentences_of_one_emotion_alone_are_not_taken_for_the_voice(model, voices):
    x, true = unseen(voices)
    angry = true == 1
    sure = softmax(8.0 * np.eye(LABELS)[true])
    wise, naive = Voice.of(x[angry], sure[angry]), Voice.of(x[angry], even(int(angry.sum())))
    right = [(model.adapted(x, voice).argmax(1) == true).mean() for voice in (wise, naive)]
    assert right[0] > right[1] + 0.1
    balanced, guessed = (model.estimate(Voice.of(x, chances))[0] for chances in (sure, even(EACH)))
    np.testing.assert_allclose(balanced, guessed)


def test_temperatures_come_from_speakers_held_out_and_stand_between_counts(model):
    assert model.counts.tolist() == [1, 2, 4, 8, 16] and (model.temperatures > 0).all()
    assert model.temperature(3) == pytest.approx(np.sqrt(model.temperature(2) * model.temperature(4)), rel=0.3)
    assert model.temperature(500) == model.temperatures[-1] and 0 <= model.unsure(8) < 1


def test_a_model_is_its_arrays(model, voices):
    x, _ = unseen(voices)
    again = VoiceModel.of_arrays(model.arrays())
    voice = Voice.of(x, even(EACH))
    plain = log_softmax(x[:, :LABELS])
    np.testing.assert_allclose(again.probabilities(x, plain, voice), model.probabilities(x, plain, voice), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_drawn_is_of_its_kind_and_never_judged(kind):
    emotions = np.array(["neutral"] * 4 + [e for e in ("calm", "happy", "sad") for _ in range(8)])
    for k in KINDS[kind]:
        made = list(drawn(kind, k, emotions, "ravdess-01", 5))
        assert [d.known.tolist() for d in made] == [d.known.tolist() for d in drawn(kind, k, emotions, "ravdess-01", 5)]
        for draw in made:
            if k in ("0", RECORDING):
                assert len(draw.judged) == len(emotions) and len(draw.known) == (len(emotions) if k == RECORDING else 0)
                continue
            assert len(set(draw.known)) == int(k) and not set(draw.known) & set(draw.judged)
            assert len(draw.known) + len(draw.judged) == len(emotions)
            names = set(emotions[draw.known])
            assert kind != "neutral" or names <= {"neutral", "calm"}
            assert len(names) <= {"one": 1, "two": 2}.get(kind, 4)


@pytest.fixture
def space(corpus, tiny_whisper, tmp_path, monkeypatch) -> Workspace:
    monkeypatch.setenv("INTONE_CACHE", str(tmp_path / "cache"))
    recipe = AdaptiveProbeRecipe(
        weights=tiny_whisper,
        layers=(1, 2, 3),
        under=("noise",),
        probe=LinearProbePreset(widest=2, inner=2),
        voice=replace(QUICK, inner=2),
    )
    return Workspace(corpus, {"tiny-adaptive": recipe, "tiny-plain": recipe.plain()}, tmp_path / "runs")


def test_a_fold_predicts_as_the_plain_probe_does_and_the_protocol_judges_what_is_known(space, corpus, tmp_path):
    by = list(corpus.clips.groupby("speaker")["file"].apply(tuple))
    splits = [Split("speakers", str(k + 1), by[k] + by[k - 1], by[k - 2], by[k - 3]) for k in range(4)]
    made = [(split, space.fold("tiny-adaptive", "none", split)) for split in splits]
    twin = space.fold("tiny-plain", "none", splits[0])
    pd.testing.assert_frame_equal(made[0][1].logits, twin.logits)
    assert made[0][1].record.parameters > twin.record.parameters

    found = measure(space, "tiny-adaptive", made, tmp_path, draws=2).set_index(["kind", "k"])
    assert list(found.reset_index().columns.sort_values()) == sorted(COLUMNS)
    tested = pd.concat([fold.predictions[fold.predictions["split"] == "test"] for _, fold in made])
    assert found.loc[("random", "0"), "uar"] == pytest.approx(score(tested).uar, abs=0.01)
    assert found.loc[("random", "4"), "draws"] == 2 and found.loc[("random", RECORDING), "draws"] == 1
    kept = pd.read_csv(tmp_path / "voice" / "tiny-adaptive__speakers__random__8.csv.gz")
    assert list(kept.columns[:6]) == ["draw", "file", "speaker", "fold", "emotion", "predicted"]
    assert (kept.groupby(["draw", "speaker"])["file"].nunique() == 8).all()
    looks = pd.read_csv(tmp_path / "test_looks.csv")
    assert looks["why"].str.contains("random 8: UAR").all() and len(looks) == 1
    measure(space, "tiny-adaptive", made, tmp_path, draws=2)
    assert len(pd.read_csv(tmp_path / "voice.csv")) == len(found) and len(pd.read_csv(tmp_path / "test_looks.csv")) == 1


def test_a_model_that_does_not_adapt_is_refused(ravdess_folder, tmp_path):
    with pytest.raises(IntoneError, match="audio_cnn does not adapt to a voice"):
        adaptation(("audio_cnn",), ravdess=ravdess_folder, runs=tmp_path)


class OneSex:
    """Tells men from women, and no two men."""

    def embedding(self, signal: np.ndarray) -> np.ndarray:
        crossings = np.mean(np.diff(np.signbit(signal)))
        voice = np.zeros(256, np.float32)
        voice[int(crossings > 0.02)] = 1.0
        return voice


def test_conversations_are_judged_with_the_voices_that_were_found(space, corpus):
    by = list(corpus.clips.groupby("speaker")["file"].apply(tuple))
    fold = space.fold("tiny-adaptive", "none", Split("speakers", "1", by[0] + by[1], by[2], by[3]))
    split = Split("speakers", "1", by[0] + by[1], (), by[2] + by[3])  # two speakers to talk with one another
    sentences = put_together([("1", _Voices.of(space, split, fold, OneSex()))], each=3)
    assert list(sentences.columns) == list(SENTENCE_COLUMNS) and set(sentences["found"]) <= set(space.labels)
    found = scores(sentences)
    assert list(found.columns) == list(TALKED[3:]) and set(found["sexes"]) <= {"same", "both"} and len(found)
    assert found["purity"].between(0, 100).all() and (found["conversations"] == 3).all()


def test_a_network_adapts_by_its_embeddings_and_without_a_voice_predicts_as_it_did(corpus, tmp_path, monkeypatch):
    network = SpectrogramRecipe(network=AudioCnnPreset(width=8), speeds=(1.0,)).with_epochs({"audio_epochs": 1})
    models = {"cnn": network, "cnn-adaptive": AdaptiveNetworkRecipe("cnn", QUICK)}
    space = Workspace(corpus, models, tmp_path / "runs")
    by = list(corpus.clips.groupby("speaker")["file"].apply(tuple))
    splits = [Split("speakers", str(k + 1), by[k] + by[k - 1], by[k - 2], by[k - 3]) for k in range(4)]
    made = [(split, space.fold("cnn-adaptive", "none", split)) for split in splits]
    twin = space.fold("cnn", "none", splits[0])
    labels = list(corpus.labels)
    pd.testing.assert_frame_equal(made[0][1].predictions[labels], twin.predictions[labels], atol=1e-4)
    found = measure(space, "cnn-adaptive", made, tmp_path, draws=2).set_index(["kind", "k"])
    tested = pd.concat([fold.predictions[fold.predictions["split"] == "test"] for _, fold in made])
    assert found.loc[("random", "0"), "uar"] == pytest.approx(score(tested).uar, abs=0.01)
    split, fold = made[0]
    model = fold.recipe.voiced(space, fold, split.test).model
    assert model.counts.tolist() == [1, 2, 4, 8] and (model.temperatures > 0).all()
    with pytest.raises(IntoneError, match="has no embeddings"):
        monkeypatch.setattr(Functionals, "computed", lambda self, corpus: {f: [np.ones(3)] for f in corpus.paths})
        models = {"p": FunctionalsRecipe(functionals="none", inner=2), "p-adaptive": AdaptiveNetworkRecipe("p")}
        Workspace(corpus, models, tmp_path / "bare").fold("p-adaptive", "none", splits[0])
