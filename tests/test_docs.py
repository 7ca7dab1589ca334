"""The page on output formats shows what is really written; `python tests/test_docs.py` writes that part anew."""

from pathlib import Path

import numpy as np

from intone.asr.alignment import Word
from intone.audio.account import Account
from intone.emotions import EMOTIONS
from intone.inference.formats import FORMATS
from intone.inference.result import Analysis, Segment, curve, table

PAGE = Path(__file__).parent.parent / "docs" / "analyze.md"
HEAD = "## Formats\n"
LABELS = "".join(f'    <Label value="{e}"/>\n' for e in (*EMOTIONS, "unsure"))
INTERFACE = f"""Label Studio's labelling interface for it:

```xml
<View>
  <Labels name="emotion" toName="audio">
{LABELS}  </Labels>
  <Labels name="speaker" toName="audio"/>
  <Audio name="audio" value="$audio"/>
  <TextArea name="text" toName="audio" perRegion="true"/>
</View>
```
"""


def example() -> Analysis:
    """Two segments of a made-up recording."""

    def chances(emotion: str, p: float) -> dict[str, float]:
        return {e: p if e == emotion else (1 - p) / 7 for e in EMOTIONS}

    words = [
        Word(word=" Kids", start=0.5, end=0.8, probability=0.98),
        Word(word=" shout.", start=0.8, end=1.4, probability=0.9),
    ]
    segments = [
        Segment(
            0.5,
            1.4,
            chances("angry", 0.825),
            "angry",
            "Kids shout.",
            words,
            chances("angry", 0.825),
            {},
            "en",
            "anna",
            1,
        ),
        Segment(2.0, 2.9, chances("calm", 0.65), "calm", "", (), chances("calm", 0.65), {}, "en", "anna", 1),
    ]
    rows = [np.array(list(s.probabilities.values())) for s in segments]
    account = Account(3.0, 3.0, 1.8, 0.9)
    return Analysis(
        "a.wav", 3.0, "example", "en", table("a.wav", segments), curve("a.wav", [0.95, 2.45], rows), account=account
    )


def formats_part() -> str:
    """The table of formats, and the beginning of each."""
    out = [HEAD, "`-o DIR` gets `DIR/STEM.FORMAT`, with the ending that the program wants:\n"]
    out += ["| `-f` | file | opened by |", "|---|---|---|"]
    out += [f"| `{name}` | `STEM{f.ending}` | {f.opened_by} |" for name, f in FORMATS.items()]
    out.append("")
    for name, form in FORMATS.items():
        if name == "html":
            out.append(
                "**html**: one page with the sound in it: waveform, spectrogram, sentences, speakers, probabilities.\n"
            )
            continue
        if not form.text:
            out.append(f"**{name}**: {form.opened_by}; [archives](archives.md) says what is in it.\n")
            continue
        lines = form.encoded(example()).decode().splitlines()
        some = [line.rstrip() for line in lines[:32]] + (["…"] if len(lines) > 32 else [])
        out.append(f"**{name}**: {form.opened_by}\n\n```\n" + "\n".join(some) + "\n```\n")
    return "\n".join([*out, INTERFACE])


def test_the_page_shows_every_format_as_it_is_written():
    before, head, after = PAGE.read_text(encoding="utf-8").partition(HEAD)
    assert before and head + after == formats_part()


if __name__ == "__main__":
    before = PAGE.read_text(encoding="utf-8").partition(HEAD)[0]
    PAGE.write_text(before.rstrip() + "\n\n" + formats_part(), encoding="utf-8")
