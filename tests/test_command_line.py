"""`r1` as a whole: what it says alone, its helps, and how it ends."""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from r1_on_eks.cli import main, parser

ROOT = Path(__file__).parent.parent


def commands(of, path=()):
    """Each command that does something, by its words."""
    below = [one for one in of._actions if isinstance(one, argparse._SubParsersAction)]
    if path and (not below or of.get_default("run")):
        yield " ".join(path), of
    for one in below:
        for word, sub in one.choices.items():
            yield from commands(sub, (*path, word))


COMMANDS = dict(commands(parser()))
ABOUT_A_STACK = {
    command: action
    for command, of in COMMANDS.items()
    for action in of._actions
    if action.metavar == "STACK" or action.dest == "stack"
    if command != "new"  # it makes one that isn't there yet
}
# What they need beside the stack's name.
BESIDE = {"extend": ["4h"]}
BEFORE = {"rehearse": ["report"]}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A copy of the project, beside a `pulumi` that knows no stack."""
    shutil.copytree(ROOT / "stacks", tmp_path / "stacks")
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    pulumi = tmp_path / "bin" / "pulumi"
    pulumi.parent.mkdir()
    pulumi.write_text("#!/bin/sh\necho \"error: no stack named '$5' found\" >&2; exit 255\n")
    pulumi.chmod(0o755)
    monkeypatch.setenv("PATH", str(pulumi.parent))
    monkeypatch.chdir(tmp_path)
    return tmp_path


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


@pytest.mark.parametrize("command", ABOUT_A_STACK)
@pytest.mark.parametrize(
    ("stack", "hint"), [("prod-70", "did you mean prod-70b?"), ("no-such", "there are all-var")]
)
def test_an_unknown_stack_is_misuse_and_the_nearest_is_told(command, stack, hint, project, capfd):
    words = [command.split()[0], *BEFORE.get(command, command.split()[1:])]
    assert main([*words, stack, *BESIDE.get(command, [])]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith(f"r1 {words[0]}: no ")
    assert hint in line


def test_a_misspelt_command_is_misuse_and_the_nearest_is_told(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["statsu", "prod-70b"])
    assert "did you mean status?" in capsys.readouterr().err


@pytest.mark.parametrize("columns", ["40", "80", "120"])
@pytest.mark.parametrize(
    "words", ["variants", "recommend --task chat", "plan prod-70b", "cost prod-70b", "pins"]
)
def test_no_figure_is_cut_and_nothing_is_coloured(words, columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main(words.split()) in (0, 1)
    printed = capsys.readouterr().out
    assert not re.search(r"[\d.]…|\x1b\[3[0-7]m", printed), printed


@pytest.mark.parametrize(
    ("line", "found"),
    [("r1 rec", ["recommend", "recover"]), ("r1 status prod-7", ["prod-70b"]),
     ("r1 sweep te", ["test-7b"]), ("r1 cost prod-70b --fo", ["--format"])],
)  # fmt: skip
def test_a_shell_completes_commands_options_and_stacks(line, found, tmp_path):
    told = tmp_path / "told"
    asked = {"COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE": "1",
             "IFS": "\v", "_ARGCOMPLETE_STDOUT_FILENAME": str(told)}  # fmt: skip
    subprocess.run(
        [sys.executable, "-m", "r1_on_eks.cli"], env={**os.environ, **asked}, cwd=ROOT, check=False
    )
    assert sorted(word.strip() for word in told.read_text().split("\v")) == found


def test_the_completion_of_each_shell_is_printed(capsys):
    for shell in ("bash", "zsh", "fish"):
        assert main(["completion", shell]) == 0
        assert "r1" in capsys.readouterr().out


def test_after_ctrl_c_there_is_one_line(monkeypatch, capsys):
    def interrupted(_):
        raise KeyboardInterrupt

    stopped = argparse.Namespace(run=interrupted)
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", lambda *_: stopped)
    assert main(["variants"]) == 130
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("words", ["plan all-variants --json", "plan prod-70b"])
def test_a_reader_who_leaves_early_gets_no_traceback(words):
    words = [sys.executable, "-m", "r1_on_eks.cli", *words.split()]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141
