"""EMO-DB's clips and a model file -> results/elsewhere.csv: other speakers, words, rooms and language.

    intone elsewhere --emodb data/emodb --model RAVDESS_ALONE.onnx

No prediction was trained or selected on EMO-DB. Its words are German, so the model uses the audio alone.
"""

from pathlib import Path

import pandas as pd

from intone.audio.clip import read_clip
from intone.cache import write_whole
from intone.data import corpora
from intone.data.corpus import Corpus
from intone.emotions import EMOTIONS
from intone.errors import BadClip, IntoneError
from intone.evaluation.metrics import PREDICTION_COLUMNS
from intone.inference import registry
from intone.inference.model import Model
from intone.progress import say, track

COLUMNS = (*PREDICTION_COLUMNS, "sure", "far", "model")
"""A predictions table, all clips in fold 0 and split test; `sure`: whether the result is not `unsure`; `far`: whether
the clip is farther from the training clips than any of these."""


def elsewhere(emodb: Path | None = None, model: str | None = None, results: Path = Path("results")) -> None:
    """Test a model that learned from RAVDESS alone on another corpus, EMO-DB.

    Args:
        emodb: Folder with EMO-DB's WAV files; default INTONE_EMODB, else data/emodb.
        model: A file that `intone export` made, or a name from `intone models list`; the packaged model learned from
            EMO-DB and is refused.
        results: Folder for elsewhere.csv.
    """
    corpus = corpora.load("emodb", emodb)
    for skipped in corpus.skipped[:1]:
        say(f"{len(corpus.skipped)} clips are left out, such as {skipped.file}: {skipped.reason}.")
    ear = Model(registry.find(model))
    if corpus.name in ear.card.corpora:
        raise IntoneError(
            f"{ear.name} learned from EMO-DB, which can't test it then: name a file that learned from other speakers "
            "with --model; `intone corpora` tests the package's kind of model without each corpus."
        )
    answers = judged(ear, corpus)
    data = answers.to_csv(index=False, float_format="%.4f", lineterminator="\n").encode()
    write_whole(results / "elsewhere.csv", data)


def judged(model: Model, corpus: Corpus) -> pd.DataFrame:
    """A model's predictions from the audio of each clip, columns `COLUMNS`; unreadable clips are named and skipped."""
    rows = []
    for clip in track(corpus.clips.to_dict("records"), f"listening to {corpus.name}", len(corpus.clips)):
        try:
            answer = model.predict(read_clip(corpus.paths[clip["file"]]))
        except BadClip as problem:
            say(f"left out: {problem}")
            continue
        said = EMOTIONS[int(answer.audio.argmax())]
        key = (clip["file"], clip["speaker"], "0", "test", clip["emotion"], said)
        rows.append((*key, *answer.audio, answer.sure, answer.distance > model.card.farthest, model.name))
    return pd.DataFrame(rows, columns=list(COLUMNS))
