"""`r1 completion`: words and stacks completed by the shell."""

import argparse
import os
from collections.abc import Iterator
from typing import Any

from r1_on_eks.cli.parsing import add_command

_HELP = """\
Prints what makes a shell complete the commands, options and stacks of r1. Once, for all shells to
come:

  r1 completion bash >> ~/.bashrc
  r1 completion zsh >> ~/.zshrc
"""
_SHELLS = ("bash", "zsh", "fish")


def add(subcommands: Any) -> None:
    """Adds `r1 completion`."""
    command = add_command(
        subcommands, "completion", "complete words and stacks in your shell", _HELP, _run
    )
    command.add_argument("shell", choices=_SHELLS, help="which shell")


def complete(parser: argparse.ArgumentParser) -> None:
    """Answers a shell that asks what a line may go on with, and ends; else does nothing."""
    if "_ARGCOMPLETE" not in os.environ:
        return
    import argcomplete

    from r1_on_eks.stack_file import stack_names

    for one in _all_of(parser):
        for action in one._actions:
            if action.metavar == "STACK":
                action.completer = lambda **_: stack_names()  # type: ignore[attr-defined]
    argcomplete.autocomplete(parser)


def _all_of(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                yield from _all_of(one)


def _run(arguments: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode

    print(shellcode(["r1"], shell=arguments.shell))
    return 0
