"""Sentences are told apart by their voices, whatever their order, and one voice stays one."""

import os
import pickle
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from intone import weights
from intone.audio.clip import read_clip
from intone.audio.frames import SAMPLE_RATE
from intone.errors import BadClip, IntoneError, Missing
from intone.inference import diarization
from intone.inference.diarization import FILE, WEIGHTS, SpeakerEncoder, clustered, filter_bank

CHANCE = np.random.default_rng(0)
CLIPS = Path(os.environ.get("INTONE_RAVDESS", "data/ravdess"))


def sentences(speaker: int, count: int, spread: float = 0.7, seed: int = 0) -> np.ndarray:
    """Voices [count, 256] around an axis of their own; two of one speaker are spread² / (1 + spread²) apart."""
    noise = np.random.default_rng([speaker, seed]).normal(0, spread / 16, (count, 256))
    noise[:, speaker] += 1
    return np.asarray(noise / np.linalg.norm(noise, axis=1, keepdims=True), np.float32)


def long(count: int) -> np.ndarray:
    return np.full(count, 2.5)


def test_two_voices_are_two_in_the_order_in_which_they_speak() -> None:
    voices = np.concatenate([sentences(7, 5), sentences(3, 6)])
    assert clustered(voices, long(11)).tolist() == [0] * 5 + [1] * 6
    assert clustered(voices[::-1], long(11)).tolist() == [0] * 6 + [1] * 5


@pytest.mark.parametrize("count", [1, 2, 9, 70])
def test_one_voice_stays_one(count: int) -> None:
    assert clustered(sentences(0, count), long(count)).tolist() == [0] * count


def test_nothing_said() -> None:
    assert clustered(np.zeros((0, 256), np.float32), long(0)).tolist() == []


def test_the_order_changes_nothing_but_the_numbers() -> None:
    voices = np.concatenate([sentences(k, 4 + 3 * k) for k in range(4)])
    found = clustered(voices, long(len(voices)))
    assert len(set(found)) == 4
    for _ in range(5):
        order = CHANCE.permutation(len(voices))
        again = clustered(voices[order], long(len(voices)))
        assert len(set(zip(found[order], again, strict=True))) == 4
        np.testing.assert_array_equal(again, clustered(voices[order], long(len(voices))))


def test_a_few_unusual_sentences_are_no_second_voice_but_many_are() -> None:
    """Two groups with an average distance of 0.7, which is more than NEAR."""
    axes = np.zeros((40, 256))
    axes[:30, 0], axes[30:, 0], axes[30:, 1] = 1, 0.3, np.sqrt(1 - 0.3**2)
    voices = axes + np.random.default_rng(2).normal(0, 0.3 / 16, axes.shape)
    voices = np.asarray(voices / np.linalg.norm(voices, axis=1, keepdims=True), np.float32)
    assert diarization.NEAR < 1 - voices[:30].mean(0) @ voices[30:].mean(0) < diarization.FAR
    assert set(clustered(voices[:33], long(33))) == {0}
    assert set(clustered(voices, long(40))) == {0, 1}


def test_short_sentences_join_the_nearest_voice_and_found_none() -> None:
    voices = np.concatenate(
        [sentences(0, 5), sentences(1, 5), sentences(0, 1, seed=1), sentences(1, 1, seed=1), sentences(2, 1)]
    )
    seconds = np.array([2.0] * 10 + [0.6] * 3)
    assert clustered(voices, seconds).tolist() == [0] * 5 + [1] * 5 + [0, 1, -1]
    assert clustered(voices[::-1], seconds[::-1]).tolist() == [-1, 0, 1] + [0] * 5 + [1] * 5


def test_only_short_sentences_are_told_apart_all_the_same() -> None:
    voices = np.concatenate([sentences(0, 4), sentences(1, 4)])
    assert clustered(voices, np.full(8, 0.5)).tolist() == [0] * 4 + [1] * 4


def test_a_known_count_is_kept() -> None:
    voices = np.concatenate([sentences(k, 5) for k in range(3)])
    assert clustered(voices, long(15), 3).tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert set(clustered(voices, long(15), 1)) == {0}
    assert len(set(clustered(voices, long(15), 2))) == 2
    assert len(set(clustered(voices, long(15), 6))) == 6
    assert set(clustered(voices, np.array([2.0] * 2 + [0.5] * 13), 3)) == {0, 1, 2}


def test_more_speakers_than_sentences() -> None:
    assert clustered(sentences(0, 3), long(3), 5).tolist() == [0, 1, 2]


