"""Model name -> what it is, for people and for tables: its title, family, pretrained encoder, and what it varies."""

from dataclasses import dataclass

import pandas as pd

from intone.evaluation.catalogue import COLUMNS
from intone.training.recipes import MODELS


@dataclass(frozen=True)
class Description:
    """One model."""

    title: str
    family: str
    encoder: str = ""
    """Pretrained weights below it."""
    variant_of: str = ""
    """The model that it is a setting or a candidate of."""


BASE, SMALL, MINILM = "whisper-base", "whisper-small", "all-MiniLM-L6-v2"
SMALL_MINILM = f"{SMALL}, {MINILM}"
PROBE, HEAD, CHOICE = "linear probe", "attentive head", "choice per fold"
LATE, EARLY = "late fusion", "early fusion"

DESCRIPTIONS = {
    "audio_cnn": Description("CNN on log-mel spectrograms", "CNN"),
    "audio_cnn-adaptive": Description("CNN on log-mel, speaker-adaptive regression", "CNN", "", "audio_cnn"),
    "audio_cnn_mfcc": Description("CNN on MFCCs", "CNN"),
    "audio_egemaps": Description("Logistic regression on eGeMAPS (88 functionals)", "functionals"),
    "audio_compare": Description("Logistic regression on ComParE 2016 (6373 functionals)", "functionals"),
    "audio_ast": Description("AST from scratch", "AST"),
    "audio_whisper_base-frozen": Description("Whisper-base, linear probe", PROBE, BASE, "audio_whisper_base"),
    "audio_whisper_base-noisy": Description("Whisper-base, linear probe in noise", PROBE, BASE, "audio_whisper_base"),
    "audio_whisper_base-head": Description("Whisper-base, attentive head", HEAD, BASE, "audio_whisper_base"),
    "audio_whisper_base": Description("Whisper-base, best of two per fold", CHOICE, BASE),
    "audio_whisper_small-frozen": Description("Whisper-small, linear probe", PROBE, SMALL, "audio_whisper_small"),
    "audio_whisper_small-noisy": Description(
        "Whisper-small, linear probe in noise", PROBE, SMALL, "audio_whisper_small"
    ),
    "audio_whisper_small-short": Description(
        "Whisper-small to layer 6, linear probe in noise", PROBE, SMALL, "audio_whisper_small"
    ),
    "audio_whisper_small-packaged": Description(
        "Whisper-small to layer 6, linear probe of several corpora", PROBE, SMALL, "audio_whisper_small"
    ),
    "audio_whisper_small-adaptive": Description(
        "Whisper-small, frozen, speaker-adaptive linear probe", PROBE, SMALL, "audio_whisper_small"
    ),
    "audio_whisper_small-head": Description("Whisper-small, attentive head", HEAD, SMALL, "audio_whisper_small"),
    "audio_whisper_small-tuned": Description("Whisper-small, fine-tuned", "fine-tuned", SMALL, "audio_whisper_small"),
    "audio_whisper_small": Description("Whisper-small, best of three per fold", CHOICE, SMALL),
    "ensemble_whisper": Description("Ensemble of three Whisper models", "ensemble", f"{BASE}, {SMALL}"),
    "ensemble_whisper-short": Description(
        "Ensemble of three Whisper models, to layer 6", "ensemble", f"{BASE}, {SMALL}", "ensemble_whisper"
    ),
    "text_tfidf": Description("TF-IDF", "bag of words"),
    "text_lstm-glove": Description("LSTM on GloVe vectors", "RNN", "", "text_lstm"),
    "text_lstm-learned": Description("LSTM on learned vectors", "RNN", "", "text_lstm"),
    "text_lstm": Description("LSTM", CHOICE),
    "text_gru-glove": Description("GRU on GloVe vectors", "RNN", "", "text_gru"),
    "text_gru-learned": Description("GRU on learned vectors", "RNN", "", "text_gru"),
    "text_gru": Description("GRU", CHOICE),
    "text_minilm-frozen": Description("MiniLM, frozen", "Transformer", MINILM, "text_minilm"),
    "text_minilm-tuned": Description("MiniLM, fine-tuned", "Transformer", MINILM, "text_minilm"),
    "text_minilm": Description("MiniLM", CHOICE, MINILM),
    "fusion_late_mean": Description("CNN + LSTM, mean probability", LATE),
    "fusion_late_logits": Description("CNN + LSTM, summed logits", LATE),
    "fusion_late_vote": Description("CNN + LSTM, majority vote", LATE),
    "fusion_late_weighted": Description("CNN + LSTM, weighted logits", LATE),
    "fusion_early-frozen": Description("CNN + LSTM, early, branches frozen", EARLY, "", "fusion_early"),
    "fusion_early-joint": Description("CNN + LSTM, early, trained jointly", EARLY, "", "fusion_early"),
    "fusion_early": Description("CNN + LSTM, early", CHOICE),
    "fusion_nested": Description("CNN + LSTM, fusion chosen per fold", CHOICE),
    "fusion_cnn_minilm-logits": Description("CNN + MiniLM, summed logits", LATE, MINILM, "fusion_cnn_minilm"),
    "fusion_cnn_minilm-weighted": Description("CNN + MiniLM, weighted logits", LATE, MINILM, "fusion_cnn_minilm"),
    "fusion_cnn_minilm-early": Description("CNN + MiniLM, early", EARLY, MINILM, "fusion_cnn_minilm"),
    "fusion_cnn_minilm": Description("CNN + MiniLM, fusion chosen per fold", CHOICE, MINILM),
    "fusion_whisper_minilm-logits": Description(
        "Whisper-small + MiniLM, summed logits", LATE, SMALL_MINILM, "fusion_whisper_minilm"
    ),
    "fusion_whisper_minilm-weighted": Description(
        "Whisper-small + MiniLM, weighted logits", LATE, SMALL_MINILM, "fusion_whisper_minilm"
    ),
    "fusion_whisper_minilm": Description("Whisper-small + MiniLM, fusion chosen per fold", CHOICE, SMALL_MINILM),
    "fusion_whisper_lstm": Description("Whisper-base + LSTM, weighted logits", LATE, BASE),
    "fusion_whisper_small_lstm": Description("Whisper-small + LSTM, of several corpora", LATE, SMALL),
    "fusion_attention": Description("Whisper-small + MiniLM, cross-attention", EARLY, SMALL_MINILM),
}


def table() -> pd.DataFrame:
    """All models, columns `catalogue.COLUMNS`; raises KeyError for one without a description."""
    rows = [
        (name, d.title, recipe.modality, d.family, d.encoder, d.variant_of)
        for name, recipe in MODELS.items()
        for d in [DESCRIPTIONS[name]]
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))
