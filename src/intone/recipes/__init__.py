"""Model name -> how it is made: the one table of the project's models; a new one is one line."""

from collections.abc import Mapping

from intone.augment import SpectrogramAugmentation
from intone.features import FeatureSettings
from intone.lab import Recipe
from intone.models.audio_cnn import AudioCnnPreset
from intone.models.text_rnn import TextRnnPreset
from intone.recipes.audio import AudioRecipe
from intone.recipes.fusion import EarlyRecipe, FusionChoice, LateRecipe, TextChoice
from intone.recipes.text import TextRecipe, TfidfRecipe

BRANCHES = ("audio_cnn", "text_lstm")
"""What every fusion is made of."""

LATE = ("fusion_late_mean", "fusion_late_logits", "fusion_late_vote", "fusion_late_weighted")

MODELS: Mapping[str, Recipe] = {
    "audio_cnn": AudioRecipe(),
    "audio_cnn_mfcc": AudioRecipe(
        FeatureSettings(kind="mfcc"), AudioCnnPreset(augmentation=SpectrogramAugmentation(shift=0.0))
    ),
    "text_tfidf": TfidfRecipe(),
    "text_lstm-glove": TextRecipe(network=TextRnnPreset("lstm", "glove")),
    "text_lstm-learned": TextRecipe(network=TextRnnPreset("lstm", "learned")),
    "text_lstm": TextChoice(("text_lstm-glove", "text_lstm-learned")),
    "text_gru-glove": TextRecipe(network=TextRnnPreset("gru", "glove")),
    "text_gru-learned": TextRecipe(network=TextRnnPreset("gru", "learned")),
    "text_gru": TextChoice(("text_gru-glove", "text_gru-learned")),
    **{name: LateRecipe(name, BRANCHES) for name in LATE},
    "fusion_early-frozen": EarlyRecipe(BRANCHES, joint=False),
    "fusion_early-joint": EarlyRecipe(BRANCHES, joint=True),
    "fusion_early": FusionChoice(("fusion_early-frozen", "fusion_early-joint")),
    "fusion_nested": FusionChoice(("audio_cnn", *LATE, "fusion_early-frozen", "fusion_early-joint"), tolerance=1.0),
}

TEXT_MODELS = tuple(name for name, recipe in MODELS.items() if recipe.modality == "text")
FUSIONS = tuple(name for name, recipe in MODELS.items() if recipe.modality == "fusion")
