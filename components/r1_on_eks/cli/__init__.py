"""`r1`: the command line. It parses, calls and prints; it decides nothing.

Each module beside this one adds its commands with `add`, and names as `run` the function that
carries one out: it takes the parsed arguments and returns the exit status. What a command needs
is loaded when it is carried out, so that none waits for another's libraries.
"""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version

from r1_on_eks.cli import (
    bench,
    calibration,
    completion,
    cost,
    keys,
    new,
    operations,
    pins,
    planning,
    readiness,
    rehearsal,
    scaling,
    weights,
)
from r1_on_eks.cli.parsing import Parser

# In the order of `r1 --help`.
_ROOMS = (
    new, planning, scaling, cost, readiness, weights, pins, bench, calibration, keys, operations,
    rehearsal, completion,
)  # fmt: skip


# What `r1` alone says: the way of a new user.
_NEXT = """\
DeepSeek-R1 on Amazon EKS. Without an account:
  r1 recommend --task chat --budget 20         which variant, on what, for how much
  r1 plan prod-70b                             what a stack would stand up
  r1 cost prod-70b                             what it would cost
  r1 rehearse -- pulumi up --stack prod-70b    all of it on this machine
With one:
  r1 check prod-70b                            is the account ready, and what is lacking
  r1 weights sync prod-70b                     the weights, into your bucket
  pulumi up --stack prod-70b
How it is; when an update died; to be sure that nothing is left:
  r1 status prod-70b, r1 recover prod-70b, r1 sweep prod-70b
All commands: r1 --help
"""
_INTERRUPTED, _NOBODY_READS = 128 + signal.SIGINT, 128 + signal.SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """The console script `r1`.

    Returns:
        0 fine, 1 the answer is no, 2 misuse; 130 after Ctrl-C, 141 where nobody reads the answer;
        or the exit status of a rehearsed command.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    whole = parser()
    completion.complete(whole)
    if not words:
        print(_NEXT, end="")
        return 0
    split = words.index("--") if "--" in words else len(words)
    arguments = whole.parse_args(words[:split])
    arguments.command = words[split + 1 :]
    try:
        status = arguments.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("r1: interrupted; the same command goes on or begins again", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # Python would say so once more when it closes the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _NOBODY_READS
    return status


def parser() -> argparse.ArgumentParser:
    """Of every command, with its options and an example."""
    whole = Parser(
        prog="r1", description="DeepSeek-R1 on Amazon EKS.", epilog="example: r1 plan prod-70b"
    )
    whole.add_argument("--version", action="version", version=f"r1-on-eks {version('r1-on-eks')}")
    subcommands = whole.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")
    for room in _ROOMS:
        room.add(subcommands)
    return whole
