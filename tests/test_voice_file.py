"""A model file gets a model of voices: nothing else in it changes, and analyses with it adapt."""

import numpy as np
import pytest
from test_speakers import noise

from intone.cli import main
from intone.errors import IntoneError
from intone.experiments import corpora
from intone.export import voices
from intone.inference.model import Model
from intone.models.voice_probe import VoiceProbePreset

QUICK = VoiceProbePreset(strength=0.03, inner=2, draws=1)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("INTONE_CACHE", str(tmp_path / "cache"))


def test_a_file_with_voices_answers_as_before_and_adapts(model_file, corpus, tmp_path):
    learned = voices.learned(model_file, [corpus], 2, QUICK)
    voices.write(model_file, learned, tmp_path / "new.onnx", voices.told([corpus]))
    old, new = Model(model_file, 1), Model(tmp_path / "new.onnx", 1)
    assert old.voices is None and new.card == old.card and learned.weight.shape[:2] == (2, 8)
    assert (
        new.facts()[-1].startswith("adapts to voices, learned from ravdess (") and "CC BY-NC-SA 4.0" in new.facts()[-1]
    )
    assert old.facts() == old.card.facts()
    for name, array in learned.arrays().items():
        assert np.allclose(array, getattr(new.voices, name), rtol=1e-3, atol=1e-5, equal_nan=True), name
    one, other = new.predict(noise(1, 1)), old.predict(noise(1, 1))
    assert np.array_equal(one.probabilities, other.probabilities)
    adapted = new.adapted(one, new.voice(new.predict(noise(2, 1))))
    assert adapted.known == 1 and not np.allclose(adapted.probabilities, one.probabilities)
    assert old.adapted(other, old.voice(other)) is other


def test_the_command_writes_the_file(model_file, ravdess_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("INTONE_RAVDESS", str(ravdess_folder))
    main(["adaptive", "--model", str(model_file), "-o", str(tmp_path / "new.onnx"), "--layers", "1"])
    assert "it adapts to voices (learned from ravdess)" in capsys.readouterr().out
    assert Model(tmp_path / "new.onnx", 1).voices is not None


def test_embeddings_of_other_layers_are_refused(model_file, corpus):
    with pytest.raises(IntoneError, match="which aren't of 7 layers"):
        voices.learned(model_file, [corpus], 7, QUICK)


def test_what_is_learned_from_two_corpora_is_tested_on_a_third(corpus):
    chance = np.random.default_rng(0)

    def clips(name: str) -> corpora.Part:
        facts = corpus.clips.assign(corpus=name, speaker=name + corpus.clips["speaker"])
        if name != "a":
            facts = facts.replace({"emotion": {"calm": "neutral"}})
        x = 0.5 * chance.normal(size=(len(facts), 1, 2, 16))
        true = facts["emotion"].map(lambda emotion: corpora.EMOTIONS.index(emotion)).to_numpy()
        x[np.arange(len(x)), 0, :, true] += 1.5
        return x, facts, name

    reader = corpora.Reader.of([clips("a"), clips("b")], QUICK)
    found = dict(reader.predicted(clips("c")))
    assert list(found) == list(corpora.KNOWN)
    for table in found.values():
        assert table["file"].is_unique and np.allclose(table[list(corpora.EMOTIONS)].sum(axis=1), 1)
        assert (table["calm"] == 0).all() and "calm" not in set(table["predicted"])
        scores = corpora._scores(table)
        assert list(scores) == list(corpora.COLUMNS[3:]) and scores["uar"] > 60
