"""`r1`: the command line. It parses, calls and prints; it decides nothing.

Each module beside this one adds its commands with `add`, and names as `run` the function that
carries one out: it takes the parsed arguments and returns the exit status. What a command needs
is loaded when it is carried out, so that none waits for another's libraries.
"""

import argparse
import sys
from collections.abc import Sequence

from r1_on_eks.cli import (
    calibration,
    cost,
    keys,
    operations,
    pins,
    planning,
    readiness,
    rehearsal,
    weights,
)

# In the order of `r1 --help`.
_ROOMS = (planning, cost, readiness, weights, pins, calibration, keys, operations, rehearsal)


def main(argv: Sequence[str] | None = None) -> int:
    """The console script `r1`.

    Returns:
        0 fine, 1 the answer is no, 2 misuse; or the exit status of a rehearsed command.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    split = words.index("--") if "--" in words else len(words)
    arguments = parser().parse_args(words[:split])
    arguments.command = words[split + 1 :]
    return arguments.run(arguments)


def parser() -> argparse.ArgumentParser:
    """Of every command, with its options and an example."""
    whole = argparse.ArgumentParser(prog="r1", description="DeepSeek-R1 on Amazon EKS.")
    subcommands = whole.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")
    for room in _ROOMS:
        room.add(subcommands)
    return whole
