"""oruk-bench's shards: what is written is read again, answers are counted by language, and nothing is done twice."""

import io

import numpy as np
import pandas as pd
import pytest
import soundfile

from intone.cli import main
from intone.data import csv_corpus
from intone.data.shards import COLUMNS, clips_of, seven, write_shards
from intone.errors import IntoneError
from intone.inference.settings import Settings
from intone.report.shard_answers import NOTHING, SEVEN, answered, by_language, rates

pyarrow = pytest.importorskip("pyarrow")
import pyarrow.parquet as parquet  # noqa: E402


def sound(seconds: float = 0.6, level: float = 0.3) -> bytes:
    made = io.BytesIO()
    tone = level * np.sin(np.arange(round(16_000 * seconds)) * 0.1).astype(np.float32)
    soundfile.write(made, tone, 16_000, format="FLAC")
    return made.getvalue()


def shard(path, *rows):
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    parquet.write_table(pyarrow.Table.from_pandas(table, preserve_index=False), path)
    return path


@pytest.fixture
def analyzer(model_file):
    return Settings(model_file, None, None, 1, one=True).analyzer()


def test_clips_become_shards_and_are_read_again(tmp_path, corpus):
    files = list(write_shards(corpus, "en", tmp_path / "out", most=10))
    assert len(files) == -(-len(corpus.clips) // 10)
    clips = [clip for file in files for clip in clips_of(file)]
    assert [c.source_id for c in clips] == [f"{corpus.name}/{file}" for file in corpus.clips["file"]]
    expected = corpus.clips["emotion"].replace({"calm": "neutral"})
    assert [c.label for c in clips] == expected.tolist() and {c.language for c in clips} == {"en"}
    samples, rate = soundfile.read(io.BytesIO(clips[0].sound))
    assert rate == 16_000 and len(samples) == pytest.approx(16_000 * corpus.clips["duration"].iloc[0], abs=200)
    assert not list((tmp_path / "out").glob(".*"))


@pytest.mark.parametrize(
    ("written", "meant"),
    [("anger", "angry"), ("FEAR", "fearful"), ("calm", "neutral"), ("Surprise", "surprised"), ("boredom", None)],
)
def test_labels_are_known_however_they_are_written(written, meant):
    assert seven(written) == meant


def test_what_is_no_shard_is_refused_in_one_sentence(tmp_path, analyzer):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 cut short")
    with pytest.raises(IntoneError, match="can't be read as Parquet"):
        list(clips_of(tmp_path / "a.parquet"))
    parquet.write_table(pyarrow.table({"label": ["sad"]}), tmp_path / "b.parquet")
    with pytest.raises(IntoneError, match="lacks the columns audio_flac, language, source_id"):
        list(clips_of(tmp_path / "b.parquet"))
    with pytest.raises(IntoneError, match="label 'bored'"):
        list(clips_of(shard(tmp_path / "c.parquet", (sound(), "bored", "en", "1"))))
    with pytest.raises(IntoneError, match="holds no clip"):
        answered(analyzer, [shard(tmp_path / "d.parquet")], None, "key")


def test_answers_are_kept_in_the_shards_own_spelling_and_not_given_twice(tmp_path, analyzer, monkeypatch, capsys):
    rows = [(sound(), "anger", "en", "1"), (sound(level=0.0), "sadness", "en", "2"), (b"none", "neutral", "de", "3")]
    one, out = shard(tmp_path / "one.parquet", *rows), tmp_path / "out"
    first = answered(analyzer, [one], out, "key")
    assert first["label"].tolist() == ["angry", "sad", "neutral"]
    assert first["predicted"].iloc[0] in SEVEN and first["predicted"].tolist()[1:] == [NOTHING, NOTHING]
    assert first[list(SEVEN)].iloc[0].sum() == pytest.approx(1, abs=1e-3)
    assert capsys.readouterr().err.count("counted as wrong") == 2
    kept = pd.read_parquet(out / "one.parquet")
    assert (
        kept["label"].tolist() == ["anger", "sadness", "neutral"]
        and kept["predicted"].isna().tolist()[1:] == [True] * 2
    )
    assert {"anger", "sadness", "happy"} <= set(kept) and "angry" not in kept
    calls = []
    monkeypatch.setattr(analyzer, "file", lambda *given: calls.append(given))
    again = answered(analyzer, [one], out, "key")
    columns = ["source_id", "language", "label", "predicted"]
    assert again[columns].equals(first[columns]) and not calls
    with pytest.raises(TypeError):  # another model is asked again
        answered(analyzer, [one], out, "other key")


def test_rates_by_hand():
    said = [("sad", "sad"), ("sad", "happy"), ("happy", "happy"), ("happy", NOTHING)]
    table = pd.DataFrame(said, columns=["label", "predicted"]).assign(language=["en", "en", "de", "de"])
    got = rates(table)
    assert (got.clips, got.unheard, got.accuracy, got.uar) == (4, 1, 50.0, 50.0)
    assert got.macro_f1 == pytest.approx(100 * (2 / 3 + 1 / 2) / 2)
    found = by_language(table)
    assert list(found) == ["de", "en", "mean", "all clips"]
    assert found["mean"].macro_f1 == pytest.approx((found["en"].macro_f1 + found["de"].macro_f1) / 2)


def test_from_clips_to_a_table_on_the_command_line(tmp_path, corpus, model_file, capsys):
    rows = [f"{corpus.paths[f]},s,{e}" for f, e in zip(corpus.clips["file"][:6], corpus.clips["emotion"], strict=False)]
    (tmp_path / "mine.csv").write_text("\n".join(["file,speaker,emotion", *rows]))
    assert len(csv_corpus.load(tmp_path / "mine.csv").clips) == 6
    main(["data", "pack", str(tmp_path / "shards"), "--table", str(tmp_path / "mine.csv")])
    assert capsys.readouterr().out.strip().endswith("-0000.parquet")
    main(["evaluate", str(tmp_path / "shards"), "--model", str(model_file), "--no-text", "-o", str(tmp_path / "out")])
    assert "macro-F1" in capsys.readouterr().out and len(list((tmp_path / "out").iterdir())) == 1
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", str(tmp_path / "shards"), str(tmp_path / "mine.csv")])
    assert stopped.value.code == 1 and "scored apart" in capsys.readouterr().err
