"""An `Analysis` -> JSON, CSV, TSV: for programs and spreadsheets; times in seconds."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from intone.audio.account import Account
from intone.emotions import DIMENSIONS
from intone.inference.result import Analysis, Segment, table
from intone.names import cell, readable


def as_json(analysis: Analysis) -> str:
    """`{file, duration, model, language, account, segments: [{start, end, text, language, emotion, …}]}`.

    `account` says how each second was used (audio/account.py). A segment's `audio` holds the audio branch's
    probabilities, `words` Whisper's words with its keys; `sentence`, the text branch's probabilities, is there only
    where the words were used too, `warnings` only where there are any. `speaker` is null where that isn't known;
    `adapted` says with how many other sentences of the same voice the emotion was predicted; `dimensions`, ratings from
    0 to 1, are there only with a model that rates them. Of a part of a recording `part` says where it begins and ends,
    and `duration` how long it is; all times are those of the whole recording. `id` is there where a list gives ids.
    """
    return json.dumps(as_dict(analysis), ensure_ascii=False, indent=1) + "\n"


def as_dict(analysis: Analysis) -> dict[str, Any]:
    """What `as_json` writes, as plain Python values."""
    found: dict[str, Any] = {
        "file": analysis.file,
        **({} if analysis.id is None else {"id": readable(analysis.id)}),
        **({} if analysis.begin is None else {"part": _part(analysis)}),
        "duration": round(analysis.duration, 3),
        "model": analysis.model,
        "language": analysis.language,
        "account": _account(analysis.account),
        "segments": [
            _segment(*pair, analysis.labels) for pair in zip(analysis.segments.index, _rows(analysis), strict=True)
        ],
    }
    return found | ({"warnings": list(analysis.warnings)} if analysis.warnings else {})


def _part(analysis: Analysis) -> dict[str, float]:
    return {"start": round(analysis.begin or 0.0, 3), "end": round(analysis.end, 3)}


def _account(account: Account) -> dict[str, Any]:
    left_out = [{"start": round(p.start, 3), "end": round(p.end, 3), "reason": p.reason} for p in account.left_out]
    seconds = {name: round(value, 3) for name, value in asdict(account).items() if name != "left_out"}
    return {**seconds, "left_out": left_out}


def _rows(analysis: Analysis) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in analysis.segments.to_dict("records")]


def segment_dict(segment: Segment) -> dict[str, Any]:
    """One segment as it stands in the JSON."""
    labels = list(segment.probabilities)
    rows = table("", [segment], labels, list(segment.dimensions))
    return _segment(rows.index[0], {str(k): v for k, v in rows.to_dict("records")[0].items()}, labels)


def _segment(key: tuple[str, float, float], row: Mapping[str, Any], labels: list[str]) -> dict[str, Any]:
    said = {"sentence": _rounded(row["sentence"])} if row["sentence"] else {}
    rated = {name: row[name] for name in DIMENSIONS if name in row}
    return {
        "start": round(key[1], 3),
        "end": round(key[2], 3),
        "text": row["text"],
        "language": row["language"],
        "emotion": row["emotion"],
        "confidence": round(row["confidence"], 4),
        "probabilities": _rounded({label: row[label] for label in labels}),
        "audio": _rounded(row["audio"]),
        **said,
        "speaker": row["speaker"],
        "adapted": row["adapted"],
        **({"dimensions": _rounded(rated)} if rated else {}),
        "words": [dict(word) for word in row["words"]],
    }


def _rounded(probabilities: Mapping[str, float]) -> dict[str, float]:
    return {emotion: round(float(p), 4) for emotion, p in probabilities.items()}


def as_csv(analysis: Analysis) -> str:
    """One row per segment: file, start, end, text, language, emotion, confidence, probabilities, emotion from audio,
    speaker, adapted (other sentences of that voice that are known), dimensions where they are rated, and id where a
    list of recordings gives ids.

    A file name or a text that a spreadsheet would run as a formula gets an apostrophe before it.
    """
    return _separated(analysis, ",")


def as_tsv(analysis: Analysis) -> str:
    """A table with tabs between columns; otherwise like `as_csv`."""
    return _separated(analysis, "\t")


def _separated(analysis: Analysis, mark: str) -> str:
    flat = pd.DataFrame(analysis.segments.drop(columns=["sentence", "words"])).reset_index()
    flat["file"] = [cell(name) for name in flat["file"]]
    flat["text"] = [cell(text) for text in flat["text"]]
    flat["speaker"] = [cell(name or "") for name in flat["speaker"]]
    flat["audio"] = [max(said, key=said.__getitem__) if said else "" for said in flat["audio"]]
    if analysis.id is not None:
        flat["id"] = cell(readable(analysis.id))
    # Python's writer quotes a cell with a carriage return only where lines end in one.
    text: str = flat.round(4).to_csv(sep=mark, lineterminator="\r\n", index=False)
    return text.replace("\r\n", "\n")
