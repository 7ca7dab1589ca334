"""Tables of predictions, intone's or any other system's -> accuracy, calibration, tests and intervals; no models.

table = predictions.read(Path("mine.csv"))
score(table[table["split"] == "test"])
"""

from intone.evaluation import predictions
from intone.evaluation.calibration import probabilities, temperature
from intone.evaluation.confidence import trust
from intone.evaluation.correction import holm
from intone.evaluation.groups import by_emotion, by_group, by_speaker
from intone.evaluation.metrics import check_predictions, interval, paired, score

__all__ = [
    "by_emotion",
    "by_group",
    "by_speaker",
    "check_predictions",
    "holm",
    "interval",
    "paired",
    "predictions",
    "probabilities",
    "score",
    "temperature",
    "trust",
]
