"""Model name -> its recipe: the only table of the project's models; a new one is one line."""

import os
from collections.abc import Mapping

from intone.audio.augment.spectrogram import SpectrogramAugmentation
from intone.audio.features import FeatureSettings
from intone.errors import IntoneError
from intone.inference.fusion import RULES
from intone.models.cnn import AudioCnnPreset
from intone.models.linear_probe import LinearProbePreset
from intone.models.rnn import TextRnnPreset
from intone.models.text_encoder import TextTransformerPreset
from intone.training.module import TrainingPreset
from intone.training.recipe import Recipe
from intone.training.recipes.adaptive_network import AdaptiveNetworkRecipe
from intone.training.recipes.adaptive_probe import AdaptiveProbeRecipe
from intone.training.recipes.choice import AudioChoice, FusionChoice, TextChoice
from intone.training.recipes.early_fusion import AttentionRecipe, EarlyRecipe
from intone.training.recipes.encoder_head import HeadRecipe, TunedRecipe
from intone.training.recipes.functionals import FunctionalsRecipe
from intone.training.recipes.fusion import Ensemble, LateRecipe
from intone.training.recipes.linear_probe import LinearProbeRecipe, NoisyProbeRecipe
from intone.training.recipes.spectrogram import AstRecipe, SpectrogramRecipe
from intone.training.recipes.text import RnnRecipe
from intone.training.recipes.text_encoder import TextTransformerRecipe
from intone.training.recipes.tfidf import TfidfRecipe
from intone.training.runs import COMMITTED_PRECISION

PRECISION = os.environ.get("INTONE_PRECISION") or COMMITTED_PRECISION
"""Precision in which the project's models are trained: that of the committed results, on any processor, unless
INTONE_PRECISION names another. In another precision it is another model, whose run folders are made again."""

if PRECISION not in (COMMITTED_PRECISION, "32-true"):
    raise IntoneError(f"INTONE_PRECISION is {PRECISION!r}: networks learn in {COMMITTED_PRECISION} or in 32-true.")


def in_precision(models: Mapping[str, Recipe], precision: str) -> dict[str, Recipe]:
    """Models whose networks are trained in that precision."""
    return {name: recipe.trained(precision=precision) for name, recipe in models.items()}


def in_epochs(models: Mapping[str, Recipe], epochs: int | Mapping[str, int]) -> dict[str, Recipe]:
    """Models whose networks are trained for `epochs` epochs, one number for all or by `Recipe.epoch_names`."""
    budgets = {n: dict.fromkeys(m.epochs(), epochs) if isinstance(epochs, int) else epochs for n, m in models.items()}
    return {name: recipe.with_epochs(budgets[name]) for name, recipe in models.items()}


BRANCHES = ("audio_cnn", "text_lstm")
"""The branches of the first phase's fusions."""

LATE = tuple(RULES)

BASE, SMALL = "whisper-base-encoder", "whisper-small-encoder"
BASE_LAYERS, SMALL_LAYERS = (1, 2, 3, 4, 5), (3, 4, 5, 6, 7)
"""The layers that predict emotion best, from development on luna5; each fold chooses among them."""

SHORT_LAYERS = SMALL_LAYERS[:-1]
"""Without the seventh layer, 46 million parameters are used instead of 53."""

CAUTION = 2.0
"""Standard errors by which a richer fusion has to be better on validation clips: the usual 95 %. Two actors are few,
and words without information must not make the result worse."""

