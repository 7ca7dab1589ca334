"""Pretrained encoders: the real classes with tiny random weights; whole checkpoints only."""

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as hub
from safetensors.torch import load_file, save_file

from intone.errors import IntoneError, Missing
from intone.models import pretrained
from intone.models.text_encoder import MAX_TOKENS, SubwordVocabulary, TextTransformer, TextTransformerPreset
from intone.text import padded

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "i", "am", "so", "happy", "!", "not"]
SMALL = {"vocab_size": len(WORDS), "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}


def saved(folder: Path, model: hub.PreTrainedModel, tokens: list[str] | None = WORDS) -> str:
    model.save_pretrained(folder)
    if tokens:
        vocabulary = {word: i for i, word in enumerate(tokens)}
        hub.BertTokenizerFast(vocab=vocabulary, do_lower_case=True).save_pretrained(folder)
    return str(folder)


def bert(**changes: int) -> hub.BertModel:
    return hub.BertModel(hub.BertConfig(**SMALL | {"intermediate_size": 32} | changes))


def distilbert() -> hub.DistilBertModel:
    return hub.DistilBertModel(
        hub.DistilBertConfig(vocab_size=len(WORDS), dim=16, n_layers=2, n_heads=2, hidden_dim=32)
    )


@pytest.mark.parametrize("make", [bert, distilbert])
def test_a_text_encoder_reads_a_sentence_whatever_stands_behind_it(make, tmp_path):
    torch.manual_seed(0)
    where = saved(tmp_path, make())
    network = TextTransformer(pretrained.encoder(where), TextTransformerPreset(where)).eval()
    encode = SubwordVocabulary(where).encode
    ids = [encode("I am so HAPPY!"), encode("not")]
    assert ids[0].tolist() == [2, 5, 6, 7, 8, 9, 3]
    both, alone = (tuple(map(torch.from_numpy, padded(x))) for x in (ids, ids[1:]))
    with torch.inference_mode():
        torch.testing.assert_close(network(*both)[0][1:], network(*alone)[0], atol=1e-5, rtol=1e-4)
        assert not torch.allclose(network(*both)[0][0], network(*both)[0][1])
    assert len(encode("happy " * 200)) == MAX_TOKENS


def test_a_frozen_encoder_stays_and_a_free_one_learns(tmp_path):
    where = saved(tmp_path, bert())
    tokens, lengths = map(torch.from_numpy, padded([np.array([2, 5, 3])]))
    for frozen in (True, False):
        network = TextTransformer(pretrained.encoder(where), TextTransformerPreset(where, frozen)).train()
        network(tokens, lengths)[0].sum().backward()
        assert all((p.grad is None) == frozen for p in network.encoder.encoder.parameters())
        assert network.encoder.training is not frozen
        assert network.head[1].weight.grad is not None


AUDIO = {
    "whisper": hub.WhisperConfig(
        d_model=16, encoder_layers=2, encoder_attention_heads=2, encoder_ffn_dim=32, max_source_positions=50
    ),
    "wav2vec2": hub.Wav2Vec2Config(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32),
    "hubert": hub.HubertConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32),
    "wavlm": hub.WavLMConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32),
    "ast": hub.ASTConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32),
}


@pytest.mark.parametrize("kind", AUDIO)
def test_an_audio_encoder_comes_back_as_it_was_saved(kind, tmp_path):
    whole = hub.WhisperForAudioClassification if kind == "whisper" else hub.AutoModel
    model = whole(AUDIO[kind]) if kind == "whisper" else whole.from_config(AUDIO[kind])
    part = model.encoder if kind == "whisper" else model
    got = pretrained.encoder(saved(tmp_path, model, None))
    assert not got.training
    expected = part.state_dict()
    assert set(got.state_dict()) == set(expected)
    for name, tensor in got.state_dict().items():
        torch.testing.assert_close(tensor, expected[name])


def test_a_checkpoint_that_lacks_weights_is_refused(tmp_path):
    where = saved(tmp_path, bert())
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    del tensors["encoder.layer.1.attention.self.query.weight"]
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(IntoneError, match=r"lacks 1 weights .*encoder\.layer\.1\.attention\.self\.query\.weight"):
        pretrained.encoder(where)


def test_a_checkpoint_without_the_parts_that_are_not_run_is_whole(tmp_path):
    where = saved(tmp_path, bert())
    path = tmp_path / "model.safetensors"
    save_file({k: v for k, v in load_file(path).items() if "pooler" not in k}, path, metadata={"format": "pt"})
    pretrained.encoder(where)


def test_weights_of_another_shape_are_refused(tmp_path):
    where = saved(tmp_path, bert())
    bert(intermediate_size=24).config.save_pretrained(tmp_path)
    with pytest.raises(IntoneError, match="another shape"):
        pretrained.encoder(where)


def test_a_tokenizer_of_another_model_is_refused(tmp_path):
    where = saved(tmp_path, bert(vocab_size=6))
    with pytest.raises(IntoneError, match="11 tokens and its model 6"):
        SubwordVocabulary(where)


def test_a_name_that_is_nowhere_and_a_folder_that_is_empty_give_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # no name is looked up, and none waited for
    with pytest.raises(Missing, match="neither a folder here nor") as nowhere:
        pretrained.encoder("nobody/nothing-of-this-name")
    with pytest.raises(IntoneError, match="is the folder whole") as empty:
        pretrained.encoder(str(tmp_path))
    assert "\n" not in str(nowhere.value) + str(empty.value)


def test_a_known_name_that_is_not_installed_says_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("INTONE_CACHE", str(tmp_path))
    monkeypatch.delenv("INTONE_MODELS", raising=False)
    with pytest.raises(Missing, match="intone models get all-MiniLM-L6-v2"):
        SubwordVocabulary("all-MiniLM-L6-v2")
