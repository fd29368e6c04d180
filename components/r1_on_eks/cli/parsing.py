"""What all commands share: how they are added, and how a wrong word is answered."""

import argparse
import difflib
import re
import sys
from collections.abc import Callable
from typing import Any

_CHOICE = re.compile(r"invalid choice: '([^']*)' \(choose from (.*)\)")


class Parser(argparse.ArgumentParser):
    """Says what was probably meant."""

    def error(self, message: str) -> Any:
        """Ends with 2, after one line."""
        if found := _CHOICE.search(message):
            known = [one.strip("' ") for one in found[2].split(",")]
            if near := difflib.get_close_matches(found[1], known, n=1):
                message = message.replace(found[0], f"no {found[1]!r}; did you mean {near[0]}?")
        super().error(message)


def add_command(
    subcommands: Any, name: str, about: str, told: str, run: Callable[..., int], **options: Any
) -> Any:
    """Adds one command.

    Args:
        subcommands: Of the whole parser.
        name: What is typed.
        about: One line of `r1 --help`.
        told: Its own help, with an example.
        run: Carries it out; takes the parsed words and returns the exit status.
        **options: Of argparse.
    """
    command = subcommands.add_parser(
        name,
        help=about,
        description=told,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **options,
    )
    command.set_defaults(run=run)
    return command


def add_stack(command: argparse.ArgumentParser) -> None:
    """The stack that a command is about."""
    command.add_argument("stack", metavar="STACK", help="of stacks/Pulumi.<STACK>.yaml")


def positive(text: str) -> float:
    """A number over 0 that a word of a command line says.

    Raises:
        argparse.ArgumentTypeError: it says none.
    """
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no positive number; write 0.5")
    return value


def lacks(missing: ModuleNotFoundError, command: str, extra: str) -> int:
    """Says which extra a command needs; the status to end with.

    Args:
        missing: What was not found.
        command: Its words.
        extra: Of the distribution.

    Raises:
        ModuleNotFoundError: a module of this package is missing, which no extra brings.
    """
    if (missing.name or "").startswith("r1_on_eks"):
        raise missing
    print(f"r1 {command}: needs {missing.name}: pip install 'r1-on-eks[{extra}]'", file=sys.stderr)
    return 2
