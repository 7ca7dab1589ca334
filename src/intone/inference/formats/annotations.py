"""An `Analysis` -> files for annotation programs: Praat TextGrid, RTTM, Audacity labels, Label Studio tasks."""

import json
from typing import Final

from praatio.utilities import textgrid_io
from praatio.utilities.constants import Interval

from intone.inference.formats.subtitles import SAID, caption
from intone.inference.result import Analysis
from intone.names import field, word

UNKNOWN: Final = "unknown"
"""Speaker in RTTM of a segment whose speaker isn't known, where others' are."""


def textgrid(analysis: Analysis) -> str:
    """Praat's long text form: interval tiers `emotion`, `confidence`, `text` and `words`; where speakers are known,
    those of each speaker (`emotion (anna)`), whose segments may overlap another's.
    """
    nobody = analysis.segments["speaker"].isna().any() or not analysis.speakers
    tiers: dict[str, list[tuple[tuple[float, float], str]]] = {}
    for speaker in [*analysis.speakers, *([None] if nobody else [])]:
        tiers |= _tiers(analysis, speaker)
    length = max([analysis.end, *(end for found in tiers.values() for (_, end), _ in found)])
    grid = {
        "xmin": 0.0,
        "xmax": length,
        "tiers": [
            {
                "class": "IntervalTier",
                "name": name,
                "xmin": 0.0,
                "xmax": length,
                "entries": [Interval(start, end, " ".join(label.split())) for (start, end), label in found],
            }
            for name, found in tiers.items()
        ],
    }
    return textgrid_io.getTextgridAsStr(grid, "long_textgrid", includeBlankSpaces=True, minimumIntervalLength=0)


def _tiers(analysis: Analysis, speaker: str | None) -> dict[str, list[tuple[tuple[float, float], str]]]:
    """The tiers of one speaker's segments, or of those whose speaker isn't known: name -> ((start, end), label)."""
    of = analysis.segments["speaker"]
    table = analysis.segments[of.isna() if speaker is None else of == speaker]
    spans = [(start, end) for _, start, end in table.index]
    words = [word for said in table["words"] for word in said]
    tiers = {
        "emotion": list(zip(spans, table["emotion"], strict=True)),
        "confidence": [(span, f"{p:.2f}") for span, p in zip(spans, table["confidence"], strict=True)],
        "text": list(zip(spans, table["text"], strict=True)),
        "words": [((w["start"], w["end"]), w["word"].strip()) for w in words],
    }
    return {name if speaker is None else f"{name} ({speaker})": labels for name, labels in tiers.items()}


def rttm(analysis: Analysis) -> str:
    """NIST's Rich Transcription Time Marked (2009), one SPEAKER line per segment, with the emotion as speaker where it
    isn't known who speaks.

    Such tools identify a recording by the file field: its name without path, extension and blanks.
    """
    name = field(analysis.file)
    labels = analysis.segments["emotion"]
    if analysis.speakers:
        labels = analysis.segments["speaker"].fillna(UNKNOWN)
    rows = zip(analysis.segments.index, labels, strict=True)
    return "".join(
        f"SPEAKER {name} 1 {start:.3f} {end - start:.3f} <NA> <NA> {word(label)} <NA> <NA>\n"
        for (_, start, end), label in rows
    )


def audacity(analysis: Analysis) -> str:
    """Audacity's label track: start, end and caption, with tabs between."""
    rows = analysis.segments[SAID].itertuples()
    return "".join(f"{start:.6f}\t{end:.6f}\t{caption(*said)}\n" for (_, start, end), *said in rows)


def labelstudio(analysis: Analysis) -> str:
    """One Label Studio task with its segments as predictions, for a labelling interface with `emotion` and
    `text`, and with `speaker` where it is known."""
    found = []
    rows = analysis.segments[SAID].itertuples()
    for number, ((_, start, end), text, emotion, confidence, speaker) in enumerate(rows):
        # Of a part the recording's length isn't known.
        length = {} if analysis.begin is not None else {"original_length": round(analysis.duration, 3)}
        common = {"id": f"s{number}", "to_name": "audio", **length}
        where = {"start": round(start, 3), "end": round(end, 3), "channel": 0}
        score = round(confidence, 4)
        label = {"from_name": "emotion", "type": "labels", "value": {**where, "labels": [emotion]}, "score": score}
        found.append(common | label)
        if speaker:
            found.append(common | {"from_name": "speaker", "type": "labels", "value": {**where, "labels": [speaker]}})
        if text:
            found.append(common | {"from_name": "text", "type": "textarea", "value": {**where, "text": [text]}})
    prediction = {"model_version": analysis.model, "result": found}
    task = {"data": {"audio": analysis.file}, "predictions": [prediction]}
    return json.dumps([task], ensure_ascii=False, indent=1) + "\n"
