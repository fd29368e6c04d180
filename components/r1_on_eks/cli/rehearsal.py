"""`r1 rehearse`: its words."""

import argparse
from typing import Any

from r1_on_eks.cli.parsing import add_command
from r1_on_eks.rehearsal.fault_words import KINDS

_REHEARSE_HELP = """\
Runs any command inside a local cloud: AWS and Kubernetes on this machine, no account needed.
The cloud starts with the first command and stays up until it is stopped.

  r1 rehearse -- pulumi up --yes --stack prod-70b
  r1 rehearse -- kubectl get pods --all-namespaces -o wide
  r1 rehearse -- aws eks list-clusters
  r1 rehearse --fault no-capacity:p4d.24xlarge -- pulumi up --yes --stack prod-70b
  r1 rehearse report prod-70b     what stands up, where, the routes, one streamed answer
  r1 rehearse pace 200,20         stand-ins answer after 200 ms, then a token each 20 ms
  r1 rehearse prepare             make its tools ready (the first time: 15 minutes of building)
  r1 rehearse status              what runs now
  r1 rehearse stop                ends it; local cloud and stack states are forgotten together
"""


def add(subcommands: Any) -> None:
    """Adds `r1 rehearse`."""
    rehearse = add_command(
        subcommands,
        "rehearse",
        "run a command in a local cloud",
        _REHEARSE_HELP,
        _run,
        usage="r1 rehearse [-h] [prepare | stop | status | report STACK | pace TTFT,TPOT]"
        " [--fault FAULT]... [-- COMMAND ...]",
        epilog=_faults(),
    )
    rehearse.add_argument(
        "action",
        nargs="?",
        choices=["prepare", "stop", "status", "report", "pace"],
        help=argparse.SUPPRESS,
    )
    rehearse.add_argument("words", nargs="?", help=argparse.SUPPRESS)
    rehearse.add_argument("--json", action="store_true", help="status: print it as JSON")
    rehearse.add_argument(
        "--expect-empty",
        action="store_true",
        help="stop: exit with 1 if the local cloud still held a resource",
    )
    rehearse.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="FAULT",
        help="what goes wrong while COMMAND runs, again for each (below)",
    )
    rehearse.set_defaults(usage=rehearse.format_usage())


def _faults() -> str:
    lines = (f"  {written}\n      {told}" for written, told in KINDS.values())
    return "\n".join(["faults:", *lines])


def _run(arguments: argparse.Namespace) -> int:
    from r1_on_eks.rehearsal import commands

    return commands.run(arguments)
