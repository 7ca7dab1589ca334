"""A model file and a table of labelled clips -> the same file, whose confidence fits those clips."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import pandas as pd
from tyro.conf import Positional, arg

from intone.audio.clip import read_clip
from intone.data import csv_corpus
from intone.data.corpus import Corpus
from intone.data.csv_entries import OPTIONAL, REQUIRED, Conventions
from intone.data.spreadsheet import read
from intone.errors import BadClip, IntoneError
from intone.evaluation.calibration import temperature, unsure_below
from intone.evaluation.metrics import calibration_error, confusion, places, uar
from intone.inference import registry
from intone.inference.fusion import softmax
from intone.inference.model import Model
from intone.progress import say, track

LEAST: Final = 20
"""Clips without which a temperature would be chance."""

PARTS: Final = 5
"""Parts of the clips; each is judged with the temperature of the others."""


def calibrate(
    model: Positional[str],
    table: Positional[Path],
    out: Annotated[Path, arg(aliases=["-o"])] = Path("calibrated.onnx"),
    names: Annotated[str, arg(name="map")] = "",
) -> None:
    """Fit a model's confidence, and the threshold of "unsure", to labelled clips; emotions stay, except for "unsure".

    Sound alone is calibrated. Clips that the model was trained on tell nothing: take others.

    Args:
        model: A file that `intone export` made, or a name from `intone models list`.
        table: A CSV of clips with the columns file and emotion, and speaker if there are several of one person.
        out: The model file to write.
        names: What the table's labels mean, such as boredom=neutral,excited=happy; nothing behind = leaves them out.
    """
    from intone.export.onnx import place

    path = registry.find(model)
    network = Model(path)
    found = fitted(answers(network, corpus_of(table, names), table))
    card = replace(
        network.card,
        temperature=found.temperature,
        unsure=found.unsure,
        calibrated=True,
        calibrated_on=f"{found.clips} clips of {table.name}: UAR {found.uar:.1f}, ECE {found.before:.3f} before and "
        f"{found.after:.3f} after",
    )
    place(path, card, out)
    print(f'{out}: temperature {card.temperature:.3g}, "unsure" below {card.unsure:.2f}', *card.facts(), sep="\n")


@dataclass(frozen=True)
class Answers:
    """What a model says of clips of several voices."""

    logits: tuple[np.ndarray, ...]
    """Each clip's logits, [windows, labels]."""
    emotions: tuple[str, ...]
    speakers: tuple[str, ...]
    labels: tuple[str, ...]
    """The model's labels."""
    temperature: float
    """The temperature in its card."""

    def table(self, temperatures: Sequence[float]) -> pd.DataFrame:
        """Predictions of each clip at its temperature: columns emotion, predicted and the labels."""
        rows = [softmax(x / t).mean(0) for x, t in zip(self.logits, temperatures, strict=True)]
        made = pd.DataFrame(np.stack(rows), columns=list(self.labels))
        predicted = [self.labels[int(row.argmax())] for row in rows]
        return made.assign(emotion=list(self.emotions), predicted=predicted)


@dataclass(frozen=True)
class Fitted:
    """The numbers of a calibration."""

    clips: int
    temperature: float
    unsure: float
    uar: float
    """Percent."""
    before: float
    """ECE, a fraction."""
    after: float
    """ECE where the temperature comes from other speakers' clips."""


def corpus_of(table: Path, names: str = "") -> Corpus:
    """The clips of a table, each file a voice of its own where it names no speakers; raises what `csv_corpus.load`
    raises."""
    sheet = read(table, (*REQUIRED, *OPTIONAL))
    told = any(row.cells.get("speaker") for row in sheet.rows)
    return csv_corpus.load(table, conventions=Conventions(names, "column" if told else "file"))


def answers(model: Model, corpus: Corpus, table: Path) -> Answers:
    """What the model says of a table's clips; those that can't be read are named and left out.

    Raises IntoneError for a label that it doesn't have, and where fewer than `LEAST` clips can be used.
    """
    clips, labels = corpus.clips, model.card.labels
    if strange := sorted(set(clips["emotion"]) - set(labels)):
        raise IntoneError(
            f"{table} has clips of {', '.join(strange)}, and {model.card.name} knows {', '.join(labels)}: --map "
            f"'{strange[0]}=' leaves them out, and --map '{strange[0]}={labels[0]}' would say what they mean."
        )
    for skipped in corpus.skipped:
        say(f"left out: {skipped.file}: {skipped.reason}")
    logits: dict[str, np.ndarray] = {}
    for file in track(list(clips["file"]), "predicting", len(clips)):
        try:
            logits[file] = model.predict(read_clip(corpus.paths[file])).logits
        except BadClip as problem:
            say(f"left out: {problem}")
    if len(logits) < LEAST:
        raise IntoneError(
            f"{table} has {len(logits)} clips that can be used, and {LEAST} are the least to calibrate on: label more."
        )
    used = clips[clips["file"].isin(list(logits))]
    return Answers(
        tuple(logits[file] for file in used["file"]),
        tuple(used["emotion"]),
        tuple(used["speaker"]),
        labels,
        model.card.temperature,
    )


def fitted(found: Answers) -> Fitted:
    """Temperature and threshold for these answers. Raises IntoneError where all are right: any temperature would do."""
    logits = np.stack([x.mean(0) for x in found.logits])
    true = np.array([found.labels.index(emotion) for emotion in found.emotions])
    before = found.table([found.temperature] * len(true))
    if (before["predicted"] == before["emotion"]).all():
        raise IntoneError(
            f"All {len(true)} clips are recognised, which doesn't tell how often the model errs: add harder ones."
        )
    part = parts(found.speakers)
    others = [temperature(logits[part != k], true[part != k]) for k in range(PARTS)]
    after = found.table([others[k] for k in part])
    confidence = after[list(found.labels)].to_numpy().max(1)
    return Fitted(
        len(true),
        temperature(logits, true),
        unsure_below(confidence, (after["predicted"] == after["emotion"]).to_numpy()),
        float(uar(confusion(*places(before)))),
        calibration_error(before),
        calibration_error(after),
    )


def parts(speakers: Sequence[str]) -> np.ndarray:
    """Each clip's part, [N], 0 to `PARTS` - 1: a speaker's clips are in one, or those of a single speaker in all."""
    numbers = pd.factorize(np.array(speakers))[0]
    part: np.ndarray = (numbers if numbers.max() else np.arange(len(numbers))) % PARTS
    return part
