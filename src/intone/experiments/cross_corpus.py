"""EMO-DB's clips, heard by the package's model -> results/elsewhere.csv: other speakers, words, rooms and language.

    intone elsewhere --emodb data/emodb

No answer was learned or chosen there. Its words are German, so they are not read: sound alone answers.
"""

from pathlib import Path

import pandas as pd

from intone.audio.clip import read_clip
from intone.cache import write_whole
from intone.data import corpora
from intone.data.corpus import Corpus
from intone.emotions import EMOTIONS
from intone.errors import BadClip
from intone.evaluation.metrics import PREDICTION_COLUMNS
from intone.inference import registry
from intone.inference.model import Model
from intone.progress import say, track

COLUMNS = (*PREDICTION_COLUMNS, "sure", "far", "model")
"""A predictions table, every clip in fold 0 and tested; `sure`: whether the answer isn't `unsure`; `far`: whether the
sound is farther from the training clips than any of them."""


def elsewhere(emodb: Path | None = None, model: str | None = None, results: Path = Path("results")) -> None:
    """Measure the package's model on another corpus, EMO-DB.

    Args:
        emodb: EMO-DB's WAV files; else INTONE_EMODB, else data/emodb.
        model: A file that `intone export` made, or a name that `intone models list` knows; else the package's own.
        results: Where elsewhere.csv goes.
    """
    corpus = corpora.load("emodb", emodb)
    for skipped in corpus.skipped[:1]:
        say(f"{len(corpus.skipped)} clips are left out, such as {skipped.file}: {skipped.reason}.")
    answers = judged(Model(registry.find(model)), corpus)
    data = answers.to_csv(index=False, float_format="%.4f", lineterminator="\n").encode()
    write_whole(results / "elsewhere.csv", data)


def judged(model: Model, corpus: Corpus) -> pd.DataFrame:
    """What a model makes of each clip's sound, columns `COLUMNS`; a clip that can't be heard is named and left out."""
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
