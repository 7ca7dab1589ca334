"""What stands out of the room counts, what is as faint as the room does not, and a studio's clip counts whole."""

import numpy as np
import pytest
import torch
import transformers as hub

from intone.audio.frame_weights import prominence, room_power
from intone.models.speech_encoder import SpeechStates

RATE = 16_000


def clip(room: float) -> tuple[np.ndarray, np.ndarray]:
    """Two words with a pause between them, a second of the room on either side -> the clip, and the words' part."""
    draw = np.random.default_rng(0)
    part = 0.1 * draw.standard_normal(RATE)
    part[6000:10_000] *= 0.05
    whole = np.pad(part, RATE) + room * draw.standard_normal(3 * RATE)
    return whole.astype(np.float32), whole[RATE : 2 * RATE].astype(np.float32)


def test_a_studio_s_clip_counts_whole_and_above_noise_the_words_alone():
    whole, part = clip(room=1e-4)
    assert prominence(part, room_power(whole), 50).min() > 0.95
    whole, part = clip(room=0.01)
    noisy = prominence(part, room_power(whole), 50)
    assert noisy[21:29].max() < 0.25 and np.r_[noisy[:17], noisy[33:]].min() > 0.8
    np.testing.assert_allclose(prominence(10 * part, room_power(10 * whole), 50), noisy, atol=1e-4)


def test_where_the_room_is_as_loud_as_speech_the_loud_frames_count_all_the_same():
    part = clip(room=0.3)[1]
    assert prominence(part, room_power(part), 50).max() > 0.9


def test_silence_and_few_samples_are_no_error():
    assert np.isfinite(prominence(np.zeros(4800, np.float32), 0.0, 30)).all()
    assert prominence(np.ones(100, np.float32), 1.0, 3).shape == (3,)


@pytest.mark.parametrize("kind", ["whisper", "wav2vec2"])
def test_each_state_has_its_own(kind, tiny_whisper, tmp_path):
    where = str(tiny_whisper)
    if kind == "wav2vec2":
        small = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
        torch.manual_seed(0)
        hub.AutoModel.from_config(hub.Wav2Vec2Config(**small)).save_pretrained(where := str(tmp_path))
        hub.Wav2Vec2FeatureExtractor().save_pretrained(where)
    states, (whole, part) = SpeechStates(where, (1,)), clip(room=0.01)
    for size in (RATE, RATE - 300, RATE // 2 + 77):
        count = states(part[:size]).shape[1]
        got = states.prominence(part[:size], room_power(whole), count)
        assert got.shape == (count,) and got[: round(0.3 * count)].min() > 0.8
