"""Options -> the experiments: models, tracks, protocols, seeds, and the models fixed beforehand."""

from collections.abc import Collection

from intone.evaluation.results import Experiment
from intone.training.recipes import FIRST_PHASE, LONG, MODELS, TRANSFORMERS
from intone.training.recipes.descriptions import DESCRIPTIONS

CHOSEN = {
    "audio": "audio_cnn",
    "audio_frozen": "audio_whisper_small-frozen",
    "audio_robust": "audio_whisper_small-noisy",
    "audio_single": "audio_whisper_small",
    "audio_system": "ensemble_whisper",
    "fusion_asr": "fusion_nested",
    "fusion_natural": "fusion_whisper_minilm",
}
"""Question -> its model, fixed beforehand. In each fold, the fusions select the simplest candidate (or audio alone)
within two standard errors of the best on that fold's validation actors, so no choice is averaged over folds."""

TRACKS = ("asr", "asr_punctuated", "natural", "simulated")
FUSED_TRACKS = ("asr", "natural")

SEEDS = (0, 1, 2)
"""Seeds of each of `SEEDED` on the first luna5 fold, to show the variation from training beside that over speakers."""

SEEDED = (
    ("audio_cnn", "none"),
    ("audio_cnn_mfcc", "none"),
    ("audio_ast", "none"),
    ("audio_whisper_small-tuned", "none"),
    ("text_lstm-glove", "natural"),
    ("text_gru-glove", "natural"),
    ("text_minilm-tuned", "natural"),
    ("fusion_early-frozen", "natural"),
)
"""Model, track: each kind of network. A probe of a frozen encoder does not depend on the seed."""

COST = {
    "CNN": 130,
    "AST": 600,
    "linear probe": 20,
    "attentive head": 60,
    "fine-tuned": 1500,
    "ensemble": 1,
    "choice per fold": 1,
    "bag of words": 2,
    "RNN": 6,
    "Transformer": 40,
    "late fusion": 1,
    "early fusion": 20,
}
"""Family of models -> approximate seconds per fold, for the progress bar."""

FURTHER = (
    "audio_cnn",
    *(f"audio_whisper_{size}-{kind}" for size in ("base", "small") for kind in ("frozen", "noisy")),
    "audio_whisper_small-short",
)
"""Models under every protocol; the encoders' heads and choices run under the main one only."""

FURTHER_TUNED = ("audio_whisper_small-tuned", "ensemble_whisper", "ensemble_whisper-short")
"""The same for runs with fine-tuned encoders."""

CONFIRMED = "text_lstm"
"""This model, its candidates and all fusions also run on emobox6 with the transcripts: folds on which the selection
rule was not developed show whether uninformative text does harm."""

CONTROLLED = ("audio_cnn", "audio_whisper_small-frozen", "text_lstm", "fusion_nested")
"""Models that also run with a constant sentence, with other clips' words, and on an unseen sentence."""


def repeated(experiment: Experiment) -> bool:
    """Whether it is trained from several seeds."""
    return (experiment.model, experiment.track) in SEEDED and experiment.protocol in ("luna5", "speakers")


def experiments(protocol: str, transformers: bool = True, tuned: bool = False) -> list[Experiment]:
    """All experiments under the main protocol, and the random split of audio_cnn."""
    models = {**FIRST_PHASE, **(TRANSFORMERS if transformers else {})}
    wanted = [Experiment("audio_cnn", "audio", "none", "random")]
    for modality, tracks in (("audio", ("none",)), ("text", TRACKS), ("fusion", FUSED_TRACKS)):
        names = [n for n, recipe in models.items() if recipe.modality == modality and (tuned or n not in LONG)]
        wanted += [Experiment(name, modality, track, protocol) for track in tracks for name in names]
    return wanted + (wordless(models) if protocol == "luna5" else [])


def further(transformers: bool = True, tuned: bool = False) -> list[Experiment]:
    """All experiments under the other protocols, run when the settings are fixed."""
    names = [m for m in FURTHER if transformers or m in FIRST_PHASE]
    names += FURTHER_TUNED if transformers and tuned else ()
    sound = [Experiment(m, "audio", "none", p) for p in ("emobox6", "loso24") for m in names]
    again = [
        e for e in experiments("emobox6", transformers=False) if e.modality == "fusion" or _root(e.model) == CONFIRMED
    ]
    return sound + [e for e in again if e.track == "asr"] + by_sentence(transformers)


def wordless(models: Collection[str]) -> list[Experiment]:
    """Experiments with uninformative text: a constant sentence, and other clips' words."""
    named = [(m, MODELS[m].modality) for m in CONTROLLED if m in models and MODELS[m].modality != "audio"]
    return [Experiment(m, kind, track, "luna5") for track in ("constant", "shuffled") for m, kind in named]


def by_sentence(transformers: bool) -> list[Experiment]:
    """Folds that are disjoint by sentence as well as by speaker."""
    named = [(m, MODELS[m].modality) for m in CONTROLLED if transformers or m in FIRST_PHASE]
    return [Experiment(m, kind, "none" if kind == "audio" else "asr", "luna5_sentence") for m, kind in named]


def cost(model: str) -> int:
    """Approximate seconds for one fold of a model."""
    return COST[DESCRIPTIONS[model].family]


def _root(model: str) -> str:
    return DESCRIPTIONS[model].variant_of or model
