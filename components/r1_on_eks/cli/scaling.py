"""`r1 scale`: its words."""

import argparse
from pathlib import Path
from typing import Any

_SCALE_HELP = """\
How the replicas of a stack's variants follow the requests: from and to how many, by which
figures, how long a further replica takes to answer, what the fewest and all of them cost.

A day of requests is replayed against it, in a second or two: replicas over time as a plot,
requests that waited, and the day's cost against all replicas standing always. --trace names a
file with a day of yours, `HH:MM,requests a second` to a line; without it the day is made up: an
office's, whose busiest hour is the variant's rate. Exits with 1 where replicas flap or requests
still wait at the end.

  r1 scale team-7b
  r1 scale team-7b --trace monday.csv
  r1 scale team-7b --json
"""


def add(subcommands: Any) -> None:
    """Adds the command."""
    scale = subcommands.add_parser(
        "scale",
        help="how replicas follow the requests: a day replayed, its cost",
        description=_SCALE_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    scale.add_argument("stack", metavar="STACK", help="of stacks/Pulumi.<STACK>.yaml")
    scale.add_argument("--trace", type=Path, metavar="FILE", help="a day of your own, as CSV")
    scale.add_argument("--json", action="store_true", help="print it as JSON")
    scale.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from r1_on_eks.planning import scaling_commands

    return scaling_commands.run(arguments)
