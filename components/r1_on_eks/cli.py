"""`r1`: the command line. It parses, calls and prints; it decides nothing."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

_REHEARSE_HELP = """\
Runs any command inside a local cloud: AWS and Kubernetes on this machine, no account needed.
The cloud starts with the first command and stays up until it is stopped.

  r1 rehearse -- pulumi up --yes --stack prod-70b
  r1 rehearse -- kubectl get pods --all-namespaces -o wide
  r1 rehearse -- aws eks list-clusters
  r1 rehearse report prod-70b     what stands up, where, the routes, one streamed answer
  r1 rehearse prepare             make its tools ready (the first time: 15 minutes of building)
  r1 rehearse status              what runs now
  r1 rehearse stop                ends it; local cloud and stack states are forgotten together
"""

_CALIBRATE_HELP = """\
Fits the coefficients of the speed model to measured rows and writes them into the catalogue,
with the errors on rows left out of the fit (minutes). With --score it only says how far the
committed coefficients are off.

  r1 calibrate benchmarks/measured.csv more.csv
  r1 calibrate --score benchmarks/measured.csv
  r1 calibrate --score benchmarks/measured.csv --page docs/estimates.md
"""


def main(argv: Sequence[str] | None = None) -> int:
    """The console script `r1`.

    Returns:
        0 fine, 1 the answer is no, 2 misuse; or the exit status of a rehearsed command.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    split = words.index("--") if "--" in words else len(words)
    command = words[split + 1 :]
    arguments = _parser().parse_args(words[:split])
    # Loaded here: planning commands must not wait for moto and the Kubernetes client.
    if arguments.subcommand == "calibrate":
        try:
            from r1_on_eks.calibration import commands as calibration
        except ModuleNotFoundError as missing:
            print(f"r1 calibrate needs {missing.name}: pip install 'r1-on-eks[calibration]'")
            return 2
        return calibration.run(arguments)
    from r1_on_eks.rehearsal import commands

    return commands.run(arguments, command)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="r1", description="DeepSeek-R1 on Amazon EKS.")
    subcommands = parser.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")
    _add_calibrate(subcommands)
    rehearse = subcommands.add_parser(
        "rehearse",
        help="run a command in a local cloud",
        description=_REHEARSE_HELP,
        usage="r1 rehearse [-h] [prepare | stop | status | report STACK] [-- COMMAND ...]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    rehearse.add_argument(
        "action",
        nargs="?",
        choices=["prepare", "stop", "status", "report"],
        help=argparse.SUPPRESS,
    )
    rehearse.add_argument("stack", nargs="?", help=argparse.SUPPRESS)
    rehearse.add_argument("--json", action="store_true", help="status: print it as JSON")
    rehearse.add_argument(
        "--expect-empty",
        action="store_true",
        help="stop: exit with 1 if the local cloud still held a resource",
    )
    rehearse.set_defaults(usage=rehearse.format_usage())
    return parser


def _add_calibrate(subcommands: Any) -> None:
    calibrate = subcommands.add_parser(
        "calibrate",
        help="fit the speed model to measured rows, or score it",
        description=_CALIBRATE_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    calibrate.add_argument(
        "rows", nargs="+", metavar="ROWS.csv", help="tables with the columns of measured.csv"
    )
    calibrate.add_argument(
        "--score", action="store_true", help="print errors by group, without fitting"
    )
    calibrate.add_argument("--page", metavar="FILE", help="with --score: write the page there")
    calibrate.add_argument("--json", action="store_true", help="with --score: print it as JSON")


if __name__ == "__main__":
    sys.exit(main())
