"""Every remedy works: the commands, flags, variables, extras and pages that sentences name are there, as named.

Sentences are those of the source (what is raised, said, or shown as help), of the documents and of the page; they are
found, not listed, so that a new one is checked as well.
"""

import ast
import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tyro.extras import get_parser

from intone import weights
from intone.cli import BY_NAME, COMMANDS
from intone.data.corpora import NAMED

ROOT = Path(__file__).parent.parent
SOURCE = sorted((ROOT / "src" / "intone").rglob("*.py"))
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "MODEL_CARD.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "report" / "intone-report.md",
    *sorted((ROOT / "src" / "intone").rglob("*.html")),
    *sorted((ROOT / "src" / "intone" / "report" / "templates").rglob("*.*")),
    ROOT / "notebooks" / "tour.ipynb",
]
HEADS = "|".join(sorted({name.split()[0] for name in BY_NAME}))
GAP = "X"
"""Stands for what a sentence fills in."""


@cache
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@cache
def flags(name: str) -> frozenset[str]:
    """All that a command takes, as it is typed."""
    module, function = BY_NAME[name].function.split(":")
    parser = get_parser(getattr(importlib.import_module(f"intone.{module}"), function))
    return frozenset(flag for action in parser._actions for flag in action.option_strings)


@cache
def read_variables() -> frozenset[str]:
    """Variables of the environment that the source reads; each corpus names its own."""
    found = set()
    for path in SOURCE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Call, ast.Subscript)) and "environ" in ast.unparse(node).split("(")[0]:
                found |= {n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return frozenset(found | {corpus.variable for corpus in NAMED.values()})


def brought(extra: str) -> set[str]:
    """The libraries of an extra, or of the core for ""."""
    lines = project()["optional-dependencies"][extra] if extra else project()["dependencies"]
    names = {re.split(r"[<>=\[]", line)[0] for line in lines}
    deeper = [re.findall(r"intone\[(\w+)\]", line) for line in lines]
    return names.union(*(brought(inner) for found in deeper for inner in found))


def wrong_command(typed: str) -> list[str]:
    """What is wrong with `intone ...`."""
    words = shlex.split(typed.split("#")[0].split("|")[0].split("&&")[0].replace("…", ""))[1:]
    if not words or words[0].startswith("--") or words[0].isupper():  # `intone X ...`
        return []
    name = next((n for n in (" ".join(words[:2]), words[0]) if n in BY_NAME), None)
    if name is None:
        return [] if words in [[n.split()[0]] for n in BY_NAME] else [f"there is no command `{typed}`"]
    given = {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    out = [f"`intone {name}` takes no {flag}" for flag in sorted(given - flags(name))]
    rest = [word for word in words[len(name.split()) :] if not word.startswith("-")]
    known = {"models get": [*weights.known()], "data get": ["ravdess", "goemotions"]}.get(name)
    if known and rest and not given and not rest[0].isupper() and rest[0] not in known:
        out.append(f"`intone {name}` knows no {rest[0]}")
    return out


def wrong(text: str, sentence: bool = True) -> list[str]:
    """What a text names that isn't there; in a `sentence` flags are intone's, and commands stand between backticks."""
    # Alone it is what a sentence is made with elsewhere.
    alone = re.fullmatch(rf"intone ({HEADS})\b[^.:]*", text)
    commands = [text] if alone else re.findall(r"`(intone [^`]+)`", text)
    missing = [problem for command in commands for problem in wrong_command(command)]
    if sentence and not alone:
        bare = re.sub(r"`[^`]*`", "", text)
        missing += [f"{found} stands without backticks" for found in re.findall(rf"\bintone (?:{HEADS})\b", bare)]
        typed = re.findall(r"(?<![\w-])(?:--[a-z][a-z-]*|-[a-z]\b)", bare)
        missing += [f"no command takes {flag}" for flag in typed if not any(flag in flags(name) for name in BY_NAME)]
    missing += [f"nothing reads {v}" for v in re.findall(r"\bINTONE_[A-Z0-9_]+", text) if v not in read_variables()]
    missing += ["intone is not on the registry"] * ("intone[" in text or "pip install intone" in text)
    for extras in re.findall(r"\.\[([a-z,]+)\]", text):
        missing += [f"no extra {e}" for e in extras.split(",") if e not in project()["optional-dependencies"]]
    for library in re.findall(r"pip install ([A-Za-z][\w-]*)", text):
        missing += [f"{library} is none of intone's libraries"] * (library not in brought(""))
    pages = re.findall(r"\b(?:docs|tests|notebooks)/[\w./-]+\.\w+", text)
    return missing + [f"there is no {page}" for page in pages if not (ROOT / page).exists()]


def texts(path: Path) -> Iterator[tuple[str, bool]]:
    """Every string of a module, gaps filled in, and whether it is a sentence (of three words or more, no docstring)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(p.value) if isinstance(p, ast.Constant) else GAP for p in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            text = node.value
        else:
            continue
        yield text, id(node) not in documented and text.count(" ") >= 2


@pytest.mark.parametrize("path", SOURCE, ids=lambda path: str(path.relative_to(ROOT / "src" / "intone")))
def test_what_the_source_names_is_there(path):
    assert [problem for text, sentence in texts(path) for problem in wrong(text, sentence)] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_what_documents_name_is_there(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        text = text.replace("`", "")  # JavaScript's own
    fenced = "\n".join(re.findall(r"^```\w*\n(.*?)^```", text, re.S | re.M))
    commands = re.findall(rf"^intone (?:{HEADS}).*$", fenced, re.M)
    problems = wrong(re.sub(r"^```.*?^```", "", text, flags=re.S | re.M), sentence=False) + wrong(
        fenced, sentence=False
    )
    assert problems + [problem for command in commands for problem in wrong_command(command)] == []


def test_an_extra_brings_the_library_that_is_wanted():
    """`X needs jiwer: {brought_by('train')}` and the like, wherever they stand, and what the command line says."""
    pairs = []
    for path in SOURCE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found = re.search(r"needs? ([\w-]+): \{brought_by\('(\w+)'\)\}", ast.unparse(node))
                pairs += [found.groups()] if found else []
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "brought_by":
                [argument] = node.args
                if isinstance(argument, ast.Constant):
                    assert argument.value in project()["optional-dependencies"], path
    assert len(pairs) >= 5 and [pair for pair in pairs if pair[0] not in brought(pair[1])] == []
    assert {command.extra for command in COMMANDS} <= {"", *project()["optional-dependencies"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Get them with `intone modles get X`.", "no command"),
        ("Get them with `intone models get whisper-bass`.", "knows no whisper-bass"),
        ("Try `intone analyze X --worker 1`.", "takes no --worker"),
        ("intone reproduce --everything", "takes no --everything"),
        ("It was ended: try --wrokers 1.", "no command takes --wrokers"),
        ("It can't be written: choose another with -p.", "no command takes -p"),
        ("It is where INTONE_NOWHERE says.", "nothing reads INTONE_NOWHERE"),
        ('It needs more: pip install "intone[serve]".', "not on the registry"),
        ('It needs more: pip install ".[server]".', "no extra server"),
        ("It needs more: pip install faster-wisper.", "none of intone's libraries"),
        ("All of it is in docs/analyse.md, one by one.", "no docs/analyse.md"),
    ],
)
def test_a_remedy_that_does_not_work_is_seen(text, said):
    assert [problem for problem in wrong(text) if said in problem]


def test_sentences_are_found():
    every = [text for path in SOURCE for text, sentence in texts(path) if sentence]
    assert sum("`intone " in text for text in every) > 20 and sum("--" in text for text in every) > 10
