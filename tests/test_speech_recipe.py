"""A frozen encoder through the whole road of one fold: cached states, nested choice, predictions of every clip."""

import numpy as np

from intone.lab import Lab
from intone.models import speech_states
from intone.models.speech_probe import SpeechProbePreset
from intone.recipes.speech_probe import SpeechProbeRecipe
from intone.splits import Split

QUICK = SpeechProbePreset(strengths=(1e-2,), widest=2, inner=2)


def test_a_fold_chooses_among_layers_and_hears_every_clip_once(corpus, tiny_whisper, tmp_path, monkeypatch):
    monkeypatch.setenv("INTONE_CACHE", str(tmp_path / "cache"))
    recipe = SpeechProbeRecipe(weights=tiny_whisper, layers=(1, 2, 3), speeds=(1.0, 0.9), probe=QUICK)
    by_speaker = corpus.clips.groupby("speaker")["file"].apply(tuple)
    split = Split("speakers", "1", by_speaker.iloc[0] + by_speaker.iloc[1], by_speaker.iloc[2], by_speaker.iloc[3])
    done = Lab(corpus, {"probe": recipe}, tmp_path / "runs").fold("probe", "none", split)
    assert set(done.predictions["file"]) == set(corpus.clips["file"])
    details = done.config["details"]
    assert set(details["layers"]) <= {1, 2, 3}
    whole = speech_states.SpeechStates(tiny_whisper, (3,)).parameters
    assert 0 < done.config["parameters"] <= whole + 2 * 8 * 33

    def never(*_: object) -> None:
        raise AssertionError("heard again")

    monkeypatch.setattr(speech_states.SpeechStates, "__call__", never)
    again = Lab(corpus, {"probe": recipe}, tmp_path / "other").fold("probe", "none", split)
    np.testing.assert_allclose(again.logits.to_numpy(), done.logits.to_numpy(), atol=1e-5)