_FROM_SCRATCH: Mapping[str, Recipe] = {
    "audio_cnn": SpectrogramRecipe(),
    "audio_cnn_mfcc": SpectrogramRecipe(
        FeatureSettings(kind="mfcc"), AudioCnnPreset(augmentation=SpectrogramAugmentation(shift=0.0))
    ),
    "text_tfidf": TfidfRecipe(),
    "text_lstm-glove": RnnRecipe(network=TextRnnPreset("lstm", "glove")),
    "text_lstm-learned": RnnRecipe(network=TextRnnPreset("lstm", "learned")),
    "text_lstm": TextChoice(("text_lstm-glove", "text_lstm-learned")),
    "text_gru-glove": RnnRecipe(network=TextRnnPreset("gru", "glove")),
    "text_gru-learned": RnnRecipe(network=TextRnnPreset("gru", "learned")),
    "text_gru": TextChoice(("text_gru-glove", "text_gru-learned")),
    **{name: LateRecipe(name, BRANCHES) for name in LATE},
    "fusion_early-frozen": EarlyRecipe(BRANCHES, joint=False),
    "fusion_early-joint": EarlyRecipe(BRANCHES, joint=True),
    "fusion_early": FusionChoice(("fusion_early-frozen", "fusion_early-joint")),
    "fusion_nested": FusionChoice(("audio_cnn", *LATE, "fusion_early-frozen", "fusion_early-joint"), tolerance=CAUTION),
}

FIRST_PHASE = in_precision(_FROM_SCRATCH, PRECISION)
"""Models trained from scratch."""

CNN_MINILM, WHISPER_MINILM = ("audio_cnn", "text_minilm"), ("audio_whisper_small-frozen", "text_minilm")
WHISPER_LSTM = ("audio_whisper_base-noisy", "text_lstm")
"""The smallest branches that see and read with pretrained weights."""

_ON_ENCODERS: Mapping[str, Recipe] = {
    "audio_ast": AstRecipe(),
    "audio_whisper_base-frozen": LinearProbeRecipe(weights=BASE, layers=BASE_LAYERS),
    "audio_whisper_base-noisy": NoisyProbeRecipe(weights=BASE, layers=BASE_LAYERS),
    "audio_whisper_base-head": HeadRecipe(weights=BASE, layers=BASE_LAYERS),
    "audio_whisper_base": AudioChoice(("audio_whisper_base-frozen", "audio_whisper_base-head")),
    "audio_whisper_small-frozen": LinearProbeRecipe(weights=SMALL, layers=SMALL_LAYERS),
    "audio_whisper_small-noisy": NoisyProbeRecipe(weights=SMALL, layers=SMALL_LAYERS),
    "audio_whisper_small-short": NoisyProbeRecipe(
        weights=SMALL,
        layers=SHORT_LAYERS,
        speeds=(1.0, 0.9, 1.1),
        under=("noise", "babble", "room"),
        probe=LinearProbePreset(strength=0.005),  # six copies of each clip instead of three
    ),
    "audio_whisper_small-head": HeadRecipe(weights=SMALL, layers=SMALL_LAYERS),
    "audio_whisper_small-tuned": TunedRecipe(weights=SMALL, layers=(3,), speeds=(1.0, 0.94, 1.06)),
    "audio_whisper_small": AudioChoice(
        ("audio_whisper_small-noisy", "audio_whisper_small-head", "audio_whisper_small-tuned")
    ),
    "ensemble_whisper": Ensemble(
        "fusion_late_logits",
        ("audio_whisper_small-tuned", "audio_whisper_small-noisy", "audio_whisper_base-noisy"),
    ),
    "ensemble_whisper-short": Ensemble(
        "fusion_late_logits",
        ("audio_whisper_small-tuned", "audio_whisper_small-short", "audio_whisper_base-noisy"),
    ),
    "text_minilm-frozen": TextTransformerRecipe(
        network=TextTransformerPreset(frozen=True),
        on_goemotions=TrainingPreset(epochs=6, rate=3e-3, batch=32, average=0.99),
        training=TrainingPreset(epochs=12, rate=3e-3, patience=4, average=0.9),
    ),
    "text_minilm-tuned": TextTransformerRecipe(),
    "text_minilm": TextChoice(("text_minilm-frozen", "text_minilm-tuned")),
    "fusion_cnn_minilm-logits": LateRecipe("fusion_late_logits", CNN_MINILM),
    "fusion_cnn_minilm-weighted": LateRecipe("fusion_late_weighted", CNN_MINILM),
    "fusion_cnn_minilm-early": EarlyRecipe(CNN_MINILM, joint=False),
    "fusion_cnn_minilm": FusionChoice(
        ("audio_cnn", "fusion_cnn_minilm-logits", "fusion_cnn_minilm-weighted", "fusion_cnn_minilm-early"),
        tolerance=CAUTION,
    ),
    "fusion_whisper_minilm-logits": LateRecipe("fusion_late_logits", WHISPER_MINILM),
    "fusion_whisper_minilm-weighted": LateRecipe("fusion_late_weighted", WHISPER_MINILM),
    "fusion_whisper_minilm": FusionChoice(
        ("audio_whisper_small-frozen", "fusion_whisper_minilm-logits", "fusion_whisper_minilm-weighted"),
        tolerance=CAUTION,
    ),
    "fusion_whisper_lstm": LateRecipe("fusion_late_weighted", WHISPER_LSTM),
    "fusion_attention": AttentionRecipe(("audio_whisper_small-head", "text_minilm"), joint=False),
}

