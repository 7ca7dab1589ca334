"""An `Analysis` -> a Parquet file: a part of one data set, the folder of a run, that databases read as a whole.

The schema depends on the model's labels, and on whether dimensions are rated, and never on what was found:

    file string, start double, end double (s), text string, language string, emotion string, confidence double,
    LABEL double ..., audio_LABEL double ..., sentence_LABEL double ... (null without words), speaker string,
    adapted int32, arousal double, dominance double, valence double (where they are rated),
    words list<struct<word string, start double, end double, probability double>>, model string,
    id string (what a list of recordings calls the part; null without)
"""

import io
from collections.abc import Sequence
from typing import Any

import pandas as pd

from intone.errors import Missing, brought_by
from intone.inference.result import Analysis
from intone.names import readable


def parquet(analysis: Analysis) -> bytes:
    """One row a sentence; a recording without speech is a file without rows. Raises Missing without pyarrow."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as problem:
        raise Missing(f"Parquet needs pyarrow: {brought_by('archives')}.") from problem
    made = pyarrow.Table.from_pylist(rows(analysis), schema=schema(analysis.labels, analysis.segments.dimensions))
    out = io.BytesIO()
    pyarrow.parquet.write_table(made, out, compression="zstd")
    return out.getvalue()


def schema(labels: Sequence[str], dimensions: Sequence[str] = ()) -> Any:
    """The columns of a model with these labels, and one of dimensions, as pyarrow has them."""
    import pyarrow as pa

    number, text = pa.float64(), pa.string()
    word = pa.struct([("word", text), ("start", number), ("end", number), ("probability", number)])
    return pa.schema(
        [
            *[("file", text), ("start", number), ("end", number), ("text", text), ("language", text)],
            *[("emotion", text), ("confidence", number)],
            *[(f"{kind}{label}", number) for kind in ("", "audio_", "sentence_") for label in labels],
            *[("speaker", text), ("adapted", pa.int32()), *((name, number) for name in dimensions)],
            *[("words", pa.list_(word)), ("model", text), ("id", text)],
        ]
    )


def rows(analysis: Analysis) -> list[dict[str, Any]]:
    """Sentences as flat dictionaries, with `schema`'s keys."""
    found = []
    for row in analysis.segments.flat().reset_index().to_dict("records"):
        words = [{name: word[name] for name in ("word", "start", "end", "probability")} for word in row["words"]]
        safe = {name: readable(row[name]) for name in ("file", "text")}
        known = {str(name): None if value is pd.NA else value for name, value in row.items()}
        own = {"words": words, "model": analysis.model, "id": readable(analysis.id) if analysis.id else None}
        found.append(known | safe | own)
    return found
