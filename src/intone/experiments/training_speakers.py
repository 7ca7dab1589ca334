"""A model file's embeddings of RAVDESS -> results/training_speakers.csv: UAR by the number of training speakers.

    intone speakers

In each fold of luna5 some of its training actors are drawn, a plain probe (a logistic regression a layer) learns from
their clips alone, and all the fold's test clips are judged. The encoder is frozen, and nothing is chosen.
"""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from intone.cache import digest, write_whole
from intone.data import ravdess as ravdess_corpus
from intone.data.splits import Split, folds
from intone.emotions import EMOTIONS
from intone.evaluation.metrics import confusion, uar
from intone.evaluation.results import Experiment
from intone.experiments.corpora import Part
from intone.experiments.publish import log_look
from intone.export.voices import embeddings, sentences
from intone.inference import registry
from intone.inference.model import Model
from intone.models.voice_probe import plain, regressions
from intone.progress import track

COUNTS: Final = (2, 4, 6, 8, 12, 17)

DRAWS: Final = 20
"""Random sets of actors of each size and fold; one where all are taken."""

STRENGTH: Final = 0.005
"""C of the regressions: that of the plain probe on these layers."""

PROTOCOL: Final = "luna5"


def training_speakers(model: str | None = None, layers: int = 3, results: Path = Path("results")) -> None:
    """Test how much more training speakers are worth to a probe of a frozen encoder.

    Args:
        model: A file that `intone export` made, or a name from `intone models list`; default the packaged model.
        layers: Number of encoder layers whose statistics the model's embedding joins.
        results: Folder for the table.
    """
    path = registry.find(model)
    part = (*embeddings(Model(path), path, ravdess_corpus.load(), layers), "ravdess")
    splits = folds(part[1], PROTOCOL)
    rows = []
    for count in track(COUNTS, "learning from some speakers", len(COUNTS)):
        draws = DRAWS if count < min(_speakers(part, split).size for split in splits) else 1
        found = [_drawn(part, splits, count, number) for number in range(draws)]
        low, high = np.percentile(found, [2.5, 97.5])
        rows.append((PROTOCOL, count, draws, *(round(float(v), 2) for v in (np.mean(found), low, high))))
    table = pd.DataFrame(rows, columns=["protocol", "speakers", "draws", "uar", "low", "high"])
    told = ", ".join(f"{r.speakers}: {r.uar:.1f}" for r in table.itertuples())
    experiment = Experiment("packaged", "audio", "none", PROTOCOL)
    log_look(results, experiment, digest(table.to_csv()), f"by number of training speakers: {told}")
    write_whole(results / "training_speakers.csv", table.to_csv(index=False, lineterminator="\n").encode())


def _speakers(part: Part, split: Split) -> np.ndarray:
    facts = part[1]
    return np.unique(facts.loc[facts["file"].isin(split.train), "speaker"].to_numpy(str))


def _drawn(part: Part, splits: list[Split], count: int, number: int) -> float:
    """UAR over all test clips, each fold learned from `count` of its training speakers."""
    x, facts, name = part
    true, said = [], []
    for split in splits:
        draw = np.random.default_rng([number, count, int(split.fold)])
        chosen = draw.permutation(_speakers(part, split))[:count]
        mine, judged = facts["speaker"].isin(chosen).to_numpy(), facts["file"].isin(split.test).to_numpy()
        known = sentences([(x[mine], facts[mine], name)], EMOTIONS)
        logits = plain(x[judged][:, 0], *regressions(known, STRENGTH))
        true += [EMOTIONS.index(emotion) for emotion in facts.loc[judged, "emotion"]]
        said += list(logits.argmax(1))
    return float(uar(confusion(np.array(true), np.array(said), len(EMOTIONS))))
