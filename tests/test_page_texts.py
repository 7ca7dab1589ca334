"""The pages' texts: all in one file, each of them used, none of them missing."""

import json
import re
from importlib import resources
from pathlib import Path

import pytest

from intone.inference.formats.html import SCRIPTS, texts
from intone.inference.serve.assets import FILES

FORMATS = Path(str(resources.files("intone.inference.formats").joinpath("page")))
SERVICE = Path(str(resources.files("intone.inference.serve").joinpath("page")))
PARTS = {
    "result": [FORMATS / name for name in (*(f"{part}.js" for part in SCRIPTS), "result.html")],
    "service": [SERVICE / name for name in FILES if name.endswith(".js")] + [SERVICE / "index.html"],
}


def code(page: str) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in PARTS[page])


@pytest.mark.parametrize("page", PARTS)
def test_every_text_that_is_asked_for_is_there_and_every_other_is_asked_for(page):
    known, source = texts(page), code(page)
    asked = set(re.findall(r'say\("(\w+)"', source)) | set(re.findall(r'data-text="(\w+)"', source))
    assert len(asked) > 30 and asked <= set(known)
    beginnings = tuple(re.findall(r"say\([^`)]*`(\w+)\$\{", source))
    unused = [key for key in known if f'"{key}"' not in source and not key.startswith(beginnings)]
    assert unused == []


@pytest.mark.parametrize("page", PARTS)
def test_the_values_in_a_text_are_those_that_it_is_given(page):
    """Of texts that are asked for by name, with an object of values that stands right there."""
    calls = re.findall(r'say\("(\w+)", \{([^{}]*)\}', code(page))
    assert len(calls) > 8
    for key, given in calls:
        names = {part.split(":")[0].strip() for part in re.sub(r"\([^()]*\)", "", given).split(",") if part.strip()}
        assert set(re.findall(r"\{(\w+)\}", texts(page)[key])) <= names, key


def test_nothing_a_page_shows_is_written_in_its_code():
    """Text nodes of the HTML are names of intone, signs or numbers."""
    for name in (FORMATS / "result.html", SERVICE / "index.html"):
        body = re.sub(r"<(script|style|title)[^>]*>.*?</\1>", "", name.read_text(encoding="utf-8"), flags=re.S)
        shown = set(re.sub(r"<[^>]+>", " ", body).split())
        assert all(word in ("intone", "−", "+") or re.fullmatch(r"[\d.]+", word) for word in shown), shown


def test_the_file_of_texts_is_plain_json():
    data = json.loads((FORMATS / "text.json").read_text(encoding="utf-8"))
    assert set(data) == set(PARTS) and all(text.strip() for part in data.values() for text in part.values())
