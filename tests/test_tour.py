"""The notebook runs from its first cell to its last on the built-in corpus, and shows what it says."""

import json
from pathlib import Path

import pytest
from matplotlib.figure import Figure

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "tour.ipynb"


def test_every_cell_runs_in_order(tmp_path, monkeypatch):
    pytest.importorskip("espeakng_loader", reason='synthetic speech needs `pip install ".[demo]"`')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INTONE_CACHE", str(tmp_path / "cache"))
    cells = [c for c in json.loads(NOTEBOOK.read_text())["cells"] if c["cell_type"] == "code"]
    space: dict[str, object] = {}
    shown = []
    for number, cell in enumerate(cells, start=1):
        *body, last = [line for line in "".join(cell["source"]).splitlines() if not line.startswith("%")]
        assert len(body) < 25, f"cell {number} is more than a screenful"
        exec(compile("\n".join(body), f"cell {number}", "exec"), space)
        try:
            shown.append(eval(compile(last, f"cell {number}", "eval"), space))
        except SyntaxError:
            exec(compile("\n".join([*body, last]), f"cell {number}", "exec"), space)
    assert sum(isinstance(s, Figure) for s in shown) == 2
    uars = space["uars"]
    assert uars.loc["simulated", "text"] > 60 > uars.loc["constant", "text"]
    assert uars.loc["constant", "audio"] > 20  # an eighth is chance
    assert uars.loc["constant", "audio"] == uars.loc["simulated", "audio"]
