"""The plan of the whole experiment: every model once a track, what is made side by side, answers fixed beforehand."""

import json
from pathlib import Path

import pandas as pd
import pytest

from intone.data.splits import folds
from intone.emotions import EMOTIONS
from intone.errors import IntoneError
from intone.evaluation.comparisons import paired_tests
from intone.experiments import reproduce
from intone.experiments.plan import CHOSEN, FURTHER, FURTHER_TUNED, by_sentence, cost, experiments, further
from intone.experiments.publish import fix_answers, packed
from intone.experiments.reproduce import Experiments
from intone.training.recipes import ADAPTIVE, FIRST_PHASE, FUNCTIONALS, LONG, MODELS, PACKAGED, PAIRS
from intone.training.workspace import Workspace


def test_the_plan_has_every_model_and_hours_are_asked_for():
    names = {e.model for e in experiments("luna5")}
    apart = {*PACKAGED, *ADAPTIVE, *FUNCTIONALS}  # commands of their own train these
    assert names == set(MODELS) - set(LONG) - apart
    assert {e.model for e in experiments("luna5", tuned=True)} == set(MODELS) - apart
    assert {e.model for e in experiments("luna5", transformers=False)} == set(FIRST_PHASE)
    assert {(e.model, e.track) for e in experiments("luna5") if e.track in ("constant", "shuffled")} == {
        (m, t) for m in ("text_lstm", "fusion_nested") for t in ("constant", "shuffled")
    }
    assert {e.stem for e in by_sentence(transformers=False)} == {
        f"{m}__luna5_sentence" for m in ("audio_cnn__none", "text_lstm__asr", "fusion_nested__asr")
    }
    assert {*CHOSEN.values(), *PAIRS, *FURTHER, *(b for pair in PAIRS.values() for b in pair)} <= set(MODELS)
    assert [e.protocol for e in experiments("luna5") if e.leaks and e.modality == "audio"] == ["random"]


def test_other_protocols_ask_the_system_where_it_is_trained():
    def asked(**wishes: bool) -> set[tuple[str, str]]:
        return {(e.model, e.protocol) for e in further(**wishes)}

    system = {(m, p) for m in FURTHER_TUNED for p in ("emobox6", "loso24")}
    assert {CHOSEN["audio_system"], "audio_whisper_small-tuned"} < set(FURTHER_TUNED) and not asked() & system
    assert asked(tuned=True) == asked() | system
    assert {m for m, _ in asked(transformers=False, tuned=True)} <= set(FIRST_PHASE)
    assert {(m, p) for m in FURTHER for p in ("emobox6", "loso24")} < asked()


def asked(**flags) -> Experiments:
    """What a command with these flags would do."""
    kept = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Experiments, "run", lambda self: kept.append(self))
        reproduce.reproduce(**flags)
    return kept[0]


def test_a_quick_run_leaves_encoders_out_unless_asked():
    assert asked().encoders and not asked(quick=True).encoders
    assert asked(quick=True, transformers="yes").encoders and not asked(transformers="no").encoders


def test_four_actors_are_too_few_for_encoders():
    with pytest.raises(IntoneError, match="--actors 5 or more"):
        reproduce.reproduce(quick=True, transformers="yes", actors=4)


def test_a_part_of_ravdess_is_not_published(ravdess_folder, tmp_path):
    with pytest.raises(IntoneError, match="holds 64 of RAVDESS's 1440 clips"):
        reproduce.reproduce(ravdess_folder, transformers="no", runs=tmp_path, results=tmp_path / "results", workers=1)


def test_a_download_that_was_begun_is_gone_on_with(ravdess_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(reproduce.ravdess_corpus, "get", lambda folder: Path("fetched"))
    assert reproduce._data(ravdess_folder) == ravdess_folder
    (tmp_path / "Audio.zip.part").touch()
    assert reproduce._data(tmp_path) == Path("fetched")


def test_a_name_costs_what_its_longest_beginning_costs():
    assert cost("audio_whisper_small-tuned") > cost("audio_cnn") > cost("audio_whisper_small-frozen") > cost("text_gru")


def test_what_builds_on_its_own_stage_waits_for_it_and_what_learns_once_begins_once(corpus, tmp_path):
    space, splits = Workspace(corpus, FIRST_PHASE, tmp_path), folds(corpus.clips, "speakers")
    wanted = [e for e in experiments("luna5", transformers=False) if e.track in ("none", "asr", "natural")]
    free = {(e.model, e.track): asked()._side_by_side(space, e, splits) for e in wanted}
    assert free["audio_cnn", "none"] == free["text_lstm-glove", "asr"] == free["fusion_early-joint", "asr"] == splits
    assert not free["text_lstm", "asr"] + free["fusion_nested", "asr"] + free["fusion_early", "natural"]
    assert free["text_lstm-glove", "natural"] == free["text_tfidf", "natural"] == splits[:1]


def test_an_answer_is_fixed_once_test_was_read(tmp_path):
    fix_answers(tmp_path, {"audio": "a"})
    fix_answers(tmp_path, {"audio": "b"})
    (tmp_path / "test_looks.csv").write_text("when\n")
    with pytest.raises(IntoneError, match="answers audio otherwise"):
        fix_answers(tmp_path, {"audio": "a"})
    fix_answers(tmp_path, {"audio": "b", "system": "c"})
    assert json.loads((tmp_path / "chosen.json").read_text()) == {"audio": "b", "system": "c"}


def test_a_fusion_is_held_against_its_branches(tmp_path):
    clips = [(f"{s}/{e}", f"x-{s:02d}", e) for s in range(8) for e in ("sad", "happy")]
    (tmp_path / "predictions").mkdir()
    rows = []
    for model, modality, track, wrong in (("audio_a", "audio", "none", "sad"), ("fusion_f", "fusion", "asr", "")):
        table = pd.DataFrame(clips, columns=["file", "speaker", "emotion"])
        table["predicted"] = table["emotion"].where(table["emotion"] != wrong, "happy")
        table["fold"], table["split"] = "1", "test"
        for emotion in EMOTIONS:
            table[emotion] = (table["predicted"] == emotion).astype(float)
        (tmp_path / "predictions" / f"{model}__{track}__luna5.csv.gz").write_bytes(packed(table))
        rows.append((model, modality, track, "luna5"))
    summary = pd.DataFrame(rows, columns=["model", "modality", "track", "protocol"])
    got = paired_tests(tmp_path, summary, {"fusion_f": ("audio_a", "text_none")}, {"fusion_asr": "fusion_f"})
    assert got[["model", "against", "gap", "better", "actors", "chosen"]].values.tolist() == [
        ["fusion_f", "audio_a", 50.0, 8, 8, True]
    ]
    assert got["p"].item() < 0.02
