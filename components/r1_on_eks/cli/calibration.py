"""`r1 calibrate`: its words."""

import argparse
from typing import Any

from r1_on_eks.cli.parsing import add_command, lacks

_CALIBRATE_HELP = """\
Fits the coefficients of the speed model to measured rows and writes them into the catalogue,
with the errors on rows left out of the fit (minutes). With --score it only says how far the
committed coefficients are off.

  r1 calibrate benchmarks/measured.csv more.csv
  r1 calibrate --score benchmarks/measured.csv
  r1 calibrate --score benchmarks/measured.csv --page docs/estimates.md
"""


def add(subcommands: Any) -> None:
    """Adds `r1 calibrate`."""
    calibrate = add_command(
        subcommands, "calibrate", "fit the speed model to measured rows, or score it",
        _CALIBRATE_HELP, _run,
    )  # fmt: skip
    calibrate.add_argument(
        "rows", nargs="+", metavar="ROWS.csv", help="tables with the columns of measured.csv"
    )
    calibrate.add_argument(
        "--score", action="store_true", help="print errors by group, without fitting"
    )
    calibrate.add_argument("--page", metavar="FILE", help="with --score: write the page there")
    calibrate.add_argument("--json", action="store_true", help="with --score: print it as JSON")


def _run(arguments: argparse.Namespace) -> int:
    try:
        from r1_on_eks.calibration import commands
    except ModuleNotFoundError as missing:
        return lacks(missing, "calibrate", "calibration")
    return commands.run(arguments)
