"""Transcripts and the sentences really spoken -> word error rate and exact sentences, in percent, by group."""

from collections.abc import Mapping

import pandas as pd

from intone.emotions import EMOTIONS
from intone.errors import IntoneError, Missing, brought_by
from intone.text import normalise

GROUPS = ("emotion", "intensity", "sex")


def word_error_table(transcripts: pd.DataFrame, clips: pd.DataFrame, sentences: Mapping[str, str]) -> pd.DataFrame:
    """Columns group, value, clips, wer, exact: overall (`all`, `all`), then by emotion, intensity and sex.

    `transcripts` has columns file, text; `clips` is the clip table; `sentences` maps its `statement` to the words
    (`Corpus.sentences`). Tables are joined by `file`; clips without a transcript or without a known sentence don't
    count. Both sides are normalised. `wer` is all substitutions, deletions and insertions of a group over all its
    spoken words (so it can exceed 100); `exact` is the share of clips without any error. Raises IntoneError where no
    clip is left, or a file occurs twice.
    """
    if transcripts["file"].duplicated().any() or clips["file"].duplicated().any():
        raise IntoneError("A file stands twice in the transcripts or in the clip table: each clip counts once.")
    table = clips.merge(transcripts, on="file", how="inner")
    table = table[table["statement"].isin(list(sentences))]
    if table.empty:
        raise IntoneError("No clip has both a transcript and a known sentence: word errors can't be counted.")
    table = table.assign(
        said=[normalise(sentences[statement]) for statement in table["statement"]],
        heard=[normalise(text) for text in table["text"]],
    )
    rows = [("all", "all", *_rates(table))]
    for group in GROUPS:
        found = {str(value): part for value, part in table.groupby(group)}
        rows += [(group, value, *_rates(found[value])) for value in sorted(found, key=_order)]
    return pd.DataFrame(rows, columns=["group", "value", "clips", "wer", "exact"])


def _rates(table: pd.DataFrame) -> tuple[int, float, float]:
    """(clips, word error rate, exact sentences), the last two in percent."""
    try:
        import jiwer
    except ImportError as error:
        raise Missing(f"Word error rates need jiwer: {brought_by('train')}.") from error
    rate = float(jiwer.wer(list(table["said"]), list(table["heard"])))
    return len(table), 100 * rate, 100 * float((table["said"] == table["heard"]).mean())


def _order(value: str) -> tuple[int, str]:
    """Emotions in their own order, everything else by name."""
    return (EMOTIONS.index(value) if value in EMOTIONS else len(EMOTIONS), value)
