"""One page per model: learning curves, confusions, results by emotion, actor and group; and the table of all runs."""

from typing import Any

import pandas as pd

from intone.data.splits import PARTS
from intone.emotions import EMOTIONS
from intone.evaluation.confidence import log_loss
from intone.evaluation.groups import by_emotion, by_group, by_speaker, recalls_of
from intone.evaluation.metrics import accuracy, interval
from intone.evaluation.results import Experiment
from intone.report import readings
from intone.report.figures import confusion_figure, history_figure, speakers_figure
from intone.report.markdown import Gallery, listed, table, whole_span
from intone.report.numbers import rate, size
from intone.report.sections.confusion_pairs import confusion_pairs
from intone.report.sections.learning_curves import final, history_of, learned_once
from intone.report.sections.other_models import others
from intone.report.source import LABELLED, WORDS, Source, Subject


def section(source: Source, gallery: Gallery) -> dict[str, Any]:
    """What templates/portraits.md is filled with."""
    models = [_portrait(source, subject, gallery) for subject in source.subjects]
    return {"models": models, "others": others(source, gallery)}


def _portrait(source: Source, subject: Subject, gallery: Gallery) -> dict[str, Any]:
    experiment = subject.experiment
    same = source.same_as(subject)
    if same:
        return {"title": subject.title, "made": _made(source, experiment), "same": same.title}
    tested, stem = source.tested(experiment), experiment.stem.replace("__", "-")
    curves = _curves(source, subject, gallery, stem)
    matrix = {
        f"confusion-{stem}": confusion_figure(tested),
        f"actors-{stem}": speakers_figure(by_speaker(tested), source.sexes),
    }
    return {
        "title": subject.title,
        "same": "",
        "note": LABELLED if experiment.track == "natural" else "",
        "made": _made(source, experiment),
        "parts": gallery.captioned(f"{subject.title}: results by part.", _parts(source, experiment)),
        "curves": curves,
        "matrix": gallery.add(
            f"{subject.title}, test: confusion matrix and accuracy by actor.", matrix, _main_confusion(tested)
        ),
        "emotions": gallery.captioned(
            f"{subject.title}, test, in percent: results by emotion, and recall by group of clips.",
            emotions(source, tested),
        ),
    }


def _curves(source: Source, subject: Subject, gallery: Gallery, stem: str) -> str:
    """Learning curves; "" where the model is not trained in epochs."""
    history = history_of(source, subject.experiment)
    if not len(history):
        return ""
    once = learned_once(subject.experiment)
    caption = f"{subject.title}: learning curves{' on GoEmotions, once for all folds' if once else ''}."
    figure = history_figure(history, test=final(source, subject.experiment))
    return gallery.add(caption, {f"history-{stem}": figure}, readings.curves(history))


def _main_confusion(tested: pd.DataFrame) -> str:
    """The largest share of an emotion's clips that is predicted as one other emotion."""
    true, predicted, _, share, _ = confusion_pairs(tested)[0]
    return f"Largest confusion: {true} as {predicted} ({rate(share)} %)."


def _made(source: Source, experiment: Experiment) -> str:
    """Size, training time and the choices of the folds."""
    row = source.row(experiment)
    text = f"{size(row['parameters'])} parameters; {row['seconds']:.0f} s of training per fold."
    rows = source.choices(experiment)
    details = list(rows["details"])
    picked = pd.Series([d.picked for d in details if d.picked])
    if len(picked):
        counts = picked.value_counts()
        names = listed([f"`{m}` ({n} of {len(rows)})" for m, n in counts.items()])
        text += f" Selected per fold on validation actors: {names}."
    epochs = [str(d.epoch) for d in details if d.epoch is not None]
    if epochs:
        text += f" Epoch with the lowest validation loss, by fold: {listed(epochs)}."
    if len(rows):
        text += f" Temperature by fold: {listed([f'{t:.2f}' for t in rows['temperature']])}."
    return text


def _parts(source: Source, experiment: Experiment) -> str:
    everything = source.predictions(experiment)
    rows = []
    for part in PARTS:
        row, clips = source.row(experiment, part), everything[everything["split"] == part]
        low, high = interval(clips, rate=accuracy)
        right = whole_span(row["accuracy"], low, high)
        recall = whole_span(row["uar"], row["uar_low"], row["uar_high"])
        rows.append(
            [part, row["clips"], right, recall, rate(row["macro_f1"]), f"{log_loss(clips):.2f}", f"{row['ece']:.3f}"]
        )
    return table(["", "clips", "accuracy [95 %]", "UAR [95 %]", "macro-F1", "loss", "ECE"], rows)


def emotions(source: Source, tested: pd.DataFrame) -> str:
    """Precision, recall and F1 of each emotion, and its recall by sex, intensity and sentence."""
    rates = by_emotion(tested)
    head = ["", "precision", "recall", "F1"]
    columns = [rates["precision"], rates["recall"], rates["f1"]]
    last = ["*all (mean)*", *(rate(float(c.mean())) for c in columns)]
    if source.clips is not None:
        groups = by_group(tested, source.clips)
        for group, value in groups.index:
            head.append(str(value))
            columns.append(recalls_of(tested, source.clips, group).loc[value])
            last.append(rate(float(groups.loc[(group, value), "uar"])))
    rows = [[emotion, *(rate(float(c[emotion])) for c in columns)] for emotion in EMOTIONS]
    return table(head, [*rows, last])


def every_run(source: Source) -> str:
    """All rows of the summary, one line for each model, track and protocol."""
    rows = []
    order = ["none", *WORDS]
    ordered = source.summary.assign(place=source.summary["track"].map(order.index))
    for (_, track, protocol, model), part in ordered.groupby(["place", "track", "protocol", "model"]):
        parts = part.set_index("split").to_dict("index")
        test = parts["test"]
        accuracies = [rate(parts[p]["accuracy"]) for p in PARTS]
        recall = whole_span(test["uar"], test["uar_low"], test["uar_high"])
        rest = [rate(test["macro_f1"]), f"{test['ece']:.3f}", size(test["parameters"])]
        rows.append([f"`{model}`", track, protocol, *accuracies, recall, *rest])
    head = ["model", "track", "protocol", "train", "val.", "test", "test UAR [95 %]", "F1", "ECE", "size"]
    return table(head, rows, left=3)
