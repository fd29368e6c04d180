"""`r1` as a whole: what it says alone, its helps, and how it ends."""

import argparse
import subprocess
import sys

import pytest
from r1_on_eks.cli import main, parser


def commands(of, path=()):
    """Each command that does something, by its words."""
    below = [one for one in of._actions if isinstance(one, argparse._SubParsersAction)]
    if path and (not below or of.get_default("run")):
        yield " ".join(path), of
    for one in below:
        for word, sub in one.choices.items():
            yield from commands(sub, (*path, word))


COMMANDS = dict(commands(parser()))


def test_alone_it_says_what_to_do_next(capsys):
    assert main([]) == 0
    for line in capsys.readouterr().out.splitlines():
        if line.startswith("  r1 "):
            for command in line.split("   ")[0].split(", "):
                parser().parse_args(command.split(" -- ")[0].split()[1:])


def test_it_tells_its_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out.startswith("r1-on-eks ")


@pytest.mark.parametrize("command", COMMANDS)
def test_each_help_has_an_example(command):
    _, _, said = COMMANDS[command].format_help().partition("\n\n")
    assert any(line.strip().startswith(f"r1 {command} ") for line in said.splitlines())


def test_after_ctrl_c_there_is_one_line(monkeypatch, capsys):
    def interrupted(_):
        raise KeyboardInterrupt

    stopped = argparse.Namespace(run=interrupted)
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", lambda *_: stopped)
    assert main(["variants"]) == 130
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_reader_who_leaves_early_gets_no_traceback():
    words = [sys.executable, "-m", "r1_on_eks.cli", "plan", "all-variants", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141
