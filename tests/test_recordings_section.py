"""The report's table of whole recordings: its cells, and the sentence that sums it up."""

import pandas as pd

from intone.experiments.diarization import COLUMNS
from intone.report.markdown import Gallery
from intone.report.sections.voice_elsewhere import recordings
from intone.report.source import Source


def test_what_looking_for_changes_is_worth(tmp_path):
    rows = [
        ("ravdess", 2, "same", "talk", True, 10, 7.0, 12.0, 8.0, 0.0, 4.0, 97.0, 90.0, 60.0, 62.0, 66.0, 67.0),
        ("ravdess", 2, "same", "talk", False, 10, 7.0, 24.0, 8.0, 0.0, 16.0, 88.0, 80.0, 55.0, 57.0, 56.0, 58.0),
        ("emodb", 2, "both", "call", True, 8, 7.0, 13.0, 4.0, 9.0, 0.0, 91.0, 100.0, 70.0, 75.0, 76.0, 77.0),
    ]
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(tmp_path / "diarization.csv", index=False)
    told = recordings(Source(tmp_path), Gallery(tmp_path, keep=False))
    assert "| RAVDESS | 2, same | yes | 10 | 12.0 | 8.0 | 0.0 | 4.0 | 97.0 | 90.0 | 60.0 |" in told
    assert "| EMO-DB | 2, both | a channel each | 8 |" in told
    assert "in 1 of 1 kinds of talks, by 12.0 points on average" in told
    assert "6.0 points above that without any (higher in 2 of 2), and 1.0 below that with the true ones" in told
    assert "intone diarization" in recordings(Source(tmp_path / "none"), Gallery(tmp_path, keep=False))
