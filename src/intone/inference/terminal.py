"""An `Analysis` -> a table and a coloured timeline, as text for the terminal."""

import io

from rich.console import Console
from rich.table import Table
from rich.text import Text

from intone.audio.account import line
from intone.emotions import colours_of
from intone.inference.result import UNSURE, Analysis
from intone.names import printable

SIGNS = {UNSURE: ("○", "░")}
"""Signs of a segment and in the timeline, where they aren't ● and █: "unsure" has the terminal's own colour, and signs
of its own, which are clear without colours, too."""


def clock(seconds: float) -> str:
    """`1:02:03.4`, hours only where there are any."""
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def rendered(analysis: Analysis, colours: bool, width: int) -> str:
    """Everything about a recording; without `colours` it is plain text."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=colours, width=width, color_system="truecolor" if colours else None)
    facts = [clock(analysis.duration), analysis.language or "", "" if len(analysis.segments) else "no speech"]
    console.print(Text(" · ".join([_title(analysis), *filter(None, facts)]), style="bold"))
    console.print(Text(line(analysis.account), style="dim"))
    if len(analysis.segments):
        console.print(_table(analysis))
        console.print(timeline(analysis, width))
    return out.getvalue()


def summary(analysis: Analysis) -> str:
    """One line: how many segments, and the emotion that lasts longest."""
    if not len(analysis.segments):
        return f"{_title(analysis)}: no speech · {line(analysis.account)}"
    lasting: dict[str, float] = {}
    for (_, start, end), emotion in zip(analysis.segments.index, analysis.segments["emotion"], strict=True):
        lasting[emotion] = lasting.get(emotion, 0.0) + end - start
    most = max(lasting, key=lasting.__getitem__)
    share = 100 * lasting[most] / sum(lasting.values())
    count = len(analysis.segments)
    found = f"{count} segment{'s' * (count > 1)}, {share:.0f} % of the speech {most}"
    return f"{_title(analysis)}: {found} · {line(analysis.account)}"


def _title(analysis: Analysis) -> str:
    """Its name, with the part's where it is one."""
    part = "" if analysis.begin is None else f" {clock(analysis.begin)} – {clock(analysis.end)}"
    called = f" ({printable(analysis.id)})" if analysis.id else ""
    return f"{printable(analysis.file)}{part}{called}"


def _table(analysis: Analysis) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("start", justify="right", no_wrap=True)
    table.add_column("end", justify="right", no_wrap=True)
    if analysis.speakers:
        table.add_column("speaker", no_wrap=True)
    table.add_column("emotion", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("words", overflow="fold")
    colours = colours_of(analysis.labels)
    rows = analysis.segments[["text", "emotion", "confidence", "speaker"]].itertuples()
    for (_, start, end), text, emotion, confidence, speaker in rows:
        mark = Text.assemble((f"{_signs(emotion)[0]} ", colours.get(emotion, "")), emotion)
        who = [Text(printable(speaker or ""))] if analysis.speakers else []
        table.add_row(clock(start), clock(end), *who, mark, f"{100 * confidence:.0f} %", Text(text))
    return table


def timeline(analysis: Analysis, width: int) -> Text:
    """One line for the whole recording: each column in the colour of its segment, then a legend of the colours."""
    step, begin = analysis.duration / width, analysis.begin or 0.0
    columns = ["" for _ in range(width)]
    for (_, start, end), emotion in zip(analysis.segments.index, analysis.segments["emotion"], strict=True):
        for column in range(int((start - begin) / step), min(width, int((end - begin) / step) + 1)):
            columns[column] = emotion
    text, colours = Text(), colours_of(analysis.labels)
    for emotion in columns:
        text.append(_signs(emotion)[1] if emotion else "·", colours.get(emotion, ""))
    text.append("\n")
    for emotion in [e for e in (*colours, UNSURE) if e in columns]:
        text.append(f"{_signs(emotion)[1]} ", colours.get(emotion, "")).append(f"{emotion}  ")
    return text


def _signs(emotion: str) -> tuple[str, str]:
    return SIGNS.get(emotion, ("●", "█"))
