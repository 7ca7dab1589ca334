"""The command line: what it lists, what it says to a typo, and how it fails."""

import os
import subprocess
import sys

import pytest

from intone.cli import BY_NAME, COMMANDS, main


def run(*words: str, capsys) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(words)
    out = capsys.readouterr()
    return int(stop.value.code or 0), out.out, out.err


def test_help_lists_every_command(capsys):
    code, out, _ = run("--help", capsys=capsys)
    assert code == 0
    assert all(f"{command.name} " in out and command.line in out for command in COMMANDS)


@pytest.mark.parametrize("name", [n for n in BY_NAME if n != "bench"])
def test_each_command_has_its_own_help(name, capsys):
    code, out, _ = run(*name.split(), "--help", capsys=capsys)
    assert code == 0
    assert f"intone {name}" in out
    assert len(out) > 200


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (("reproduse",), "reproduce"),
        (("data", "chek"), "data check"),
        (("model", "list"), "models"),
        (("dmeo",), "demo"),
    ],
)
def test_a_typo_gets_did_you_mean(typed, meant, capsys):
    code, _, err = run(*typed, capsys=capsys)
    assert code == 2
    assert f"did you mean `intone {meant}" in err


def test_a_group_alone_names_its_commands(capsys):
    code, _, err = run("data", capsys=capsys)
    assert code == 2
    assert "`intone data check`" in err


def test_missing_data_is_one_sentence_with_the_command(tmp_path, capsys):
    code, _, err = run("data", "check", str(tmp_path / "nowhere"), capsys=capsys)
    assert code == 1
    assert err.count("\n") == 1
    assert "intone data get ravdess" in err


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["models", "list"], ["analyze", "--help"], ["nonsense"]])
def test_output_that_nobody_reads_ends_it_quietly(words):
    """As `| head` does, but sure to have gone before the first line is written."""
    there, here = os.pipe()
    os.close(there)
    code = "import sys; from intone.cli import main; main(sys.argv[1:])"
    both = {"stderr": here} if words == ["nonsense"] else {"stderr": subprocess.PIPE}
    done = subprocess.run([sys.executable, "-c", code, *words], stdout=here, check=False, **both)
    os.close(here)
    assert done.returncode == 141 and not done.stderr