TRANSFORMERS = in_precision(_ON_ENCODERS, PRECISION)
"""Models on pretrained encoders, and a small AST from scratch."""

LONG = (
    "audio_ast",
    "audio_whisper_small-tuned",
    "audio_whisper_small",
    "ensemble_whisper",
    "ensemble_whisper-short",
)
"""Models that train for hours on a processor, and models made of these: trained only on request."""

FUNCTIONALS: Mapping[str, Recipe] = {
    "audio_egemaps": FunctionalsRecipe(functionals="eGeMAPSv02"),
    "audio_compare": FunctionalsRecipe(functionals="ComParE_2016"),
}
"""The field's usual baselines, which need openSMILE: `intone functionals` trains them."""

ADAPTIVE = in_precision(
    {
        "audio_cnn-adaptive": AdaptiveNetworkRecipe("audio_cnn"),
        "audio_whisper_small-adaptive": AdaptiveProbeRecipe(
            weights=SMALL,
            layers=SHORT_LAYERS,
            speeds=(1.0, 0.9, 1.1),
            under=("noise", "babble", "room"),
            probe=LinearProbePreset(strength=0.005),
        ),
    },
    PRECISION,
)
"""Models that predict otherwise where other clips of the speaker are known: `intone adaptation` tests them, apart from
all others."""

PACKAGED = in_precision(
    {
        "audio_whisper_small-packaged": NoisyProbeRecipe(
            weights=SMALL, layers=SHORT_LAYERS, probe=LinearProbePreset(strength=0.001)
        ),
        "fusion_whisper_small_lstm": LateRecipe("fusion_late_weighted", ("audio_whisper_small-packaged", "text_lstm")),
    },
    PRECISION,
)
"""The model that comes with intone, and its audio branch: they learn from several corpora, and so are no part of the
experiment on RAVDESS. Their settings were chosen after EMO-DB and nEMO, held out, had been read: see docs/method.md."""

MODELS: Mapping[str, Recipe] = {**FIRST_PHASE, **TRANSFORMERS, **FUNCTIONALS, **ADAPTIVE, **PACKAGED}

PAIRS: Mapping[str, tuple[str, ...]] = {
    "fusion_nested": ("audio_cnn", "text_lstm", "text_gru"),
    "fusion_cnn_minilm": CNN_MINILM,
    "fusion_whisper_minilm": WHISPER_MINILM,
    "fusion_whisper_lstm": WHISPER_LSTM,
    "fusion_attention": ("audio_whisper_small-head", "text_minilm"),
}
"""Fusion -> the branches that it has to beat."""

RULES_ALONE: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys((*LATE, "fusion_early-frozen", "fusion_early-joint"), BRANCHES),
    **dict.fromkeys(("fusion_cnn_minilm-logits", "fusion_cnn_minilm-weighted", "fusion_cnn_minilm-early"), CNN_MINILM),
    **dict.fromkeys(("fusion_whisper_minilm-logits", "fusion_whisper_minilm-weighted"), WHISPER_MINILM),
}
"""Fusion by one fixed rule, which can't choose audio alone -> its branches, audio first."""
