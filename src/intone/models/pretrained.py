"""Hub id or local folder -> a complete pretrained network or tokenizer of `transformers`, or an error in one sentence.

A checkpoint that lacks weights is refused: `transformers` would fill them with random numbers and only warn, and a
public emotion model has been broken in just this way.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForAudioClassification,
    AutoTokenizer,
    WhisperForAudioClassification,
)
from transformers.utils import logging as hub_logging

from intone import weights
from intone.cache import digest as cache_digest
from intone.emotions import DIMENSIONS
from intone.errors import IntoneError, Missing
from intone.models.speech_head import SPEECH_CLASSIFIERS

UNUSED: Final = ("pooler.", "projector.", "classifier.")
"""Beginnings of the names of weights that an encoder has no use for, and which a checkpoint of one may lack."""

MASK: Final = "masked_spec_embed"
"""Name of weights that are used in training alone, without the name of the network they are in."""

AUDIO: Final = ("whisper", "wav2vec2", "hubert", "wavlm", "audio-spectrogram-transformer")
"""Kinds of audio encoders that intone can use."""

HUB: Final = {"whisper-base-encoder": "openai/whisper-base", "whisper-small-encoder": "openai/whisper-small"}
"""Name of weights -> their id on the hub; a folder of that name in `INTONE_MODELS` comes first."""

hub_logging.set_verbosity_error()
hub_logging.disable_progress_bar()


def encoder(where: str) -> nn.Module:
    """The encoder in float32, evaluation mode: BERT-like, Whisper's encoder, wav2vec2-like or AST.

    Raises Missing where neither a folder nor the hub has that name, IntoneError for incomplete weights.
    """
    config = loaded(where, AutoConfig)
    kind = WhisperForAudioClassification if config.model_type == "whisper" else AutoModel
    model = complete(where, kind, UNUSED, "get the whole checkpoint")
    part: Any = model.encoder if kind is WhisperForAudioClassification else model
    return part.float().eval()


def classifier(where: str, revision: str | None = None) -> nn.Module:
    """An audio classifier in float32, evaluation mode; `revision` is a branch, a tag or a commit of the hub.

    Raises Missing where neither a folder nor the hub has that name, IntoneError for another kind of network, and for
    weights that are incomplete, as those of an encoder are that nobody has trained on labels.
    """
    config: Any = loaded(where, AutoConfig, revision=revision)
    if config.model_type not in AUDIO:
        raise IntoneError(f"{where} is no audio classifier ({config.model_type}): give one of {', '.join(AUDIO)}.")
    if config.problem_type not in (None, "single_label_classification") and not rates(config):
        raise IntoneError(
            f"{where} ({config.problem_type}) neither chooses one of several labels nor rates {', '.join(DIMENSIONS)}: "
            "take a model that does."
        )
    names = [name for name in config.architectures or () if name in SPEECH_CLASSIFIERS]
    kind = SPEECH_CLASSIFIERS[names[0]] if names else AutoModelForAudioClassification
    remedy = "name a model that was trained to classify sound"
    return complete(where, kind, (), remedy, revision=revision).float().eval()


def rates(config: Any) -> bool:
    """Whether a network rates dimensions, and doesn't choose a label."""
    names = {str(name).lower() for name in config.id2label.values()}
    return config.problem_type in (None, "regression") and names <= set(DIMENSIONS)


def complete(where: str, kind: Any, unused: tuple[str, ...], remedy: str, **options: Any) -> nn.Module:
    """A network of class `kind`; raises IntoneError where weights are missing, except those whose names begin with one
    of `unused`."""
    # Weights of another shape are reported too, and refused below.
    model, report = loaded(where, kind, output_loading_info=True, ignore_mismatched_sizes=True, **options)
    missing = _keys(report, "missing_keys")
    lost = sorted(k for k in missing if not k.startswith(unused) and not k.endswith(MASK))
    odd = sorted(str(k[0] if isinstance(k, tuple) else k) for k in _keys(report, "mismatched_keys"))
    if lost or odd:
        raise IntoneError(
            f"{where} lacks {len(lost)} weights and has {len(odd)} of another shape (first: {(lost + odd)[0]}): "
            f"refused, since they would be random; {remedy}."
        )
    whole: nn.Module = model
    return whole


def depth(where: str) -> int:
    """How many layers an audio encoder has; raises IntoneError for any other encoder."""
    config: Any = loaded(where, AutoConfig)
    if config.model_type not in AUDIO:
        raise IntoneError(f"{where} is no audio encoder ({config.model_type}): give one of {', '.join(AUDIO)}.")
    return int(config.encoder_layers if config.model_type == "whisper" else config.num_hidden_layers)


def reads(where: str) -> None:
    """Raise IntoneError for an encoder that isn't a text encoder."""
    kind = loaded(where, AutoConfig).model_type
    if kind in AUDIO:
        raise IntoneError(f"{where} is an audio encoder ({kind}), and a text encoder is needed.")


def tokenizer(where: str) -> Any:
    """The tokenizer of a text encoder; raises IntoneError where it has more tokens than its encoder."""
    found, has = loaded(where, AutoTokenizer), loaded(where, AutoConfig).vocab_size
    if len(found) > has:
        raise IntoneError(
            f"The tokenizer of {where} knows {len(found)} tokens and its model {has}: they don't belong together."
        )
    return found


def place(name: str) -> str:
    """Name -> where its weights are: a folder, one of intone's known ones, one in `INTONE_MODELS`, or a hub id."""
    own = Path(os.environ.get("INTONE_MODELS") or ".") / name
    if Path(name).is_dir():
        return name
    if name in weights.known():
        return str(weights.find(name))
    return str(own) if own.is_dir() else HUB.get(name, name)


@cache
def digest(where: str) -> str:
    """sha256 of an encoder's weights and configuration: two checkpoints of one name differ in it."""
    network = encoder(where)
    return cache_digest(settings(network), digest_of(network))


def digest_of(network: nn.Module) -> str:
    """sha256 of a network's weights and their names."""
    total = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        total.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return total.hexdigest()


def settings(network: nn.Module) -> dict[str, Any]:
    """An encoder's configuration, JSON-able, without its path and the library's version."""
    config: Any = network.config
    drop = ("_name_or_path", "transformers_version", "dtype", "torch_dtype")
    return {key: value for key, value in json.loads(config.to_json_string(use_diff=False)).items() if key not in drop}


def _keys(report: Any, name: str) -> Sequence[Any]:
    return list(report[name] if isinstance(report, dict) else getattr(report, name))


def loaded(where: str, kind: Any, **options: Any) -> Any:
    """`kind.from_pretrained(where)`; the library's many errors become one sentence."""
    try:
        return kind.from_pretrained(place(where), **options)
    except IntoneError:
        raise
    # It raises OSError, ValueError, KeyError, safetensors' own and its HTTP client's errors, by version.
    except Exception as error:
        here = Path(where).is_dir()
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if here:
            raise IntoneError(f"The model in {where} can't be read ({reason}): is the folder whole?") from error
        raise Missing(
            f"The model {where} is neither a folder here nor to be had from the hub ({reason}): give a local path, or "
            "set INTONE_MODELS to a folder that holds one of that name."
        ) from error
