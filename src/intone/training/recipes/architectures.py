"""Presets of the brief's models -> results/architectures.csv and settings.csv: what each is made of, and how trained.

The report's drawings and its table of settings are made from these. What a network fixes itself, such as the size of a
convolution, is compared with the built network by a test.
"""

from collections.abc import Iterator, Mapping
from functools import singledispatch
from inspect import signature
from math import prod
from typing import TYPE_CHECKING, Final, cast

import pandas as pd

from intone.audio.augment.spectrogram import SpectrogramAugmentation
from intone.audio.features import FeatureSettings
from intone.audio.frames import FRAME_SAMPLES, HOP_SAMPLES, SAMPLE_RATE
from intone.emotions import EMOTIONS
from intone.models import ast
from intone.models.cnn import Dynamics
from intone.models.encoder_head import AudioTransformerPreset
from intone.models.fusion import EarlyFusion
from intone.training.module import TrainingPreset
from intone.training.recipe import Recipe
from intone.training.recipes import MODELS
from intone.training.recipes.early_fusion import AttentionRecipe, EarlyRecipe
from intone.training.recipes.encoder_head import HeadRecipe, TunedRecipe
from intone.training.recipes.fusion import LateRecipe
from intone.training.recipes.linear_probe import LinearProbeRecipe
from intone.training.recipes.spectrogram import AstRecipe, SpectrogramRecipe
from intone.training.recipes.text import RnnRecipe
from intone.training.recipes.text_encoder import TextTransformerRecipe

if TYPE_CHECKING:
    from intone.models.ast import AudioAstPreset
    from intone.models.cnn import AudioCnnPreset

Stage = tuple[str, str]
"""What it is, and its sizes."""

DRAWN: Final = (
    *("audio_cnn", "audio_cnn_mfcc", "audio_ast", "audio_whisper_small-frozen", "audio_whisper_small-tuned"),
    *("text_lstm-glove", "text_gru-glove", "text_minilm-tuned", "fusion_late_logits", "fusion_early-joint"),
    "fusion_attention",
)
"""Models of the brief, one for each kind of network."""

LABELS: Final = f"{len(EMOTIONS)} emotions"


def architectures(models: Mapping[str, Recipe] = MODELS) -> pd.DataFrame:
    """Columns `model, place, stage, detail`: the stages of each model of `DRAWN`, from input to output."""
    rows = [(m, k, *stage) for m in DRAWN for k, stage in enumerate(stages(models[m]))]
    return pd.DataFrame(rows, columns=["model", "place", "stage", "detail"])


def settings(models: Mapping[str, Recipe] = MODELS) -> pd.DataFrame:
    """Columns `model, corpus, epochs, patience, batch, rate, decay, smoothing, average`: how each model of `DRAWN` that
    is trained in epochs is trained, on RAVDESS and on GoEmotions."""
    rows = []
    for model in DRAWN:
        for field, preset in models[model].trainings().items():
            corpus = "GoEmotions" if field == "on_goemotions" else "RAVDESS"
            rows.append((model, corpus, *_settings(preset)))
    return pd.DataFrame(rows, columns=["model", "corpus", *SETTINGS])


SETTINGS: Final = ("epochs", "patience", "batch", "rate", "decay", "smoothing", "average")


def _settings(preset: TrainingPreset) -> list[float]:
    return [getattr(preset, name) for name in SETTINGS]


@singledispatch
def stages(recipe: Recipe) -> Iterator[Stage]:
    """A model from input to output. Raises TypeError for a kind of model that isn't known here."""
    raise TypeError(f"{type(recipe).__name__} has no drawing: register its stages here.")


def _features(features: FeatureSettings) -> Stage:
    frames = f"{1000 * FRAME_SAMPLES / SAMPLE_RATE:g} ms every {1000 * HOP_SAMPLES / SAMPLE_RATE:g} ms"
    if features.kind == "mfcc":
        return "MFCCs and two differences", f"3 x {features.coefficients}, {frames}"
    return "log-mel spectrogram", f"{features.bands} bands, {features.low:g} to {features.high:g} Hz, {frames}"


def _augmented(augmentation: SpectrogramAugmentation, speeds: tuple[float, ...]) -> Stage:
    rates = f"speeds {min(speeds):g} to {max(speeds):g}"
    masks = f"masks of {augmentation.row_mask} rows and {augmentation.frame_mask} frames"
    return (
        "in training: splicing, masks",
        f"{rates}; {masks}; {100 * augmentation.splice:g} % joined from two of one sentence and emotion",
    )


