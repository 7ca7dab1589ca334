"""The report on speaker adaptation: there only with results/voice.csv, from its numbers, apart from other tables."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from test_report import predicted, write_results

from intone.emotions import EMOTIONS
from intone.experiments.adaptation import COLUMNS, JUDGED
from intone.experiments.draws import KINDS as DRAWN
from intone.experiments.publish import packed
from intone.report import SECTIONS, document
from intone.report.figures import voice_figure
from intone.report.markdown import Gallery
from intone.report.readme import front_table
from intone.report.sections import voice
from intone.report.sections.answer import published, standing
from intone.report.sections.voice_elsewhere import strangers
from intone.report.source import Source

MODEL = "audio_whisper_small-adaptive"
HEADING = SECTIONS["voice"][0]
PLAIN, GAIN = 79.4321, 0.9876
"""UAR with nothing known, and points gained with each doubling of the random clips."""


def known(protocols: tuple[str, ...] = ("luna5", "emobox6", "loso24")) -> pd.DataFrame:
    """A made-up voice.csv: random draws gain, draws of one emotion lose."""
    rows = []
    slopes = {"random": GAIN, "skewed": 0.8, "two": 0.5, "one": -0.4, "neutral": -0.25}
    for protocol in protocols:
        for kind, counts in DRAWN.items():
            for k in counts:
                steps = {"0": -1.0, "recording": 6.0}.get(k) or np.log2(float(k))
                uar = PLAIN + slopes[kind] * (steps + 1)
                worst, draws = 40 + steps, 1 if k in ("0", "recording") else 10
                rates = (uar, uar - 4, uar + 4, uar - 5, uar + 5, worst)
                rows.append((MODEL, protocol, kind, k, draws, *rates, 0.0312, 91.5))
    return pd.DataFrame(rows, columns=list(COLUMNS)).round(4)


def write_voice(folder: Path) -> Path:
    """A results folder with voice.csv and the predictions of three of its rows, the last two of which are better."""
    write_results(folder)
    known().to_csv(folder / "voice.csv", index=False)
    (folder / "voice").mkdir()
    for seed, (k, right) in enumerate((("0", 0.4), ("8", 0.9), ("recording", 0.9))):
        table = predicted(right, "luna5", 50 + seed).query("split == 'test'").assign(draw=0)
        path = folder / "voice" / f"{MODEL}__luna5__random__{k}.csv.gz"
        path.write_bytes(packed(table, ("draw", *JUDGED, *EMOTIONS)))
    return folder


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_voice(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def text(results: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return document(results, Gallery(tmp_path_factory.mktemp("figures")))


def chapter(text: str) -> str:
    return text.split(HEADING)[1].split("\n## ")[0]


def test_the_chapter_says_what_the_table_says(text):
    told, rows = chapter(text), known().set_index(["protocol", "kind", "k"])
    sentence = next(line for line in told.splitlines() if line.startswith("Under luna5, the UAR of"))
    three = [rows.loc[("luna5", "random", k)] for k in ("0", "8", "recording")]
    for row in three:
        assert f"{row['uar']:.1f}\u00a0[{row['uar_low']:.1f},\u00a0{row['uar_high']:.1f}]" in sentence
    for column in ("male", "worst_actor"):
        assert "{:.1f}, {:.1f} and {:.1f}".format(*(row[column] for row in three)) in sentence
    assert sentence.count("(a gain: +") == 2 and "p < 0.001, Holm" in sentence
    cases = text.split("A voice that is known: all cases\n")[1]
    for protocol in ("luna5", "emobox6", "loso24"):
        lines = re.search(rf"under {protocol}, with the speaker's voice known.*?\n:::\n\n(.*?)\n\n", cases, re.DOTALL)
        assert lines and lines[1].count("\n") == 1 + len(rows.loc[protocol])
    assert "| at random | 0 | 1 | 79.4" in cases and "|  | recording | 1 | " in cases
    assert not re.search(r"\bnan\b|\bNone\b", told)


def test_what_one_sided_clips_cost_is_told(text):
    rows = known(("luna5",))
    lost = rows[rows["uar"] < PLAIN]
    told = chapter(text)
    assert f"In {len(lost)} of {(rows['kind'] != 'random').sum()} such cases it is below" in told
    assert f"at worst {lost['uar'].min():.1f}, with 8 of one emotion." in told


def test_without_the_table_the_chapter_is_left_out(tmp_path):
    folder = write_results(tmp_path / "results")
    text = document(folder, Gallery(tmp_path, keep=False))
    assert HEADING not in text and "known voice" not in text
    numbers = [int(n) for n in re.findall(r"^## (\d+) ", text, flags=re.MULTILINE)]
    assert numbers == list(range(1, len(SECTIONS) - 2))  # nor are there other protocols or seeds
    assert "known" not in front_table(folder)


def test_known_voices_stand_in_no_table_of_unseen_speakers(results, text):
    source = Source(results)
    others = source.published[source.published["topic"] == voice.TOPIC]
    assert len(others) == 3 and (others["source"] != "").all()
    assert not set(others["value"]) & set(standing(source)["value"])
    assert not any(f"| {value} [" in published(source) for value in others["value"])
    best = f"{known()['uar'].max():.1f}"
    cases = text.split("A voice that is known: all cases\n")[1].split("\n## ")[0]
    assert best in chapter(text) and best not in text.replace(chapter(text), "").replace(cases, "")


def test_without_its_predictions_nothing_is_claimed_of_a_gain(results, tmp_path):
    known(("emobox6",)).to_csv(tmp_path / "voice.csv", index=False)
    source = Source(tmp_path)
    source.__dict__["summary"] = Source(results).summary
    told = voice.result(source, MODEL, source.table("voice.csv"))
    assert told.startswith("Under emobox6") and "gain" not in told


def test_the_readme_sets_it_apart_in_a_sentence_below_its_table(results):
    table, sentence = front_table(results).split("\n\n")
    rows = known().set_index(["protocol", "kind", "k"])["uar"]
    assert MODEL not in table and "task of its own" in sentence
    assert all(f"{rows['luna5', 'random', k]:.1f} [" in sentence for k in ("0", "8", "recording"))


def test_the_figure_has_a_panel_for_each_protocol_and_the_published_systems_in_theirs():
    others = Source(Path()).published.query("topic == @voice.TOPIC")
    figure = voice_figure(known(), voice.KINDS, ("luna5", "loso24"), others)
    ours, theirs = figure.axes
    assert [t.get_text() for t in ours.get_xticklabels()] == ["1", "2", "4", "8", "16", "30", "recording"]
    assert not ours.texts and len(theirs.texts) == 3
    labels = {line.get_label() for line in ours.lines}
    assert set(voice.KINDS.values()) < labels and "nothing is known" in labels
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(t) for t in theirs.texts]  # of the words, without the lines to their dots
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_every_way_of_drawing_has_a_name():
    assert set(voice.KINDS) == set(DRAWN)


def test_corpora_that_were_held_out_are_told_and_those_learned_from_are_not(tmp_path):
    columns = ["learned", "tested", "k", "uar", "uar_low", "uar_high", "ece", "auroc", "answered"]
    rows = [
        (learned, tested, k, 40.0 + n, 1.0, 99.0, 0.05, 0.7, 80.0)
        for learned, tested in (("ravdess", "nemo"), ("ravdess+nemo", "emodb"), ("ravdess+nemo", "ravdess"))
        for n, k in enumerate(("0", "8", "recording"))
    ]
    folder = write_results(tmp_path)
    assert strangers(Source(folder)) == ""
    pd.DataFrame(rows, columns=columns).to_csv(folder / "corpora.csv", index=False)
    told = strangers(Source(folder))
    assert "40.0, 41.0, 42.0 on EMO-DB;" in told and "on nEMO" not in told and "RAVDESS" not in told
