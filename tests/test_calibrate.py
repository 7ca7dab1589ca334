"""`intone calibrate`: labelled clips -> a file whose confidence fits them, and the same emotions."""

from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
import soundfile
import torch
from torch import nn

from intone.audio.clip import read_clip
from intone.audio.extractors import ExtractorSettings
from intone.cli import main
from intone.errors import IntoneError
from intone.export.calibrate import Answers, fitted, parts
from intone.export.onnx import export
from intone.inference import registry
from intone.inference.card import Card
from intone.inference.model import VOICE_FACTS_KEY, Model
from intone.models.graph import FileGraph

LABELS = ("happy", "sad")


class Loud(nn.Module):
    """Loud is happy, with far too much confidence."""

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        level = features.square().mean((1, 2)).sqrt()[:, None]
        return 400 * torch.cat([level - 0.1, 0.1 - level], 1), level


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "loud.onnx"
    settings = ExtractorSettings(normalised=False)
    card = Card("loud", "0", settings, 1.0, "f", "unknown", "MIT", window=2.0, labels=LABELS, calibrated=False)
    export(FileGraph(Loud(), None), card, path)
    whole = onnx.load(path)
    whole.metadata_props.add(key=VOICE_FACTS_KEY, value="adapts to nobody")
    onnx.save(whole, path)
    return path


def table(folder: Path, clips: int, wrong: int = 4, columns: str = "file,emotion") -> Path:
    """Clips of two levels, the first `wrong` of which are labelled the other way."""
    lines, draw = [columns], np.random.default_rng(0)
    for i in range(clips):
        level, label = (0.12, "joy") if (i % 2) == (i >= wrong) else (0.08, "sadness")
        level = level if i >= wrong else 0.2 - level
        sound = np.sin(np.arange(12_000) * (0.05 + 0.001 * i)) * np.sqrt(2) * level * draw.uniform(0.97, 1.03)
        soundfile.write(folder / f"{i}.wav", sound, 16_000)
        cells = {"file": f"{i}.wav", "emotion": label, "speaker": f"s{i % 3}"}
        lines.append(",".join(cells[column] for column in columns.split(",")))
    (folder / "clips.csv").write_text("\n".join(lines) + "\n")
    return folder / "clips.csv"


@pytest.mark.parametrize("columns", ["file,emotion", "file,emotion,speaker"])
def test_confidence_fits_the_clips_and_emotions_stay(file, tmp_path, capsys, columns):
    listed, out = table(tmp_path, 40, columns=columns), tmp_path / "new" / "c.onnx"
    main(["calibrate", str(file), str(listed), "--out", str(out)])
    said = capsys.readouterr().out
    before, after = Model(file, threads=1), Model(out, threads=1)
    assert "40 clips of clips.csv: UAR 90.0, ECE 0.1" in said and "calibration unknown" not in said
    assert after.card.calibrated and after.card.temperature > 2 and after.card.calibrated_on in said
    assert after.voice_facts == "adapts to nobody"
    for name in ("0.wav", "9.wav"):
        clip = read_clip(tmp_path / name)
        old, new = before.predict(clip), after.predict(clip)
        np.testing.assert_array_equal(old.logits, new.logits)
        assert old.probabilities.argmax() == new.probabilities.argmax()
        assert old.probabilities.max() > 0.99 > new.probabilities.max()


def test_a_table_that_tells_too_little_is_refused(file, tmp_path):
    def refused(match: str, *flags: str) -> None:
        with pytest.raises(SystemExit), pytest.MonkeyPatch.context() as patch:
            patch.setattr("intone.cli._say", said.append)
            main(["calibrate", str(file), str(tmp_path / "clips.csv"), "-o", str(tmp_path / "c.onnx"), *flags])
        assert match in said[-1] and not (tmp_path / "c.onnx").exists()

    said: list[str] = []
    table(tmp_path, 19)
    refused("19 clips that can be used, and 20 are the least")
    listed = table(tmp_path, 22)
    listed.write_text(listed.read_text().replace("0.wav,joy", "0.wav,anger"))
    refused("has clips of angry, and loud knows happy, sad")
    table(tmp_path, 22, wrong=0)
    refused("All 22 clips are recognised")
    table(tmp_path, 40)


def test_clips_that_cant_be_read_are_left_out(file, tmp_path, capsys):
    listed = table(tmp_path, 24)
    soundfile.write(tmp_path / "23.wav", np.zeros(12_000), 16_000)
    main(["calibrate", str(file), str(listed), "-o", str(tmp_path / "c.onnx")])
    said = capsys.readouterr()
    assert "23 clips of clips.csv" in said.out and "left out" in said.err


def test_the_error_after_is_that_of_clips_the_temperature_didnt_see():
    draw = np.random.default_rng(0)
    true = draw.integers(0, 3, 400)
    logits = np.eye(3)[true] * 1.5 + draw.normal(0, 1, (400, 3))  # calibrated at a temperature of about 1 / 1.5
    labels = ("happy", "sad", "bored")
    found = Answers(
        tuple(4 * x[None] for x in logits),
        tuple(labels[i] for i in true),
        tuple(f"s{i % 8}" for i in range(400)),
        labels,
        1.0,
    )
    got = fitted(found)
    assert got.clips == 400 and 2 < got.temperature < 3.5 and got.after < 0.06 < got.before
    assert 0 <= got.unsure < 0.7
    with pytest.raises(IntoneError, match="are recognised"):
        fitted(Answers(tuple(np.eye(3)[[i]] for i in true), found.emotions, found.speakers, labels, 1.0))


def test_a_speakers_clips_are_in_one_part():
    one = pd.DataFrame({"speaker": list("abcabcdefg"), "part": parts(list("abcabcdefg"))})
    assert (one.groupby("speaker")["part"].nunique() == 1).all() and one["part"].nunique() == 5
    assert parts(["a"] * 12).tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]


def test_lists_of_models_say_what_nobody_has_calibrated(file, tmp_path, monkeypatch):
    monkeypatch.setenv("INTONE_CACHE", str(tmp_path))
    place = tmp_path / "analysers" / "loud.onnx"
    place.parent.mkdir()
    place.write_bytes(file.read_bytes())
    listed = registry.listing().set_index("name")
    assert listed.loc["loud", "what"].endswith("calibration unknown")
    assert any("loud: calibration unknown" in fact for fact in registry.facts())
