"""Speech encoders' states: the clip's own frames, the layers that were asked for, and nothing of its neighbours."""

import numpy as np
import pytest
import torch
import transformers as hub

from intone.errors import IntoneError
from intone.models.batch import inside
from intone.models.encoder_head import AudioTransformer, AudioTransformerPreset, StateExamples
from intone.models.speech_encoder import SpeechStates

SMALL = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
SIGNAL = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)


def test_whisper_says_what_its_own_code_says_when_the_clip_fills_its_window(tiny_whisper):
    states = SpeechStates(tiny_whisper, (0, 1, 3))(SIGNAL)
    assert states.shape == (3, 50, 16)
    model = hub.WhisperForAudioClassification.from_pretrained(tiny_whisper).eval()
    mel = SpeechStates(tiny_whisper, (1,)).network.given(SIGNAL)
    with torch.inference_mode():
        theirs = model.encoder(mel, output_hidden_states=True).hidden_states
    np.testing.assert_allclose(states[1], theirs[1][0].numpy(), atol=2e-3)


def test_whisper_hears_a_shorter_clip_without_padding_and_a_longer_one_up_to_its_window(tiny_whisper):
    states = SpeechStates(tiny_whisper, (2,))
    assert states(SIGNAL[:8000]).shape == (1, 25, 16)
    assert states(np.tile(SIGNAL, 3)).shape == (1, 50, 16)


def test_what_is_behind_the_last_layer_is_cut_away(tiny_whisper):
    first, all_of_them = SpeechStates(tiny_whisper, (1,)), SpeechStates(tiny_whisper, (1, 3))
    assert first.parameters() == all_of_them.parameters(1) < all_of_them.parameters()
    assert first.name != all_of_them.name == SpeechStates(tiny_whisper, (1, 3)).name
    np.testing.assert_array_equal(first(SIGNAL)[0], all_of_them(SIGNAL)[0])


@pytest.mark.parametrize("layers", [(4,), (-1, 2), ()])
def test_layers_that_are_not_there_are_refused(tiny_whisper, layers):
    with pytest.raises(IntoneError, match="has layers 0 to 3"):
        SpeechStates(tiny_whisper, layers)


@pytest.mark.parametrize(
    "config",
    [hub.Wav2Vec2Config(**SMALL), hub.HubertConfig(**SMALL), hub.WavLMConfig(**SMALL)],
    ids=lambda c: c.model_type,
)
def test_encoders_of_waveforms_by_the_same_class(config, tmp_path):
    torch.manual_seed(0)
    hub.AutoModel.from_config(config).save_pretrained(tmp_path)
    hub.Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    states = SpeechStates(str(tmp_path), (1, 3))(SIGNAL)
    assert states.shape == (2, 49, 16)
    assert np.isfinite(states).all()
    cut = SpeechStates(str(tmp_path), (1,))
    assert (
        cut.parameters()
        == SpeechStates(str(tmp_path), (1, 3)).parameters(1)
        < SpeechStates(str(tmp_path), (3,)).parameters()
    )
    np.testing.assert_array_equal(cut(SIGNAL)[0], states[0])
    hub.Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(tmp_path)
    assert SpeechStates(str(tmp_path), (1,)).name != cut.name


def test_a_spectrogram_transformer_by_the_same_class_and_the_clip_s_own_part_of_it(tmp_path):
    config = hub.ASTConfig(**SMALL, max_length=256, num_mel_bins=32)
    hub.ASTModel(config).save_pretrained(tmp_path)
    hub.ASTFeatureExtractor(max_length=256, num_mel_bins=32).save_pretrained(tmp_path)
    states = SpeechStates(str(tmp_path), (2,))
    # 100 frames a second, a column of patches every 10 of them; its window has 25 columns.
    assert states(SIGNAL).shape == (1, 10, 16)
    assert states(np.tile(SIGNAL, 4)).shape == (1, 25, 16)


