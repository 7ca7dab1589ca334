"""Command line -> the command's function: a table of names, no logic of its own."""

import difflib
import errno
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Final

import tyro

from intone.errors import IntoneError, brought_by
from intone.names import printable

COMMANDS = {
    "data get": "intone.commands:data_get",
    "data check": "intone.commands:data_check",
    "data show": "intone.commands:data_show",
    "models get": "intone.commands:models_get",
    "models list": "intone.commands:models_list",
    "analyze": "intone.inference.batch:analyze",
    "listen": "intone.inference.microphone:listen",
    "serve": "intone.inference.serve:serve",
    "transcribe": "intone.asr.transcribe:transcribe",
    "train": "intone.commands:train",
    "evaluate": "intone.commands:evaluate",
    "export": "intone.commands:export",
    "reproduce": "intone.experiments.reproduce:Reproduce",
    "demo": "intone.experiments.demo:demo",
    "bench": "intone.experiments.benchmark:bench",
    "results readme": "intone.commands:results_readme",
    "robustness": "intone.experiments.robustness:Robustness",
    "elsewhere": "intone.experiments.cross_corpus:Elsewhere",
    "leaks": "intone.experiments.leakage:Leaks",
    "explain": "intone.experiments.explain:Explain",
    "cost": "intone.experiments.cost:Cost",
    "report": "intone.commands:report",
}
"""What is typed -> module:function; its docstring is its help, its parameters are its flags."""

LINES = {
    "data get": "Fetch a corpus (ravdess, goemotions).",
    "data check": "Verify that RAVDESS is whole and is the published one.",
    "data show": "Draw what is in a corpus: counts, durations, loudness, pitch, spectrograms.",
    "models get": "Fetch pretrained weights by name, checked by sha256.",
    "models list": "List the weights intone knows, their licences, and which are here.",
    "analyze": "Say which emotion each sentence of any recording carries, and write it down in eleven formats.",
    "listen": "The microphone's emotion, twice a second.",
    "serve": "A page and a service on this machine: a recording goes in, its emotions come out.",
    "transcribe": "Write down the words of recordings.",
    "train": "Train and judge one model under one protocol.",
    "evaluate": "Score any predictions table.",
    "export": "Make one ONNX file of a finished run.",
    "reproduce": "Run the whole experiment on RAVDESS and write results/.",
    "demo": "Run the whole road on synthetic speech, with no dataset at hand.",
    "bench": "Measure what inference costs, as ratios.",
    "results readme": "Write the table of results into the README.",
    "robustness": "Measure models on worse and worse sound, and on sounds without speech.",
    "elsewhere": "Measure the package's model on another corpus, EMO-DB.",
    "leaks": "Train probes with one deliberate leak each, to show what it is worth.",
    "explain": "Write what models look at: saliency, attention, words, the hardest clips.",
    "cost": "Measure what inference costs on one core.",
    "report": "Write the report (PDF, DOCX, HTML) from results/ alone.",
}

EXTRAS = {"data show": "report", "evaluate": "report", "report": "report", "serve": "serve"}
"""Command -> what it needs beyond the core, where that isn't the training libraries."""

UNREAD: Final = 128 + 13
"""Exit status where what reads the output has gone, as `head` does: what shells say of a command that SIGPIPE ended."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command; exit status 1 for what the user can mend, 2 for a wrong command, 3 where only some files of a
    batch were done, 130 for Ctrl-C, 141 (as of any command that is ended so) where nobody reads its output any more."""
    try:
        try:
            _run(argv)
        finally:
            for stream in filter(None, (sys.stdout, sys.stderr)):
                stream.flush()
    except BrokenPipeError:
        _hush()
        sys.exit(UNREAD)
    except OSError as problem:
        remedy = "free space there" if problem.errno == errno.ENOSPC else "check that path and its permissions"
        _say(f"intone: {problem}: {remedy}; what was finished is kept.")
        _hush()
        sys.exit(1)


def _hush() -> None:
    """What waits for a stream that can't be written any more goes nowhere, instead of failing again as Python ends."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _say(line: str) -> None:
    print(printable(line), file=sys.stderr, flush=True)


def _run(argv: Sequence[str] | None) -> None:
    words = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")  # a sign that a terminal can't write never ends a batch
    if not words or words[0] in ("-h", "--help"):
        print(overview())
        sys.exit(0)
    if words[0] == "--version":
        from intone.version import __version__

        print(__version__)
        sys.exit(0)
    name = next((n for n in (" ".join(words[:2]), words[0]) if n in COMMANDS), None)
    if name is None:
        sys.exit(_unknown(words))
    module, function = COMMANDS[name].split(":")
    try:
        command = getattr(importlib.import_module(module), function)
        made = tyro.cli(command, args=words[len(name.split()) :], prog=f"intone {name}")
        if hasattr(made, "run"):  # a command whose flags are a dataclass
            made.run()
    except IntoneError as problem:
        _say(f"intone: {problem}")
        sys.exit(problem.code)
    except ModuleNotFoundError as problem:
        _say(f"intone: `intone {name}` needs {problem.name}: {brought_by(EXTRAS.get(name, 'train'))}.")
        sys.exit(1)
    except KeyboardInterrupt:
        _say("intone: stopped; what was finished is kept, and the same command goes on.")
        sys.exit(130)


def overview() -> str:
    """All commands, a line each."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}s}  {line}" for name, line in LINES.items()]
    return "\n".join(
        ["intone: how something is said, and what is said", "", "commands (each has its own --help):", *lines]
    )


def _unknown(words: Sequence[str]) -> int:
    typed = " ".join(words[:2]) if any(n.startswith(words[0] + " ") for n in COMMANDS) else words[0]
    heads = {n.split()[0]: n for n in COMMANDS}
    near = difflib.get_close_matches(typed, [*COMMANDS, *heads], 1, 0.5)
    group = [n for n in COMMANDS if n.startswith(words[0] + " ")]
    hint = f"did you mean `intone {near[0]}`?" if near else "`intone --help` lists them all."
    if group and len(words) == 1:
        hint = "it takes one of: " + ", ".join(f"`intone {n}`" for n in group) + "."
    print(f"intone: there is no command `{typed}`: {hint}", file=sys.stderr)
    return 2