def test_groups_that_are_near_are_those_of_average_linkage(monkeypatch: pytest.MonkeyPatch) -> None:
    hierarchy = pytest.importorskip("scipy.cluster.hierarchy")
    monkeypatch.setattr(diarization, "ALLOWANCE", 0.0)
    voices = np.concatenate([sentences(k, 12, spread=1.3) for k in range(5)])
    distances = (1 - voices @ voices.T)[np.triu_indices(len(voices), 1)]
    expected = hierarchy.fcluster(hierarchy.linkage(distances, "average"), diarization.NEAR, "distance")
    found = clustered(voices, long(len(voices)))
    assert len(set(zip(expected, found, strict=True))) == len(set(expected)) == len(set(found)) > 5


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A folder with a network that projects the loudest frame of each band to 256 numbers."""
    onnx = pytest.importorskip("onnx")
    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    matrix = onnx.numpy_helper.from_array(np.random.default_rng(1).normal(size=(80, 256)).astype(np.float32), "matrix")
    nodes = [
        helper.make_node("ReduceMax", ["feats"], ["loudest"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["loudest", "matrix"], ["embs"]),
    ]
    inputs = [helper.make_tensor_value_info("feats", real, ["B", "T", 80])]
    graph = helper.make_graph(nodes, "toy", inputs, [helper.make_tensor_value_info("embs", real, ["B", 256])], [matrix])
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), tmp_path / FILE)
    return tmp_path


def buzz(seconds: float, pitch: float = 120.0) -> np.ndarray:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return np.asarray(sum(np.sin(2 * np.pi * k * pitch * time) for k in range(1, 20)) / 40, np.float32)


@pytest.mark.parametrize("seconds", [0.1, 0.35, 2.0])
def test_an_embedding_has_length_one_at_any_loudness(toy: Path, seconds: float) -> None:
    encoder, sound = SpeakerEncoder(toy), buzz(seconds)
    voice = encoder.embedding(sound)
    assert voice.shape == (256,) and voice.dtype == np.float32
    assert np.linalg.norm(voice) == pytest.approx(1, abs=1e-5)
    if seconds > 0.3:  # what pads a shorter one is silent, however loud the sound
        np.testing.assert_allclose(encoder.embedding(sound / 4), voice, atol=1e-3)
    assert encoder.embedding(buzz(2.0, pitch=250)) @ encoder.embedding(buzz(2.0)) < 0.99


def test_silence_around_a_sentence_changes_nothing(toy: Path) -> None:
    encoder, sound = SpeakerEncoder(toy), np.pad(buzz(1.0), 1600)
    np.testing.assert_allclose(encoder.embedding(np.pad(sound, 16_000)), encoder.embedding(sound), atol=1e-5)
    with pytest.raises(BadClip, match="silent"):
        encoder.embedding(np.zeros(16_000, np.float32))


def test_the_filter_bank_is_kaldis_grid_without_its_mean() -> None:
    features = filter_bank(buzz(1.0))
    assert features.shape == (98, 80) and features.dtype == np.float32
    np.testing.assert_allclose(features.mean(0), 0, atol=1e-4)


def test_an_encoder_survives_a_pickle_and_a_fork(toy: Path) -> None:
    encoder, sound = SpeakerEncoder(toy), buzz(1.0)
    voice = encoder.embedding(sound)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(encoder)).embedding(sound), voice)
    with get_context("fork").Pool(1) as pool:
        np.testing.assert_array_equal(pool.apply_async(encoder.embedding, (sound,)).get(timeout=60), voice)


def test_missing_or_damaged_weights_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Missing, match=f"intone models get {WEIGHTS}"):
        SpeakerEncoder(tmp_path)
    (tmp_path / FILE).write_bytes(b"no network")
    with pytest.raises(IntoneError, match="damaged"):
        SpeakerEncoder(tmp_path)


def test_two_men_and_a_woman_of_ravdess_are_told_apart() -> None:
    """Eight sentences each, of all emotions; the weights come from INTONE_MODELS."""
    try:
        encoder = SpeakerEncoder(weights.find(WEIGHTS))
    except Missing as missing:
        pytest.skip(str(missing))
    voices, actors = [], [13, 14, 15]
    for actor in actors:
        clips = sorted(CLIPS.glob(f"Actor_{actor:02d}/03-01-0[1-8]-01-01-01-*"))
        if len(clips) < 8:
            pytest.skip("RAVDESS isn't here: INTONE_RAVDESS names its folder")
        voices += [encoder.embedding(read_clip(clip)) for clip in clips[:8]]
    found = clustered(np.stack(voices), long(24)).reshape(3, 8)
    assert set(found.ravel()) == {0, 1, 2}
    assert sum(int((row == k).sum()) for k, row in enumerate(found)) >= 23