@stages.register
def _cnn(recipe: SpectrogramRecipe) -> Iterator[Stage]:
    network = cast("AudioCnnPreset", recipe.network)
    width = network.width
    yield _features(recipe.features)
    yield _augmented(network.augmentation, recipe.speeds)
    yield "slopes and mean-free rows", f"{Dynamics.channels} channels"
    yield "convolution 5 x 5, stride 2", f"{width} channels"
    yield "3 residual stages, stride 2", ", ".join(f"{width * k}" for k in (2, 4, 8)) + " channels"
    yield "mean and deviation over time", f"{16 * width}"
    yield "dropout, linear", f"{network.dropout:g}; {LABELS}; side tasks: {', '.join(recipe.side_columns)}"


@stages.register
def _ast(recipe: AstRecipe) -> Iterator[Stage]:
    network = cast("AudioAstPreset", recipe.network)
    yield _features(recipe.features)
    yield _augmented(network.augmentation, recipe.speeds)
    rows, frames = (prod(steps) for steps in zip(*ast.STRIDES, strict=True))
    yield f"{len(ast.STRIDES)} convolutions: patches", f"{network.width}; {rows} rows x {frames} frames apart"
    yield f"{network.layers} Transformer layers", f"{network.heads} heads, width {network.width}, from scratch"
    yield "mean over tokens, linear", LABELS


def _trunk(weights: str) -> str:
    return f"{weights.removesuffix('-encoder')}" + (", weights rounded to 8 bits" if "small" in weights else "")


@stages.register
def _probe(recipe: LinearProbeRecipe) -> Iterator[Stage]:
    layers = recipe.layers
    yield "Whisper's log-mel spectrogram", "80 bands"
    yield f"Whisper encoder to layer {max(layers)}, frozen", _trunk(recipe.weights)
    yield "mean and deviation over time", f"of layers {min(layers)} to {max(layers)}"
    yield "logistic regression a layer", f"C {recipe.probe.strength:g}, balanced classes"
    yield "mean over neighbouring layers", f"up to {recipe.probe.widest}, chosen on inner folds; {LABELS}"


@stages.register
def _head(recipe: HeadRecipe) -> Iterator[Stage]:
    network: AudioTransformerPreset = recipe.network
    tuned = recipe if isinstance(recipe, TunedRecipe) else None
    yield "Whisper's log-mel spectrogram", "80 bands"
    yield f"Whisper encoder to layer {max(recipe.layers)}, frozen", _trunk(recipe.weights)
    if tuned:
        rates = f"{tuned.share:g} of the rate, x {tuned.fall:g} a block down"
        yield f"its next {tuned.blocks} blocks, fine-tuned", rates
    yield "weighted mean of layers, projection", f"{network.hidden}"
    yield "attentive mean and deviation", f"{2 * network.hidden}"
    yield "dropout, linear", f"{network.dropout:g}; {LABELS}"


@stages.register
def _rnn(recipe: RnnRecipe) -> Iterator[Stage]:
    network = recipe.network
    glove = network.embedding == "glove"
    yield "words", "lower case, no punctuation"
    yield "word vectors", f"GloVe (50, frozen) and learned ({network.learned})" if glove else f"{2 * network.learned}"
    yield f"bidirectional {network.cell.upper()}", f"2 x {network.hidden}"
    yield "attention and maximum over words", f"{4 * network.hidden}"
    yield "dropout, linear", f"{network.dropout:g}; {LABELS}"


@stages.register
def _text_transformer(recipe: TextTransformerRecipe) -> Iterator[Stage]:
    yield "words", "word pieces"
    yield "MiniLM, 6 layers of 384", f"{recipe.network.weights}, {'frozen' if recipe.network.frozen else 'fine-tuned'}"
    yield "mean over words", "384"
    yield "dropout, linear", f"{recipe.network.dropout:g}; {LABELS}"


def _branches(recipe: LateRecipe | EarlyRecipe | AttentionRecipe) -> Iterator[Stage]:
    audio, text = recipe.branches
    what = "logits" if isinstance(recipe, LateRecipe) else "embedding"
    if isinstance(recipe, AttentionRecipe):
        what = "states"
    yield f"{what} of the sound", f"`{audio}`"
    yield f"{what} of the words", f"`{text}`"


@stages.register
def _attention(recipe: AttentionRecipe) -> Iterator[Stage]:
    network = recipe.network
    yield from _branches(recipe)
    yield "cross-attention both ways", f"{network.heads} heads, width {network.width}"
    yield "gate, dropout, linear", f"{network.dropout:g}; {LABELS}"


@stages.register
def _early(recipe: EarlyRecipe) -> Iterator[Stage]:
    yield from _branches(recipe)
    yield "layer norm, dropout, linear, ReLU", f"{signature(EarlyFusion).parameters['hidden'].default}"
    yield "dropout, linear", LABELS


@stages.register
def _late(recipe: LateRecipe) -> Iterator[Stage]:
    yield from _branches(recipe)
    yield "divide logits by temperature", "of each branch"
    yield "sum of logits", LABELS