def test_the_head_ignores_what_stands_behind_a_clip_and_can_lean_on_any_layer():
    draw = np.random.default_rng(0)
    views = {name: [draw.normal(0, 1, (3, n, 8)).astype(np.float16)] for name, n in (("a", 5), ("b", 12))}
    examples = StateExamples(views, {"a": 3, "b": 2}, 0.5)
    network = AudioTransformer(3, 8, AudioTransformerPreset(hidden=4)).eval()
    both, alone = (next(iter(examples.batches(files, 4))) for files in (["a", "b"], ["a"]))
    with torch.inference_mode():
        torch.testing.assert_close(network(*both.inputs)[0][:1], network(*alone.inputs)[0])
        longer = next(iter(StateExamples(views, {"a": 3}, 0.5, step=16).batches(["a"], 4)))
        assert longer.inputs[0].shape[2] == 16
        torch.testing.assert_close(network(*longer.inputs)[0], network(*alone.inputs)[0])
        before = network(*alone.inputs)[0]
        network.layer_scores[1] = 5.0
        assert not torch.allclose(before, network(*alone.inputs)[0])


def test_blocks_that_learn_say_what_whisper_says_and_nothing_of_a_neighbour(tiny_whisper):
    torch.manual_seed(0)
    given = SpeechStates(tiny_whisper, (1,))
    views = {"a": [given(SIGNAL)], "b": [given(SIGNAL[:9000])]}
    examples = StateExamples(views, {"a": 3, "b": 2}, 0.5)
    whole = SpeechStates(tiny_whisper, (1, 2, 3))
    network = AudioTransformer(1, 16, AudioTransformerPreset(hidden=4), whole.network.blocks[1:]).eval()
    both, alone = (next(iter(examples.batches(files, 4))) for files in (["a", "b"], ["b"]))
    with torch.inference_mode():
        np.testing.assert_allclose(network._through(alone.inputs[0][:, 0], None)[0], whole(SIGNAL[:9000]), atol=5e-3)
        torch.testing.assert_close(network(*both.inputs)[0][1:], network(*alone.inputs)[0])


def test_clips_one_behind_another_learn_just_as_padded_ones(tiny_whisper):
    torch.manual_seed(0)
    blocks = SpeechStates(tiny_whisper, (2,)).network.blocks.requires_grad_(True)
    network = AudioTransformer(1, 16, AudioTransformerPreset(hidden=4, dropout=0.0), blocks)
    states, lengths = torch.randn(3, 1, 9, 16), torch.tensor([9, 4, 6])
    own = inside(lengths, 9)[..., None]
    told, learned = {}, {}
    for packed in (True, False):
        network.train(packed).zero_grad()
        given = states.clone().requires_grad_()
        told[packed] = network.sequence(given, lengths)[0] * own
        (told[packed] ** 3).sum().backward()
        learned[packed] = [given.grad, *(p.grad for p in network.parameters() if p.grad is not None)]
    torch.testing.assert_close(told[True], told[False])
    assert len(learned[True]) == len(learned[False]) > len(list(blocks.parameters()))
    # Sums in another order round by the largest of what is summed: the layers' scores get what is left of as much.
    largest = max(float(x.abs().max()) for x in learned[False])
    for one, other in zip(learned[True], learned[False], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6 * largest)
    assert not learned[True][0][1, :, 4:].any()


def test_a_training_copy_hides_a_stretch_and_leaves_the_clip_as_it_was():
    views = {"a": [np.ones((2, 40, 3), np.float16)]}
    examples = StateExamples(views, {"a": 3}, 0.5)
    copies = [examples.changed("a", epoch) for epoch in range(10)]
    assert len({float(c.sum()) for c in copies}) > 3
    assert min(c.sum() for c in copies) >= 2 * 3 * 20
    assert views["a"][0].all()
    np.testing.assert_array_equal(copies[3], examples.changed("a", 3))
