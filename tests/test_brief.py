"""The brief's models and questions in the report: each with its figures and a paired test, and nothing without them."""

from dataclasses import replace

import pandas as pd
import pytest
from test_report import write_results

from intone.evaluation.comparisons import rule_tests
from intone.report.markdown import Gallery
from intone.report.sections import brief, fusions, limits
from intone.report.sections.brief import QUESTIONS, answers, models_of_the_brief
from intone.report.source import Source
from intone.training.recipes import MODELS, RULES_ALONE


def test_the_brief_names_models_that_are_there():
    named = {model for _, models in brief.ASKED for model in models}
    asked = {model for question in QUESTIONS for model in (question.one, question.other)}
    assert named | asked | set(RULES_ALONE) | set(fusions.FIRST_RULES) <= set(MODELS)


def test_models_and_questions_are_those_that_were_evaluated(tmp_path, monkeypatch):
    source, gallery = Source(write_results(tmp_path)), Gallery(tmp_path / "figures", keep=False)
    told = models_of_the_brief(source, gallery)
    assert "| `audio_cnn` |  |" in told and "audio_cnn_mfcc" not in told
    assert "make reproduce" in answers(Source(write_results(tmp_path / "bare")), gallery)  # no question has both models
    asked = replace(QUESTIONS[0], one="audio_cnn", other="fusion_nested", track="natural", more="the first")
    monkeypatch.setattr(brief, "QUESTIONS", (replace(asked, one="fusion_nested", other="audio_cnn"),))
    better = answers(source, gallery)
    assert "the first" in better and "`fusion_nested` − `audio_cnn`" in better


def test_a_gain_of_the_second_model_is_its_answer():
    question = QUESTIONS[0]
    assert brief._answer(question, 3.0, 0.01) == question.more
    assert brief._answer(question, 3.0, 0.2) == question.level
    assert brief._answer(question, -3.0, 0.01) == "The other one, by +3.0 points."


def test_rules_are_compared_with_audio_alone_and_on_the_same_branches(tmp_path):
    folder = write_results(tmp_path)
    rules = {"fusion_nested": ("audio_cnn", "text_lstm")}
    found = rule_tests(folder, pd.read_csv(folder / "summary.csv"), rules)
    assert set(found["against"]) == {"audio_cnn"} and {"asr", "natural"} <= set(found["track"])
    assert "chosen" not in found


@pytest.mark.parametrize(("one", "other", "cell"), [("a", "b", "**+3.0 (0.010)**"), ("b", "a", "**−3.0 (0.010)**")])
def test_a_matrix_has_each_difference_both_ways(one, other, cell):
    assert fusions._cell({("a", "b"): {"gap": 3.0, "holm": 0.01}}, one, other) == cell


def test_what_was_known_before_development_is_told_with_its_figure():
    looks = pd.DataFrame(
        {
            "when": [limits.BEFORE, limits.BEFORE, "2026-11-22 22:21"],
            "model": ["audio_ast", "audio_cnn", "audio_cnn"],
            "why": ["a layer", "tuned on two folds", "reproduce"],
            "uar": [78.7, None, 60.0],
        }
    )
    assert limits._beforehand(looks) == ["`audio_ast`, a layer: UAR 78.7.", "`audio_cnn`, tuned on two folds."]
    assert limits._beforehand(None) == []
