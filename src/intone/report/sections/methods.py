"""Clips, architectures.csv and settings.csv -> the data, models and settings that the results were made with."""

from typing import Any, Final

import pandas as pd

from intone.emotions import EMOTIONS
from intone.report.figures import architectures_figure
from intone.report.markdown import Gallery, absent, table
from intone.report.source import MAIN, Source

PAIRED: Final = {"audio_cnn": "audio_cnn_mfcc", "text_lstm-glove": "text_gru-glove"}
"""Model -> one that differs in its first stages alone: they share a drawing."""

POOLED: Final = "All of them end in statistics over the whole clip or sentence, so that its length doesn't matter."

LESS: Final = "From left to right, less is learned from sound and words together."

GROUPS: Final = {
    "networks-scratch": (
        "Networks trained from scratch",
        ("audio_cnn", "audio_ast", "text_lstm-glove"),
        POOLED,
    ),
    "networks-pretrained": (
        "Models on pretrained Transformers",
        ("audio_whisper_small-tuned", "audio_whisper_small-frozen", "text_minilm-tuned"),
        "What is trained is small beside what was pretrained: a layer or a few blocks.",
    ),
    "networks-fusion": ("Fusions", ("fusion_attention", "fusion_early-joint", "fusion_late_logits"), LESS),
}
"""Figure -> its caption, the models that it shows, and what is to be seen."""

COMMAND: Final = "make reproduce"


def section(source: Source, gallery: Gallery) -> dict[str, Any]:
    """What templates/methods.md is filled with."""
    return {
        "clips": _clips(source, gallery),
        "drawings": _drawings(source, gallery),
        "settings": _settings(source, gallery),
        "adapted": source.table("voice.csv") is not None,
        "folds": {p: _folds(source, p) for p in (MAIN, "emobox6", "loso24") if source.lead_under(p)},
    }


def _clips(source: Source, gallery: Gallery) -> str:
    """How many clips there are of each emotion, by the actor's sex, the intensity and the sentence."""
    if source.clips is None:
        return ""
    clips = source.clips
    rows = []
    for column in ("sex", "intensity", "statement"):
        if column in clips:
            for value, part in clips.groupby(column, sort=False):
                rows.append(_counts(str(value), part))
    rows.append(_counts("all", clips))
    caption = "Clips of RAVDESS's speech by emotion; statement: the first word that differs in the two sentences."
    return gallery.captioned(caption, table(["", *EMOTIONS, "all"], rows))


def _counts(name: str, clips: pd.DataFrame) -> list[str]:
    found = clips["emotion"].value_counts()
    return [name, *(str(int(found.get(emotion, 0))) for emotion in EMOTIONS), str(len(clips))]


def _drawings(source: Source, gallery: Gallery) -> str:
    rows = source.table("architectures.csv")
    if rows is None:
        return absent(COMMAND, "the drawings of the networks")
    hidden = set(PAIRED.values())
    drawn = {}
    for model, part in rows.groupby("model", sort=False):
        if model in hidden:
            continue
        stages = list(zip(part["stage"], part["detail"], strict=True))
        if other := PAIRED.get(str(model)):
            theirs = rows[rows["model"] == other].set_index("place")
            stages = [_either(stage, theirs.loc[k]) for k, stage in zip(part["place"], stages, strict=True)]
        drawn[_title(source, str(model))] = [(a, _plain(source, b)) for a, b in stages]
    return "\n\n".join(
        gallery.add(
            f"{caption}, from input to output; in grey: sizes, that is channels, states or outputs.",
            {name: architectures_figure({title: drawn[title] for title in _titles(source, models) if title in drawn})},
            reading,
        )
        for name, (caption, models, reading) in GROUPS.items()
    )


def _titles(source: Source, models: tuple[str, ...]) -> list[str]:
    return [_title(source, model) for model in models]


def _title(source: Source, model: str) -> str:
    """The title of a model, or of the two that share a drawing."""
    if model not in PAIRED:
        return source.catalogue.title(model)
    return {"audio_cnn": "CNN on log-mels or MFCCs", "text_lstm-glove": "LSTM or GRU"}[model]


def _either(stage: tuple[str, str], other: pd.Series) -> tuple[str, str]:
    """A stage of two models: what differs is said of both."""
    both = (other["stage"], other["detail"])
    return stage[0] if stage[0] == both[0] else f"{stage[0]} or {both[0]}", (
        stage[1] if stage[1] == both[1] else f"{stage[1]}; or {both[1]}"
    )


def _plain(source: Source, text: str) -> str:
    """Models' titles in place of their names, without Markdown: a drawing has none."""
    return source.catalogue.titled(text).replace("`", "")


def _settings(source: Source, gallery: Gallery) -> str:
    rows = source.table("settings.csv")
    if rows is None:
        return absent(COMMAND, "the settings of training")
    cells = [
        [
            *(f"`{r['model']}`", r["corpus"], r["epochs"], r["patience"], r["batch"], f"{r['rate']:g}"),
            *(f"{r[name]:g}" for name in ("decay", "smoothing", "average")),
        ]
        for r in rows.to_dict("records")
    ]
    caption = (
        "Training: AdamW, one cycle of the learning rate; cross-entropy. Epochs: most; patience: epochs without a "
        "better validation loss before training ends; smoothing: of labels; average: decay of the running mean of "
        "weights, which is what is tested."
    )
    head = ["model", "on", "epochs", "patience", "batch", "rate", "decay", "smoothing", "average"]
    return gallery.captioned(caption, table(head, cells, left=2))


def _folds(source: Source, protocol: str) -> str:
    """How many actors a fold of a protocol trains, validates and tests on."""
    experiment = source.lead_under(protocol)
    if experiment is None:
        return ""
    parts = source.predictions(experiment)
    counts = parts.groupby(["fold", "split"])["speaker"].nunique().unstack()
    told = [" or ".join(str(n) for n in sorted(set(counts[part]))) for part in ("train", "validation", "test")]
    return f"{len(counts)} folds; {told[0]} actors for training, {told[1]} for validation, {told[2]} for test"
