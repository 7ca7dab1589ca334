"""Wishes -> the experiments that answer the project's questions: models, tracks, protocols, seeds, and what is best."""

from collections.abc import Collection

from intone.evaluation.results import Experiment
from intone.training.recipes import FIRST_PHASE, LONG, MODELS
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
"""Question -> the model that answers it, fixed beforehand: from scratch, at best, and with words. The fusions take in
each fold the simplest of their kind (or audio alone) that is within two standard errors of the best on that fold's own
validation actors, so no choice is ever averaged over folds."""

TRACKS = ("asr", "asr_punctuated", "natural", "simulated")
FUSED_TRACKS = ("asr", "natural")

SEEDS = (0, 1, 2)
"""Seeds of each of `SEEDED` on the first luna5 fold, to show the noise of training beside that of speakers."""

SEEDED = (("audio_cnn", "none"), ("audio_whisper_small-tuned", "none"), ("text_minilm-tuned", "natural"))
"""Model, track. A probe of a frozen encoder is the same from every seed."""

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
"""Family of models -> about how many seconds one fold takes, so that the bar knows what is left."""

FURTHER = (
    "audio_cnn",
    *(f"audio_whisper_{size}-{kind}" for size in ("base", "small") for kind in ("frozen", "noisy")),
    "audio_whisper_small-short",
)
"""What is judged under every protocol; the encoders' heads and choices under the main one alone."""

FURTHER_TUNED = ("audio_whisper_small-tuned", "ensemble_whisper", "ensemble_whisper-short")
"""Likewise, where encoders are tuned."""

CONFIRMED = "text_lstm"
"""What, with its candidates and all fusions, is judged on emobox6 too, with what was really said: whether words that
mean nothing do harm is asked once more on folds that the rule for abstaining was not made on."""

CONTROLLED = ("audio_cnn", "audio_whisper_small-frozen", "text_lstm", "fusion_nested")
"""What is asked once more with a constant sentence, with other clips' words, and on a sentence never learned from."""


def repeated(experiment: Experiment) -> bool:
    """Whether it is trained from several seeds."""
    return (experiment.model, experiment.track) in SEEDED and experiment.protocol in ("luna5", "speakers")


def experiments(protocol: str, transformers: bool = True, tuned: bool = False) -> list[Experiment]:
    """Everything that is trained under the main protocol, and the random split of audio_cnn."""
    models = MODELS if transformers else FIRST_PHASE
    wanted = [Experiment("audio_cnn", "audio", "none", "random")]
    for modality, tracks in (("audio", ("none",)), ("text", TRACKS), ("fusion", FUSED_TRACKS)):
        names = [n for n, recipe in models.items() if recipe.modality == modality and (tuned or n not in LONG)]
        wanted += [Experiment(name, modality, track, protocol) for track in tracks for name in names]
    return wanted + (wordless(models) if protocol == "luna5" else [])


def further(transformers: bool = True, tuned: bool = False) -> list[Experiment]:
    """Everything that is asked once more under other protocols, when settings are frozen."""
    names = [m for m in FURTHER if transformers or m in FIRST_PHASE]
    names += FURTHER_TUNED if transformers and tuned else ()
    sound = [Experiment(m, "audio", "none", p) for p in ("emobox6", "loso24") for m in names]
    again = [
        e for e in experiments("emobox6", transformers=False) if e.modality == "fusion" or _root(e.model) == CONFIRMED
    ]
    return sound + [e for e in again if e.track == "asr"] + by_sentence(transformers)


def wordless(models: Collection[str]) -> list[Experiment]:
    """With words that can't tell anything: a constant sentence, and other clips' words."""
    named = [(m, MODELS[m].modality) for m in CONTROLLED if m in models and MODELS[m].modality != "audio"]
    return [Experiment(m, kind, track, "luna5") for track in ("constant", "shuffled") for m, kind in named]


def by_sentence(transformers: bool) -> list[Experiment]:
    """Folds that are disjoint by sentence as well as by speaker."""
    named = [(m, MODELS[m].modality) for m in CONTROLLED if transformers or m in FIRST_PHASE]
    return [Experiment(m, kind, "none" if kind == "audio" else "asr", "luna5_sentence") for m, kind in named]


def cost(model: str) -> int:
    """About how many seconds one fold of a model takes."""
    return COST[DESCRIPTIONS[model].family]


def _root(model: str) -> str:
    return DESCRIPTIONS[model].variant_of or model
