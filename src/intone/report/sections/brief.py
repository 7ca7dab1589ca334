"""The brief's models in one table, and its questions, each with a paired test: the report's first answers."""

from dataclasses import dataclass
from typing import Final

from intone.evaluation.comparisons import paired_row
from intone.evaluation.correction import holm
from intone.evaluation.metrics import accuracy, interval, speaker_uars
from intone.evaluation.power import findable
from intone.evaluation.results import Experiment
from intone.report.markdown import LEVEL, Gallery, absent, table, whole_span
from intone.report.numbers import bare_p, points, rate, span_of_points
from intone.report.source import WORDS, Source

AUDIO: Final = ("audio_cnn", "audio_cnn_mfcc", "audio_ast", "audio_whisper_small-frozen")
TEXT: Final = ("text_lstm", "text_gru", "text_minilm")
FUSED: Final = (
    *("fusion_early", "fusion_late_mean", "fusion_late_logits", "fusion_late_vote", "fusion_late_weighted"),
    "fusion_cnn_minilm-logits",
)

ASKED: Final = (("none", AUDIO), ("asr", TEXT), ("asr", FUSED), ("natural", TEXT), ("natural", FUSED))
"""Words -> the brief's models, in the order of the table."""


@dataclass(frozen=True)
class Question:
    """One question, and two models whose difference answers it."""

    asked: str
    one: str
    other: str
    track: str
    more: str
    """The answer where the first is better."""
    level: str
    """The answer where no difference is shown."""


QUESTIONS: Final = (
    Question(
        "Log-mel spectrograms or MFCCs?",
        *("audio_cnn", "audio_cnn_mfcc", "none"),
        "Log-mel spectrograms.",
        "No difference is shown.",
    ),
    Question("LSTM or GRU?", "text_lstm", "text_gru", "natural", "LSTM.", "Either: no difference is shown."),
    Question(
        "Pretrained word vectors (GloVe) or learned ones?",
        *("text_lstm-glove", "text_lstm-learned", "natural"),
        "GloVe.",
        "No difference is shown.",
    ),
    Question(
        "An RNN or a Transformer on the words?",
        *("text_minilm", "text_lstm", "natural"),
        "The pretrained Transformer.",
        "No difference is shown.",
    ),
    Question(
        "Which late fusion: summed logits or averaged probabilities?",
        *("fusion_late_logits", "fusion_late_mean", "natural"),
        "Summed logits: a sure branch outvotes an unsure one.",
        "No difference is shown.",
    ),
    Question(
        "Early or late fusion?",
        *("fusion_late_logits", "fusion_early", "natural"),
        "Late fusion.",
        "No difference is shown: choose the simpler one, summed logits.",
    ),
    Question(
        "Do the words help on RAVDESS?",
        *("fusion_late_logits", "audio_cnn", "asr"),
        "Yes, which would be a leak.",
        "No: all emotions have the same two sentences, which tell nothing about them.",
    ),
    Question(
        "What does a pretrained Transformer ear buy over a CNN?",
        *("audio_whisper_small-frozen", "audio_cnn", "none"),
        "Much, although nothing but a linear probe on it is trained.",
        "No difference is shown.",
    ),
    Question(
        "What does fine-tuning that ear buy over a probe?",
        *("audio_whisper_small-tuned", "audio_whisper_small-noisy", "none"),
        "Accuracy, at the price of training it.",
        "No difference is shown.",
    ),
    Question(
        "What does size buy: three encoders over one probe that is fitted in seconds?",
        *("ensemble_whisper", "audio_whisper_small-frozen", "none"),
        "Accuracy, at many times the cost.",
        "No difference is shown: take the probe.",
    ),
)


def models_of_the_brief(source: Source, gallery: Gallery) -> str:
    """Every model of the brief: accuracy in training, validation and test, and test UAR."""
    rows: list[list[str]] = []
    for track, models in ASKED:
        for model in models:
            if found := source.find(model, track):
                words = "" if track == "none" else WORDS[track]
                rows.append([f"`{model}`", words, *_rates(source, found)])
    if not rows:
        return absent("make reproduce", "the models of the brief")
    caption = (
        "Every model of the brief: accuracy in percent (chance 13.3, the share of the largest emotions), test UAR "
        "(chance 12.5), 95 % intervals over actors. Sentences paired by label measure text models and fusion, not "
        "RAVDESS."
    )
    head = ["model", "words", "acc. train", "val.", "**test** [95 %]", "**test UAR** [95 %]"]
    return gallery.captioned(caption, table(head, rows, left=2))


def _rates(source: Source, experiment: Experiment) -> list[str]:
    train, validation, test = (source.row(experiment, part) for part in ("train", "validation", "test"))
    low, high = interval(source.tested(experiment), rate=accuracy)
    right = whole_span(test["accuracy"], low, high)
    return [rate(train["accuracy"]), rate(validation["accuracy"]), right, _uar(source, experiment)]


def _uar(source: Source, experiment: Experiment) -> str:
    test = source.row(experiment)
    return whole_span(test["uar"], test["uar_low"], test["uar_high"])


def answers(source: Source, gallery: Gallery) -> str:
    """Each question whose models were evaluated, with its test: one family, one correction."""
    asked = [(question, *_pair(source, question)) for question in QUESTIONS]
    there = [(question, one, other) for question, one, other in asked if one and other]
    if not there:
        return absent("make reproduce", "the questions of the brief")
    tests = [paired_row(source.tested(one), source.tested(other)) for _, one, other in there]
    corrected = holm([test["p"] for test in tests])
    cells = [
        [
            question.asked,
            f"`{question.one}` − `{question.other}`",
            span_of_points(test["gap"], test["low"], test["high"]),
            bare_p(p),
            rate(_findable(source, one, other)),
            _answer(question, test["gap"], p),
        ]
        for (question, one, other), test, p in zip(there, tests, corrected, strict=True)
    ]
    caption = (
        "The questions of the brief: difference in test UAR (points, 95 % interval), two-sided sign flips over actors "
        "(Holm: over this table). Findable: the difference that such a test finds in 80 % of cases. Questions on words "
        "use sentences paired by label, except the one on RAVDESS itself."
    )
    head = ["question", "compared", "gap [95 %]", "p, Holm", "findable", "answer"]
    return gallery.captioned(caption, table(head, cells, left=2, last=1))


def _pair(source: Source, question: Question) -> tuple[Experiment | None, Experiment | None]:
    one = source.find(question.one, question.track)
    return one, source.find(question.other, question.track) or source.find(question.other, "none")


def _findable(source: Source, one: Experiment, other: Experiment) -> float:
    """Points of UAR, from the standard error of the actors' differences."""
    return findable((speaker_uars(source.tested(one)) - speaker_uars(source.tested(other))).to_numpy())


def _answer(question: Question, gap: float, p: float) -> str:
    if p >= LEVEL:
        return question.level
    return question.more if gap > 0 else f"The other one, by {points(-gap)} points."
