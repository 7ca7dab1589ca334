"""A finished fold of an audio model -> a function: clips (mono float32, 16 kHz) -> probabilities [N, 8].

It hears any waveform by the very road that the fold's own clips went, temperature included, and trains nothing.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file
from scipy.special import log_softmax, softmax

from intone.audio.features import extract, levelled
from intone.audio.trimming import trim_silence
from intone.data.splits import Split
from intone.errors import IntoneError, Missing
from intone.models.cnn import padded
from intone.models.fusion import LATE
from intone.progress import say
from intone.training.recipes.encoder_head import SpeechHeadRecipe
from intone.training.recipes.fusion import AudioChoice, Ensemble
from intone.training.recipes.linear_probe import SpeechProbeRecipe
from intone.training.recipes.spectrogram import AudioRecipe
from intone.training.runs import StoredFold, fingerprint, finished, read_fold
from intone.training.workspace import Lab

Logits = Callable[[Sequence[np.ndarray]], np.ndarray]


def made(lab: Lab, model: str, split: Split, track: str = "none") -> StoredFold:
    """A fold that is finished; raises Missing where it is not, and trains nothing."""
    folder = lab.where(model, track, split)
    if not finished(folder, fingerprint(lab.settings(model, track), split, lab.corpus.clips)):
        raise Missing(f"{folder} is not there, or was made with other settings: `intone reproduce` makes it.")
    return read_fold(folder)


def trained(lab: Lab, models: Sequence[str], splits: Sequence[Split]) -> list[str]:
    """Those of the models whose folds are all finished; raises IntoneError where there is none."""
    out = []
    for model in models:
        try:
            for split in splits:
                made(lab, model, split)
        except Missing as problem:
            say(f"left out: {model}: {problem}")
        else:
            out.append(model)
    if not out:
        raise IntoneError(f"None of {', '.join(models)} has been trained: `intone reproduce`.")
    return out


def listener(lab: Lab, model: str, split: Split) -> Logits:
    """What the fold's network says of any clips; raises Missing where it has not been trained."""
    fold = made(lab, model, split)
    hear, temperature = _logits(lab, model, split), fold.config["temperature"]

    def probabilities(signals: Sequence[np.ndarray]) -> np.ndarray:
        out: np.ndarray = softmax(hear(signals) / temperature, axis=1)
        return out

    return probabilities


def _logits(lab: Lab, model: str, split: Split) -> Logits:
    fold, recipe = made(lab, model, split), lab.recipe(model)
    match recipe:
        case AudioChoice():
            return _logits(lab, fold.config["details"]["picked"], split)
        case Ensemble():
            return _together(lab, recipe, split)
        case AudioRecipe():
            return _network(recipe, fold.folder)
        case SpeechProbeRecipe():
            return _probe(recipe, fold.folder)
        case SpeechHeadRecipe():
            return _head(recipe, fold.folder)
    raise IntoneError(f"{model} hears no sound: an audio model is wanted.")


def _network(recipe: AudioRecipe, folder: Path) -> Logits:
    network = recipe.network_of(folder).eval()
    mean, deviation = network.mean.numpy(), network.deviation.numpy()

    @torch.inference_mode()
    def hear(signals: Sequence[np.ndarray]) -> np.ndarray:
        rows = [(extract(s, recipe.features) - mean) / deviation for s in signals]
        return _numbers(network(*padded(rows))[0])

    return hear


def _probe(recipe: SpeechProbeRecipe, folder: Path) -> Logits:
    kept = load_file(folder / "model.safetensors")
    layers = sorted({int(name.split(".")[0].removeprefix("layer")) for name in kept})

    def hear(signals: Sequence[np.ndarray]) -> np.ndarray:
        x = np.stack([recipe.hearing.summed_up(signal) for signal in signals])
        said = []
        for layer in layers:
            part = {n: kept[f"layer{layer}.{n}"] for n in ("mean", "deviation", "weight", "bias")}
            scaled = (x[:, recipe.layers.index(layer)] - part["mean"]) / part["deviation"]
            said.append(log_softmax(scaled @ part["weight"].T + part["bias"], axis=1))
        return np.mean(said, axis=0)

    return hear


def _head(recipe: SpeechHeadRecipe, folder: Path) -> Logits:
    network, states = recipe.network_of(folder).eval(), recipe.hearing.states()

    @torch.inference_mode()
    def hear(signals: Sequence[np.ndarray]) -> np.ndarray:
        heard = [torch.from_numpy(states(levelled(trim_silence(s))).astype(np.float32))[None] for s in signals]
        return _numbers(torch.cat([network(x, torch.tensor([x.shape[2]]))[0] for x in heard]))

    return hear


def _together(lab: Lab, recipe: Any, split: Split) -> Logits:
    """Calibrated logits of several models, combined without learning anything."""
    temperatures = [made(lab, b, split).config["temperature"] for b in recipe.branches]
    heard = [_logits(lab, b, split) for b in recipe.branches]
    fusion = LATE[recipe.fusion]()

    def hear(signals: Sequence[np.ndarray]) -> np.ndarray:
        return fusion([h(signals) / t for h, t in zip(heard, temperatures, strict=True)])

    return hear


def _numbers(logits: torch.Tensor) -> np.ndarray:
    return logits.float().numpy()
