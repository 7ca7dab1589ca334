"""Published predictions of late fusions' branches -> results/natural_redraws.csv: other pairings of clips and comments.

    intone redraws

On sentences paired by label each clip has one comment of its emotion, and the pairing is one draw of many. Here each
test clip gets another comment of its emotion among those that were dealt: the text model, which was trained once for
all folds, says the same of a comment whichever clip it stands beside. Nothing is trained.
"""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from intone.cache import digest, write_whole
from intone.emotions import EMOTIONS
from intone.evaluation.confidence import MIN_PROBABILITY
from intone.evaluation.metrics import confusion, places, uar
from intone.evaluation.results import Experiment, read_predictions
from intone.experiments.publish import log_look

TIMES: Final = 20

FUSED: Final = {
    "fusion_late_logits": ("audio_cnn", "text_lstm"),
    "fusion_cnn_minilm-logits": ("audio_cnn", "text_minilm"),
    "fusion_whisper_minilm-logits": ("audio_whisper_small-frozen", "text_minilm"),
}
"""Fusion by summed logits -> its branches."""

PROTOCOL: Final = "luna5"


def redraws(results: Path = Path("results")) -> None:
    """Pair test clips with other comments of their emotion, and fuse again.

    Args:
        results: Folder with the predictions, and for the table.
    """
    rows = []
    for model, (audio, text) in FUSED.items():
        sound = _tested(results, Experiment(audio, "audio", "none", PROTOCOL))
        words = _tested(results, Experiment(text, "text", "natural", PROTOCOL))
        both = sound[["file", "emotion"]].merge(words, on=["file", "emotion"], validate="one_to_one")
        heard = sound.set_index("file").loc[both["file"], list(EMOTIONS)].to_numpy(float)
        plain, uars = _rate(both, heard), []
        for number in range(TIMES):
            found = _rate(both, heard * _redrawn(both, np.random.default_rng(number)))
            uars.append(found)
            rows.append({"model": model, "redraw": number, "uar": round(found, 2), "gain": round(found - plain, 2)})
        experiment = Experiment(model, "fusion", "natural", PROTOCOL)
        log_look(results, experiment, digest(uars), f"mean of {TIMES} other pairings", float(np.mean(uars)))
    table = pd.DataFrame(rows)
    write_whole(results / "natural_redraws.csv", table.to_csv(index=False, lineterminator="\n").encode())


def _tested(results: Path, experiment: Experiment) -> pd.DataFrame:
    table = read_predictions(experiment, results)
    return table[table["split"] == "test"]


def _redrawn(both: pd.DataFrame, draw: np.random.Generator) -> np.ndarray:
    """Probabilities [clips, labels] of the comment that each clip gets: another clip's of the same emotion."""
    rows = np.arange(len(both))
    for own in both.groupby("emotion").indices.values():
        rows[own] = own[draw.permutation(len(own))]
    return np.maximum(both[list(EMOTIONS)].to_numpy(float)[rows], MIN_PROBABILITY)


def _rate(both: pd.DataFrame, product: np.ndarray) -> float:
    """UAR of the most probable emotions: a product of probabilities is a sum of logits."""
    said = [EMOTIONS[k] for k in product.argmax(1)]
    return float(uar(confusion(*places(both[["emotion"]].assign(predicted=said, **dict.fromkeys(EMOTIONS, 0.0))))))
