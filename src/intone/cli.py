"""Command line -> the command's function: a table of names, no logic of its own."""

import difflib
import errno
import importlib
import io
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import tyro

from intone.errors import IntoneError, brought_by
from intone.names import printable


@dataclass(frozen=True)
class Command:
    """One command; the function's docstring is its help, its parameters are its flags."""

    name: str
    function: str
    """module:function."""
    line: str
    """What it does, in the overview."""
    extra: str = ""
    """What it needs beyond the core install."""


COMMANDS: Final = (
    Command("data get", "data.commands:data_get", "Download a corpus (ravdess, goemotions)."),
    Command(
        "data pack", "data.commands:data_pack", "Write labelled clips as Parquet shards for benchmarks.", "archives"
    ),
    Command("data check", "data.commands:data_check", "Verify that RAVDESS is complete and unaltered."),
    Command(
        "data show",
        "report.commands:data_show",
        "Plot a corpus: counts, durations, loudness, pitch, spectrograms.",
        "report",
    ),
    Command("models get", "inference.commands:models_get", "Download pretrained weights; verify their sha256."),
    Command(
        "models list",
        "inference.commands:models_list",
        "List the weights and models that intone knows, their licences, and which are installed.",
    ),
    Command(
        "analyze",
        "inference.batch:analyze",
        "Predict the emotion of each sentence in recordings; write the results in twelve formats.",
    ),
    Command("voice add", "inference.voice_commands:voice_add", "Make a profile of a person's voice; no sound is kept."),
    Command("voice list", "inference.voice_commands:voice_list", "List the voices that are known."),
    Command("voice remove", "inference.voice_commands:voice_remove", "Forget a voice."),
    Command(
        "listen", "inference.microphone:listen", "Predict the emotion of the voice at the microphone, twice a second."
    ),
    Command(
        "serve",
        "inference.serve:serve",
        "Start a web page and an HTTP service on this machine that analyse recordings.",
        "serve",
    ),
    Command("transcribe", "asr.transcribe:transcribe", "Transcribe recordings."),
    Command("train", "training.train:train", "Train and evaluate one model under one protocol.", "train"),
    Command(
        "tune", "training.tune:tune", "Search a model's settings, for each fold on its training speakers alone.", "tune"
    ),
    Command(
        "evaluate",
        "report.commands:evaluate",
        "Score a predictions table of any system, or a model on a benchmark's shards.",
        "report",
    ),
    Command(
        "export",
        "export.commands:export",
        "Convert a finished run, or a classifier of transformers, into one ONNX file.",
        "train",
    ),
    Command("calibrate", "export.calibrate:calibrate", "Fit a model's confidence to labelled clips.", "train"),
    Command(
        "reproduce",
        "experiments.reproduce:reproduce",
        "Run the whole experiment on RAVDESS and write results/.",
        "train",
    ),
    Command("demo", "experiments.demo:demo", "Run the whole pipeline on synthetic speech; no dataset needed.", "train"),
    Command("bench", "experiments.benchmark:bench", "Measure the cost of inference, as ratios.", "train"),
    Command(
        "results readme", "report.commands:results_readme", "Write the result tables into README.md and docs/.", "train"
    ),
    Command(
        "robustness",
        "experiments.robustness:robustness",
        "Test models on increasingly distorted audio, and on sounds without speech.",
        "train",
    ),
    Command(
        "elsewhere",
        "experiments.cross_corpus:elsewhere",
        "Test a model of RAVDESS alone on another corpus, EMO-DB.",
        "train",
    ),
    Command(
        "leaks",
        "experiments.leakage:leaks",
        "Train probes with one deliberate data leak each, to show how much it inflates the score.",
        "train",
    ),
    Command(
        "explain",
        "experiments.explain:explain",
        "Compute explanations: saliency, attention, word importance, the hardest clips.",
        "train",
    ),
    Command(
        "adaptation",
        "experiments.adaptation:adaptation",
        "Test speaker-adaptive models by how many other clips of a voice are known.",
        "train",
    ),
    Command(
        "conversations",
        "experiments.conversations:conversations",
        "Test telling voices apart in conversations, and what it is worth.",
        "train",
    ),
    Command(
        "speakers",
        "experiments.training_speakers:training_speakers",
        "Test how much more training speakers are worth to a probe of a frozen encoder.",
        "train",
    ),
    Command(
        "layers",
        "experiments.layers:layers",
        "Test a probe of Whisper-small on each of its layers, and on sentences that are not in training.",
        "train",
    ),
    Command(
        "functionals",
        "experiments.functionals:functionals",
        "Train and publish baselines on openSMILE's functionals, eGeMAPS and ComParE.",
        "opensmile",
    ),
    Command(
        "variation",
        "experiments.variation:variation",
        "Train the CNN from other seeds, and without parts of its training.",
        "train",
    ),
    Command(
        "redraws",
        "experiments.redraws:redraws",
        "Pair clips and comments otherwise, and fuse again, from published predictions.",
        "train",
    ),
    Command(
        "diarization",
        "experiments.diarization:diarization",
        "Test who speaks when in recordings put together from clips.",
        "train",
    ),
    Command(
        "corpora",
        "experiments.corpora:corpora",
        "Test what is learned from some corpora on another one, plain and adapted to each speaker.",
        "train",
    ),
    Command(
        "adaptive",
        "export.voices:adaptive",
        "Give a model file what it needs to adapt to voices, from labelled clips.",
        "train",
    ),
    Command("cost", "experiments.cost:cost", "Measure the time and memory of inference on one core.", "train"),
    Command(
        "report",
        "report.commands:report",
        "Build the report (PDF, DOCX, HTML) from results/ alone.",
        "report",
    ),
)

BY_NAME: Final = {command.name: command for command in COMMANDS}

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
    name = next((n for n in (" ".join(words[:2]), words[0]) if n in BY_NAME), None)
    if name is None:
        sys.exit(_unknown(words))
    command = BY_NAME[name]
    module, function = command.function.split(":")
    try:
        called = getattr(importlib.import_module(f"intone.{module}"), function)
        tyro.cli(called, args=words[len(name.split()) :], prog=f"intone {name}")
    except IntoneError as problem:
        _say(f"intone: {problem}")
        sys.exit(problem.code)
    except ModuleNotFoundError as problem:
        _say(f"intone: `intone {name}` needs {problem.name}: {brought_by(command.extra or 'train')}.")
        sys.exit(1)
    except KeyboardInterrupt:
        _say("intone: stopped; what was finished is kept, and the same command goes on.")
        sys.exit(130)


def overview() -> str:
    """All commands, a line each."""
    width = max(map(len, BY_NAME))
    lines = [f"  {command.name:{width}s}  {command.line}" for command in COMMANDS]
    return "\n".join(
        ["intone: recognise emotion in speech, from audio and words", "", "commands (each has its own --help):", *lines]
    )


def _unknown(words: Sequence[str]) -> int:
    typed = " ".join(words[:2]) if any(n.startswith(words[0] + " ") for n in BY_NAME) else words[0]
    heads = {n.split()[0]: n for n in BY_NAME}
    near = difflib.get_close_matches(typed, [*BY_NAME, *heads], 1, 0.5)
    group = [n for n in BY_NAME if n.startswith(words[0] + " ")]
    hint = f"did you mean `intone {near[0]}`?" if near else "`intone --help` lists them all."
    if group and len(words) == 1:
        hint = "it takes one of: " + ", ".join(f"`intone {n}`" for n in group) + "."
    print(f"intone: there is no command `{typed}`: {hint}", file=sys.stderr)
    return 2
