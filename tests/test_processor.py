"""What a run says of the machine it was made on, and what it says where a precision is slow there."""

import importlib

import pytest
import torch

from intone.errors import IntoneError
from intone.training import recipes
from intone.training.processor import processor, warn_if_slow


def test_a_run_names_the_processor_its_instructions_and_threads(monkeypatch):
    name, _, rest = processor().partition(" (")
    assert name and rest.startswith(torch.backends.cpu.get_cpu_capability())
    assert f"threads: {torch.get_num_threads()})" in rest
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Some GPU")
    assert processor().endswith(") + Some GPU")


@pytest.mark.parametrize(("precision", "fast", "told"), [("bf16-mixed", False, 1), ("bf16-mixed", True, 0)])
def test_a_precision_that_is_slow_here_is_told_with_what_to_do(precision, fast, told, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: fast)
    warn_if_slow("32-true")
    assert capsys.readouterr().err == ""
    warn_if_slow(precision)
    assert capsys.readouterr().err.count("INTONE_PRECISION=32-true") == told


def test_that_remedy_works_and_a_typo_in_it_is_one_sentence(monkeypatch):
    before = recipes.MODELS
    try:
        monkeypatch.setenv("INTONE_PRECISION", "32-true")
        assert importlib.reload(recipes).MODELS["audio_cnn"].training.precision == "32-true"
        monkeypatch.setenv("INTONE_PRECISION", "half")
        with pytest.raises(IntoneError, match="learn in bf16-mixed or in 32-true"):
            importlib.reload(recipes)
    finally:
        monkeypatch.undo()
        again = importlib.reload(recipes).MODELS
    assert again == before
